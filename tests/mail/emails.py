"""Emails to render and to send."""

from email.message import EmailMessage
from typing import Any

from backend.mail import Provider, read_mail_url
from backend.ports import OutgoingEmail


def an_email(**changes: Any) -> OutgoingEmail:
    """An ordinary email, with `changes`."""
    fields: dict[str, Any] = {
        "message_id": "<touch-1@forge.example>",
        "idempotency_key": "touch-1",
        "sender_name": "Grace Miller",
        "sender_address": "grace@forge.example",
        "recipient_name": "Ada Lovell",
        "recipient_address": "ada@mill.example",
        "subject": "A shorter close",
        "body": "Hello Ada,\n\nwould fifteen minutes next week be worth your time?\n\nGrace\n",
        "sent_at": "2026-11-23T09:00:00.000Z",
    }
    return OutgoingEmail(**fields | changes)


def smtp_at(port: int, login: str = "") -> Provider:
    """The SMTP server on this port of loopback."""
    return read_mail_url(f"smtp://{login}127.0.0.1:{port}", outbox_dir="")


def text_of(message: EmailMessage) -> str:
    """The text of a message that has one beside its HTML."""
    return content_of(message, "plain")


def html_in(message: EmailMessage) -> str:
    """Its HTML."""
    return content_of(message, "html")


def content_of(message: EmailMessage, subtype: str) -> str:
    """One of the two forms of a message, with newlines as line ends."""
    plain, html = message.iter_parts()
    assert [part.get_content_type() for part in (plain, html)] == ["text/plain", "text/html"]
    part = plain if subtype == "plain" else html
    assert isinstance(part, EmailMessage)
    return str(part.get_content()).replace("\r\n", "\n")
