"""Ledger, provider and checkpoints are compared: an email that one of them knows and another does not is named.

ledger ⇄ provider      every `sent` is there, once, and nothing is there that no row knows
ledger ⇄ checkpoint    every `sent` is a touch that its thread remembers
"""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from backend.domain.instants import from_text
from backend.domain.suppression import normalise_address
from backend.ports import Deliveries, Delivery, KnownBy, LedgerState

OVERLAP: Final = timedelta(days=2)
"""An email is delivered at most so long after its row was made; rows this much older are read to know deliveries by."""
_CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""A provider's clock is behind the database's by this at most."""

_TOLD: Final = {"reserved", "unknown"}
_MAY_HAVE_LEFT: Final = {*_TOLD, "sent", "not_delivered"}
"""A row in one of these may have an email at its provider although the provider's id for it never came back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """A row of the send ledger. `is_remembered` says that its thread's checkpoint holds it as sent.

    `is_under_way` says that a run holds the thread or a sweep is about to; `is_recent` that the row lies within what was asked.
    """

    thread_id: str
    step: int
    state: LedgerState
    provider: str
    provider_id: str
    message_id: str
    recipient: str
    reserved_at: str
    is_remembered: bool
    is_under_way: bool
    is_recent: bool
    damage: str


class Books(Protocol):
    """The ledger beside the checkpoints."""

    async def begin(self, since: timedelta) -> tuple[datetime, list[str]]:
        """Return the instant that lies `since` before now, by the database's clock, and every sender's address."""
        ...

    def pages(self, since: timedelta, *, overlap: timedelta) -> AsyncIterator[Sequence[Booked]]:
        """Read the rows made within `since` and `overlap`, a page at a time, by thread."""
        ...

    async def known(self, column: KnownBy, ids: Collection[str]) -> set[str]:
        """Return those of `ids` that a row has, however old."""
        ...


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An email on which two of ledger, provider and checkpoint disagree; the place is empty where no row knows it."""

    thread_id: str
    step: int | None
    email: str
    what: str


@dataclass(slots=True)
class Reconciliation:
    """The comparison, and how much was compared."""

    mismatches: list[Mismatch]
    rows: int = 0
    deliveries: int = 0
    elsewhere: int = 0


async def reconcile(books: Books, deliveries: Deliveries | None, *, since: timedelta) -> Reconciliation:
    """Compare what was claimed within `since`; without `deliveries` the provider is left out.

    Raises:
        DeliveriesUnread: the provider did not tell; nothing was compared.
    """
    start, senders = await books.begin(since)
    found = Reconciliation([])
    delivered: Counter[str] = Counter()
    unclaimed: dict[str, Delivery] = {}
    if deliveries:
        async for delivery in deliveries.since(start, senders):
            delivered[delivery.id] += 1
            unclaimed[delivery.id] = delivery
    found.deliveries = delivered.total()
    nameless: list[Booked] = []
    async for page in books.pages(since, overlap=OVERLAP):
        for row in page:
            here = deliveries if deliveries and row.provider == deliveries.name else None
            own_id: str = getattr(row, here.known_by) if here else ""
            unclaimed.pop(own_id, None)
            is_nameless = here is not None and not own_id and row.state in _MAY_HAVE_LEFT
            nameless += [row] * is_nameless
            found.rows += row.is_recent
            found.elsewhere += row.is_recent and here is None
            if is_nameless or not row.is_recent:
                continue
            copies = await _count(here, own_id, row, delivered) if here else None
            found.mismatches += [_mismatch(row, what) for what in _compare(row, copies)]
    if deliveries and unclaimed:
        for each in await books.known(deliveries.known_by, unclaimed):
            del unclaimed[each]
    for row in nameless:
        copies = _claim(row, unclaimed)
        found.mismatches += [_mismatch(row, what) for what in _compare(row, copies) if row.is_recent]
    if deliveries:
        strange = "and no row of the ledger knows it"
        found.mismatches += [
            Mismatch("", None, each.id, f"{deliveries.name} has delivered it to {each.recipient}, {each.at}, {strange}")
            for each in unclaimed.values()
        ]
    return found


def _claim(row: Booked, unclaimed: dict[str, Delivery]) -> int | None:
    """Take the earliest delivery to the recipient that no other row knows; None without one, for then nothing is known."""
    begin, to_them = from_text(row.reserved_at) - _CLOCKS_DIFFER, normalise_address(row.recipient)
    theirs = [each for each in unclaimed.values() if to_them in each.recipient.casefold() and from_text(each.at) >= begin]
    if not theirs:
        return None
    del unclaimed[min(theirs, key=lambda each: each.at).id]
    return 1


async def _count(here: Deliveries, own_id: str, row: Booked, delivered: Counter[str]) -> int:
    """Count the copies of a row's email at its provider; one that is not among the recent ones is asked for by its id."""
    copies = delivered[own_id]
    if copies or row.state != "sent" or not own_id:
        return copies
    return int(await here.has(own_id))


def _compare(row: Booked, copies: int | None) -> list[str]:
    """Say what is wrong with a row; `copies` is how many its provider has, None where it was not asked."""
    wrong: list[str] = []
    if copies is not None and copies > 1:
        wrong.append(f"{row.provider} has delivered it {copies} times")
    if row.state == "sent" and copies == 0:
        wrong.append(f"it is sent, and {row.provider} does not have it")
    if row.state in {"failed", "not_delivered"} and copies:
        wrong.append(f"it is {row.state.replace('_', ' ')}, and {row.provider} has delivered it")
    if row.state in _TOLD and not row.is_under_way:
        there = {None: "", 0: f"; {row.provider} does not have it"}.get(copies, f"; {row.provider} has delivered it")
        wrong.append(f"it is {row.state}, and nobody is about to settle it{there}")
    if row.damage:
        wrong.append(f"its thread's checkpoint cannot be read: {row.damage}")
    elif row.state == "sent" and not row.is_remembered and not row.is_under_way:
        wrong.append("it is sent, and its thread's checkpoint does not know it")
    elif row.state != "sent" and row.is_remembered and not row.is_under_way:
        wrong.append(f"its thread's checkpoint holds it as sent, and the ledger as {row.state.replace('_', ' ')}")
    return wrong


def _mismatch(row: Booked, what: str) -> Mismatch:
    return Mismatch(row.thread_id, row.step, row.message_id, what)
