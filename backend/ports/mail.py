"""A mailer hands one email to a provider, which can be asked what it has."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol, TypeAlias


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


KnownBy: TypeAlias = Literal["message_id", "provider_id"]
"""The column of the ledger in which a delivery is found."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An email as its provider has it: known there by `id`, which is a Message-ID or the provider's own id."""

    id: str
    recipient: str
    at: str


class Deliveries(Protocol):
    """The record a provider keeps of what it delivered."""

    @property
    def name(self) -> str:
        """Return the provider's name, as the ledger has it."""
        ...

    @property
    def known_by(self) -> KnownBy:
        """Return the column of the ledger that a delivery's `id` is found in."""
        ...

    def since(self, instant: datetime, senders: Collection[str]) -> AsyncIterator[Delivery]:
        """Read what was delivered since `instant` from one of these addresses.

        Raises:
            DeliveriesUnread: the provider did not tell.
        """
        ...

    async def has(self, delivery_id: str) -> bool:
        """Tell whether the provider has this email, however old.

        Raises:
            DeliveriesUnread: the provider did not tell.
        """
        ...
