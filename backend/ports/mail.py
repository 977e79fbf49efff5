"""A mailer hands one email to a provider."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class OutgoingEmail:
    """One email, whole, as it is frozen in the ledger: equal values render to equal bytes. `sent_at` becomes its Date.

    `body` is what was approved, and `footer` stands below it. `reply_to` is empty where answers go to the sender.
    """

    message_id: str
    idempotency_key: str
    sender_name: str
    sender_address: str
    recipient_name: str
    recipient_address: str
    subject: str
    body: str
    sent_at: str
    headers: dict[str, str] = field(default_factory=dict[str, str])
    reply_to: str = ""
    footer: str = ""

    @property
    def text(self) -> str:
        """The text as its reader has it: what was approved, and the footer."""
        return f"{self.body}\n\n{self.footer}" if self.footer else self.body


class Mailer(Protocol):
    """Hands one email to a provider."""

    @property
    def name(self) -> str:
        """Return the provider's name, for people."""
        ...

    @property
    def replay_window(self) -> timedelta:
        """Return for how long the same idempotency key may be posted again without a second delivery; zero where never."""
        ...

    async def send(self, email: OutgoingEmail) -> str:
        """Deliver `email` at most once per idempotency key within the window, and return the provider's id for it.

        Raises:
            MailRefused: a definite no; nothing was delivered.
            MailPostponed: not now; nothing was delivered, and it may be handed over again.
            MailOutcomeUnknown: it may have been delivered.
        """
        ...
