"""Mail providers behind the Mailer port."""

from backend.mail.outbox import OutboxMailer

__all__ = ["OutboxMailer"]
