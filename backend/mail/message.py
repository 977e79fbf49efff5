"""An outgoing email as bytes: one recipient, plain text, and nothing in a header but that header."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from typing import Any, Final, NoReturn

from backend.domain.instants import from_text
from backend.errors import MailRefused
from backend.mail.address import read_address
from backend.ports import OutgoingEmail

_REFUSED_BY: Final = "This service"
_MAX_LINE_CHARS: Final = 998  # RFC 5322, 2.1.1
_UNSAFE_IN_HEADER: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]|=\\?")
_UNSAFE_IN_BODY: Final = re.compile("[\x00\ud800-\udfff]")
_MESSAGE_ID: Final = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")
_HEADER_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_OWN_HEADER: Final = re.compile(
    r"from|sender|to|cc|bcc|subject|date|message-id|mime-version|content-.*|resent-.*|return-path|received", re.IGNORECASE
)


def render(email: OutgoingEmail) -> bytes:
    """The email as it goes over the wire. Equal emails are equal bytes, whatever the time and the machine.

    Raises:
        MailRefused: a header holds a line break or another control character, an address is not exactly one, the id or
            the date is malformed, or a custom header would overrule one of the message's own. Nothing was sent.
    """
    message = EmailMessage(policy=_POLICY)
    message["From"] = _mailbox("sender", email.sender_name, email.sender_address)
    message["To"] = _mailbox("recipient", email.recipient_name, email.recipient_address)
    message["Subject"] = _header_text("subject", email.subject)
    message["Date"] = _date(email.sent_at)
    message["Message-ID"] = _message_id(email.message_id)
    for name, value in _custom_headers(email.headers):
        message[name] = value
    if _UNSAFE_IN_BODY.search(email.body):
        _refuse("its body holds a NUL character or half of a surrogate pair")
    message.set_content(email.body, cte=_transfer_encoding(email.body))
    return message.as_bytes()


class _Unfolded(EmailPolicy):
    """Keeps ASCII headers on one line, because folding tears long ids and links apart; other text is folded by RFC 2047."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        line = f"{name}: {value}"
        return f"{line}\r\n".encode() if line.isascii() else super().fold_binary(name, value)


_POLICY: Final = _Unfolded(linesep="\r\n")


def _refuse(why: str) -> NoReturn:
    raise MailRefused(_REFUSED_BY, why) from None


def _header_text(what: str, text: str) -> str:
    if _UNSAFE_IN_HEADER.search(text):
        _refuse(f"its {what} holds a line break, a control character or '=?', where another header or encoded text could begin")
    if len(text) + len(what) > _MAX_LINE_CHARS - len(": "):
        _refuse(f"its {what} is longer than a line of mail may be, {_MAX_LINE_CHARS} characters")
    return text


def _mailbox(what: str, name: str, address: str) -> Address:
    try:
        addr_spec = read_address(address).ascii_email
    except ValueError as why:
        _refuse(f"its {what}'s address {why}")
    return Address(display_name=_header_text(f"{what}'s name", name), addr_spec=addr_spec)


def _date(sent_at: str) -> datetime:
    with suppress(ValueError, OverflowError):
        at = from_text(sent_at)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    _refuse("its date names no instant")


def _message_id(message_id: str) -> str:
    if not _MESSAGE_ID.fullmatch(message_id):
        _refuse("its Message-ID is not of the form <left@right>")
    return _header_text("Message-ID", message_id)


def _custom_headers(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The headers in the order of their names, since equal mappings may differ in order."""
    if len({name.lower() for name in headers}) < len(headers):
        _refuse("a header stands in it twice")
    for name, value in sorted(headers.items()):
        if not _HEADER_NAME.fullmatch(name) or _OWN_HEADER.fullmatch(name):
            _refuse(f"it may not set the header {name!r}")
        yield name, _header_text(name, value)


def _transfer_encoding(body: str) -> str:
    readable = body.isascii() and all(len(line) <= _MAX_LINE_CHARS for line in body.splitlines())
    return "7bit" if readable else "quoted-printable"
