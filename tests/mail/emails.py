"""Emails to render and to send."""

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
