"""An outgoing email as bytes: one recipient, text and its HTML, one header a line, and what is read is what was written."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC
from email import message_from_bytes
from email.header import Header, decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage, Message
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from hashlib import sha256
from typing import Final, NoReturn

from backend.domain.instants import from_text
from backend.domain.text import UNSAFE_IN_HEADER
from backend.errors import ArrivalDiffers, MailRefused
from backend.mail.address import read_address
from backend.mail.markup import as_html, read_html, with_plain_blanks
from backend.ports import OutgoingEmail

_REFUSED_BY: Final = "This service"
_MAX_LINE_CHARS: Final = 998  # RFC 5322, 2.1.1
_MAX_ENCODED_LINE_CHARS: Final = 76  # RFC 2047, 2
_UNSAFE_IN_BODY: Final = re.compile("[\x00\ud800-\udfff]")
_LINE_END: Final = re.compile("\r\n?|\n")
_MESSAGE_ID: Final = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")
_HEADERS_OF_IDS: Final = frozenset({"in-reply-to", "references"})
_HEADER_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_OWN_HEADER: Final = re.compile(
    r"from|sender|reply-to|to|cc|bcc|subject|date|message-id|mime-version|content-.*|resent-.*|return-path|received",
    re.IGNORECASE,
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
        **({"Reply-To": _address_alone("address for answers", email.reply_to)} if email.reply_to else {}),
        "Subject": _encode("Subject", _header_text("subject", email.subject)),
        "Date": _date(email.sent_at),
        "Message-ID": _message_id(email.message_id),
        **dict(_custom_headers(email.headers)),
    }
    if _UNSAFE_IN_BODY.search(email.text):
        _refuse("its body holds a NUL character or half of a surrogate pair")
    html = html_of(email)
    content = EmailMessage(policy=SMTP)
    content.set_content(email.text, cte=_transfer_encoding(email.text))
    content.add_alternative(html, subtype="html", cte=_transfer_encoding(html))
    for form in content.iter_parts():
        del form["MIME-Version"]
    content.set_boundary(f"=_{sha256(email.text.encode()).hexdigest()[:32]}")
    rendered = "".join(f"{name}: {value}\r\n" for name, value in head.items()).encode("ascii") + content.as_bytes()
    check_arrival(email, rendered)
    return rendered


def ascii_address(address: str) -> str:
    """One address as mail servers read it, its domain in IDN ASCII form.

    Raises:
        ValueError: it is not exactly one; the message goes on from "the address".
    """
    return read_address(address).ascii_email or ""


def html_of(email: OutgoingEmail) -> str:
    """The email's text as HTML."""
    return as_html("\n".join(_lines(email.text)))


def check_arrival(email: OutgoingEmail, rendered: bytes) -> None:
    """Read `rendered` as a mail program does and compare headers, names, addresses and both forms of the text with `email`.

    Line ends are one kind of line end, and the last line is ended; in HTML a blank is a blank of any kind. Nothing else may
    differ.

    Raises:
        ArrivalDiffers: they are not the same. Nothing was sent.
    """
    arrived = message_from_bytes(rendered)
    sender, recipient = (parseaddr(arrived[header]) for header in ("From", "To"))
    text, html = _read_forms(arrived)
    written = _lines(email.text)
    parts = {
        "subject": (_decode(arrived["Subject"]), email.subject),
        "sender's name": (_decode(sender[0]), email.sender_name),
        "recipient's name": (_decode(recipient[0]), email.recipient_name),
        "recipient's address": (recipient[1], ascii_address(email.recipient_address)),
        "address for answers": (arrived["Reply-To"] or "", ascii_address(email.reply_to) if email.reply_to else ""),
        "body": (_lines(text), written),
        "HTML": (read_html(html), with_plain_blanks("\n".join(written))),
    }
    for name, value in email.headers.items():
        # Ids are folded between each other, where mail programs read one blank.
        is_folded = name.lower() in _HEADERS_OF_IDS
        parts[f"header {name}"] = ("".join(arrived[name].splitlines()) if is_folded else _decode(arrived[name]), value)
    for part, (read, meant) in parts.items():
        if read != meant:
            raise ArrivalDiffers(part)


def _read_forms(arrived: Message) -> tuple[str, str]:
    """The text and the HTML of a message that has these two forms; two blanks for any other."""
    forms = list(arrived.walk())
    if [form.get_content_type() for form in forms] != ["multipart/alternative", "text/plain", "text/html"]:
        return "", ""
    text, html = (form.get_payload(decode=True) for form in forms[1:])
    return (text.decode(), html.decode()) if isinstance(text, bytes) and isinstance(html, bytes) else ("", "")


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
    addr_spec = _address_alone(f"{what}'s address", address)
    encoded = _encode(header, _header_text(f"{what}'s name", name))
    return str(Address(name, addr_spec=addr_spec)) if encoded == name else f"{encoded} <{addr_spec}>"


def _address_alone(what: str, address: str) -> str:
    try:
        return ascii_address(address)
    except ValueError as why:
        _refuse(f"its {what} {why}")


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
        yield name, _fold_ids(name, value) if name.lower() in _HEADERS_OF_IDS else _encode(name, _header_text(name, value))


def _fold_ids(header: str, ids: str) -> str:
    """The ids of messages, one a line: a line of mail has a longest length, and a conversation none."""
    found = ids.split(" ")
    if not all(_MESSAGE_ID.fullmatch(message_id) for message_id in found):
        _refuse(f"its {header} holds something else than Message-IDs with a blank between them")
    return "\r\n ".join(_header_text(header, message_id) for message_id in found)


def _transfer_encoding(body: str) -> str:
    readable = body.isascii() and all(len(line) <= _MAX_LINE_CHARS for line in _LINE_END.split(body))
    return "7bit" if readable else "quoted-printable"


def _lines(body: str) -> list[str]:
    """The lines of `body`, without the empty one that an end of the last line leaves."""
    lines = _LINE_END.split(body)
    return lines[:-1] if len(lines) > 1 and not lines[-1] else lines
