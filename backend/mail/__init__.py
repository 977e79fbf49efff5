"""Mail providers behind the Mailer port."""

from backend.mail.choice import (
    Provider,
    Resend,
    open_deliveries,
    open_mailer,
    read_mail_url,
    read_sent_url,
    tell_provider,
)
from backend.mail.outbox import OutboxMailer
from backend.mail.resend import ResendMailer
from backend.mail.smtp import SmtpMailer, SmtpServer

__all__ = [
    "OutboxMailer",
    "Provider",
    "Resend",
    "ResendMailer",
    "SmtpMailer",
    "SmtpServer",
    "open_deliveries",
    "open_mailer",
    "read_mail_url",
    "read_sent_url",
    "tell_provider",
]
