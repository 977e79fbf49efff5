"""An outgoing email as bytes: one recipient, plain text, one header a line, and what is read is what was written."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC
from email import message_from_bytes
from email.header import Header, decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Final, NoReturn

from backend.domain.instants import from_text
from backend.domain.text import UNSAFE_IN_HEADER
from backend.errors import ArrivalDiffers, MailRefused
from backend.mail.address import read_address
from backend.ports import OutgoingEmail

_REFUSED_BY: Final = "This service"
_MAX_LINE_CHARS: Final = 998  # RFC 5322, 2.1.1
_MAX_ENCODED_LINE_CHARS: Final = 76  # RFC 2047, 2
_UNSAFE_IN_BODY: Final = re.compile("[\x00\ud800-\udfff]")
_LINE_END: Final = re.compile("\r\n?|\n")
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
        ArrivalDiffers: a mail program would read another text out of the bytes. Nothing was sent.
    """
    head = {
        "From": _mailbox("From", "sender", email.sender_name, email.sender_address),
        "To": _mailbox("To", "recipient", email.recipient_name, email.recipient_address),
        "Subject": _encode("Subject", _header_text("subject", email.subject)),
        "Date": _date(email.sent_at),
        "Message-ID": _message_id(email.message_id),
        **dict(_custom_headers(email.headers)),
    }
    if _UNSAFE_IN_BODY.search(email.body):
        _refuse("its body holds a NUL character or half of a surrogate pair")
    content = EmailMessage(policy=SMTP)
    content.set_content(email.body, cte=_transfer_encoding(email.body))
    rendered = "".join(f"{name}: {value}\r\n" for name, value in head.items()).encode("ascii") + content.as_bytes()
    check_arrival(email, rendered)
    return rendered


def check_arrival(email: OutgoingEmail, rendered: bytes) -> None:
    """Read `rendered` as a mail program does and compare subject, names, addresses and body with `email`.

    Line ends are one kind of line end, and the last line is ended; nothing else may differ.

    Raises:
        ArrivalDiffers: they are not the same. Nothing was sent.
    """
    arrived = message_from_bytes(rendered)
    sender, recipient = (parseaddr(arrived[header]) for header in ("From", "To"))
    body = arrived.get_payload(decode=True)
    parts = {
        "subject": (_decode(arrived["Subject"]), email.subject),
        "sender's name": (_decode(sender[0]), email.sender_name),
        "recipient's name": (_decode(recipient[0]), email.recipient_name),
        "recipient's address": (recipient[1], read_address(email.recipient_address).ascii_email),
        "body": (_lines(body.decode() if isinstance(body, bytes) else ""), _lines(email.body)),
    }
    for part, (read, written) in parts.items():
        if read != written:
            raise ArrivalDiffers(part)


def _refuse(why: str) -> NoReturn:
    raise MailRefused(_REFUSED_BY, why) from None


def _header_text(what: str, text: str) -> str:
    if UNSAFE_IN_HEADER.search(text):
        _refuse(f"its {what} holds a line break, a control character or '=?', where another header or encoded text could begin")
    if len(text) + len(what) > _MAX_LINE_CHARS - len(": "):
        _refuse(f"its {what} is longer than a line of mail may be, {_MAX_LINE_CHARS} characters")
    return text


def _encode(header: str, text: str) -> str:
    """`text` on one line if it is ASCII that nobody trims, because folding tears long links; else as RFC 2047 has it.

    All of the text is encoded then, spaces too: a space between two encoded words is not read.
    """
    if text.isascii() and text == " ".join(text.split()):
        return text
    return Header(text, "utf-8", _MAX_ENCODED_LINE_CHARS, header).encode(linesep="\r\n")


def _decode(text: str) -> str:
    return str(make_header(decode_header(text)))


def _mailbox(header: str, what: str, name: str, address: str) -> str:
    try:
        addr_spec = read_address(address).ascii_email
    except ValueError as why:
        _refuse(f"its {what}'s address {why}")
    encoded = _encode(header, _header_text(f"{what}'s name", name))
    return str(Address(name, addr_spec=addr_spec)) if encoded == name else f"{encoded} <{addr_spec}>"


def _date(sent_at: str) -> str:
    with suppress(ValueError, OverflowError):
        at = from_text(sent_at)
        if at.tzinfo is not None:
            return format_datetime(at.astimezone(UTC))
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
        yield name, _encode(name, _header_text(name, value))


def _transfer_encoding(body: str) -> str:
    readable = body.isascii() and all(len(line) <= _MAX_LINE_CHARS for line in _LINE_END.split(body))
    return "7bit" if readable else "quoted-printable"


def _lines(body: str) -> list[str]:
    """The lines of `body`, without the empty one that an end of the last line leaves."""
    lines = _LINE_END.split(body)
    return lines[:-1] if len(lines) > 1 and not lines[-1] else lines
