"""Ledger, provider and checkpoints are compared: each way in which they may differ is found, and nothing else is."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from backend.campaigns import LEASE, Campaigns
from backend.domain.campaign import DecisionRequest
from backend.domain.instants import from_text, to_text
from backend.mail import OutboxMailer
from backend.ports import Deliveries, Delivery, KnownBy
from backend.reconciling import Booked, Reconciliation, reconcile
from backend.store.books import D1Books
from tests.mail.emails import an_email
from tests.northwind import SCRIPT
from tests.story.fleet import Fleet, open_fleet

MONTH = timedelta(days=30)


async def sent_twice(fleet: Fleet, folder: Path) -> OutboxMailer:
    """Two touches of a thread, in the outbox, the second five days before now."""
    mailer = OutboxMailer(folder)
    campaigns: Campaigns = fleet.on(fleet.database, mailer=mailer)
    await fleet.enrol()
    for _ in range(2):
        await fleet.fast_forward()
        await campaigns.decide(await fleet.pending(), DecisionRequest("approve", "ana"))
    fleet.clock.advance(timedelta(days=5))
    return mailer


async def compare(fleet: Fleet, deliveries: Deliveries | None, since: timedelta = MONTH) -> Reconciliation:
    """Compare with a new process's eyes."""
    return await reconcile(fleet.service.books, deliveries, since=since)


@pytest.mark.req("SEND-R14")
async def test_what_agrees_is_not_named(tmp_path: Path) -> None:
    """Two emails sent, both there, both remembered; also where only the last days are looked at."""
    async with open_fleet(SCRIPT) as fleet:
        mailer = await sent_twice(fleet, tmp_path)
        found = await compare(fleet, mailer)
        assert (found.mismatches, found.rows, found.deliveries, found.elsewhere) == ([], 2, 2, 0)
        recent = await compare(fleet, mailer, timedelta(days=5))
        assert (recent.mismatches, recent.rows, recent.deliveries) == ([], 1, 1)


def files_in(folder: Path) -> list[Path]:
    """The emails of an outbox, the earliest first."""
    return sorted(folder.glob("*.eml"))


async def lose_a_delivery(fleet: Fleet, folder: Path) -> None:
    """A file of the outbox is gone."""
    del fleet
    files_in(folder)[0].unlink()


async def deliver_by_hand(fleet: Fleet, folder: Path) -> None:
    """Somebody sent an email beside the ledger."""
    await OutboxMailer(folder).send(an_email(sent_at=to_text(fleet.clock.now())))


async def deliver_twice(fleet: Fleet, folder: Path) -> None:
    """The first email leaves once more, under another key."""
    del fleet
    first = files_in(folder)[0]
    (folder / f"{first.stem}-again.eml").write_bytes(first.read_bytes())


async def forget_in_the_checkpoint(fleet: Fleet, folder: Path) -> None:
    """The threads' checkpoints are gone."""
    del folder
    await fleet.saver.adelete_thread("close:ada")


async def damage_the_checkpoint(fleet: Fleet, folder: Path) -> None:
    """The threads' checkpoints cannot be read."""
    del folder
    await fleet.rows.damage_checkpoints()


def in_the_ledger(state: str) -> Callable[[Fleet, Path], Awaitable[None]]:
    """The ledger says this of every send."""

    async def change(fleet: Fleet, folder: Path) -> None:
        del folder
        await fleet.rows.set_sends(state=state)

    change.__name__ = f"ledger says {state}"
    return change


@pytest.mark.req("SEND-R14", "SEND-R15")
@pytest.mark.parametrize(
    ("change", "whats"),
    [
        (lose_a_delivery, ["it is sent, and outbox does not have it"]),
        (deliver_by_hand, ["outbox has delivered it to ada@mill.example, "]),
        (deliver_twice, ["outbox has delivered it 2 times"]),
        (forget_in_the_checkpoint, ["it is sent, and its thread's checkpoint does not know it"] * 2),
        (damage_the_checkpoint, ["its thread's checkpoint cannot be read: "] * 2),
        (
            in_the_ledger("unknown"),
            ["nobody is about to settle it; outbox has delivered it", "holds it as sent, and the ledger as unknown"] * 2,
        ),
        (in_the_ledger("failed"), ["it is failed, and outbox has delivered it", "and the ledger as failed"] * 2),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_each_difference_is_named(
    tmp_path: Path, change: Callable[[Fleet, Path], Awaitable[None]], whats: list[str]
) -> None:
    """With its thread, its touch and its Message-ID where a row knows it; and it is named again the next time."""
    async with open_fleet(SCRIPT) as fleet:
        await sent_twice(fleet, tmp_path)
        await change(fleet, tmp_path)
        for _ in range(2):
            found = (await compare(fleet, OutboxMailer(tmp_path))).mismatches
            assert len(found) == len(whats)
            assert all(what in one.what for what, one in zip(whats, found, strict=True))
            by_hand = change is deliver_by_hand
            assert {one.thread_id for one in found} == {"" if by_hand else "close:ada"}
            assert ("<touch-1@forge.example>" in {one.email for one in found}) is by_hand


@pytest.mark.req("SEND-R15")
async def test_what_is_under_way_is_not_named(tmp_path: Path) -> None:
    """A worker died after the provider's yes: until the sweep that goes on nothing is wrong; what nobody goes on with is."""
    async with open_fleet(SCRIPT) as fleet:
        mailer = OutboxMailer(tmp_path)
        lease, _, email = await fleet.approved_but_not_sent()
        sent = replace(email, sent_at=to_text(fleet.clock.now()))
        reservation = await fleet.campaigns.ledger.reserve(lease, step=0, version=1, email=sent, provider=mailer.name)
        await mailer.send(reservation.email)
        assert (await compare(fleet, mailer)).mismatches == []
        fleet.clock.advance(LEASE)
        assert (await compare(fleet, mailer)).mismatches == []
        await fleet.rows.set_threads(status="parked", next_touch_at=None)
        (one,) = (await compare(fleet, mailer)).mismatches
        assert one.what == "it is reserved, and nobody is about to settle it; outbox has delivered it"


@pytest.mark.req("SEND-R15")
async def test_without_the_provider_ledger_and_checkpoints_are_compared_all_the_same(tmp_path: Path) -> None:
    """No provider to ask, or another one than the rows': their number is told, and a thread that forgot is still found."""
    async with open_fleet(SCRIPT) as fleet:
        await sent_twice(fleet, tmp_path)
        await fleet.rows.set_sends(provider="resend")
        for deliveries, unknown in ((None, 0), (OutboxMailer(tmp_path), 2)):
            found = await compare(fleet, deliveries)
            assert (len(found.mismatches), found.elsewhere) == (0, 2)
            del unknown
        await fleet.saver.adelete_thread("close:ada")
        assert len((await compare(fleet, None)).mismatches) == 2


@dataclass(frozen=True)
class Listed:
    """A provider that names each email by an id of its own, and has these."""

    has_them: Sequence[Delivery]
    name: str = "recording"
    known_by: KnownBy = "provider_id"

    async def since(self, instant: datetime, senders: Collection[str]) -> AsyncIterator[Delivery]:
        """See `ports.Deliveries.since`."""
        assert senders
        for delivery in self.has_them:
            if from_text(delivery.at) >= instant:
                yield delivery

    async def has(self, delivery_id: str) -> bool:
        """See `ports.Deliveries.has`."""
        return any(delivery.id == delivery_id for delivery in self.has_them)


TO_ADA, TO_BOB = (Delivery(f"e-{name}", f"{name}@northwind.example", "2026-11-23T09:00:01.000Z") for name in ("ada", "bob"))
NOBODY_KNOWS = f"recording has delivered it to {TO_BOB.recipient}, {TO_BOB.at}, and no row of the ledger knows it"
OPEN = "it is unknown, and nobody is about to settle it"


@pytest.mark.req("SEND-R17")
@pytest.mark.parametrize(
    ("state", "has_them", "whats"),
    [
        ("sent", [], []),
        ("sent", [TO_ADA, TO_BOB], [NOBODY_KNOWS]),
        ("unknown", [], [OPEN]),
        ("unknown", [TO_ADA], [f"{OPEN}; recording has delivered it"]),
        ("unknown", [TO_BOB], [OPEN, NOBODY_KNOWS]),
        ("not_delivered", [], []),
        ("not_delivered", [TO_ADA], ["it is not delivered, and recording has delivered it"]),
    ],
)
async def test_an_email_whose_id_never_came_back_is_known_by_its_recipient(
    state: str, has_them: Sequence[Delivery], whats: Sequence[str]
) -> None:
    """Its answer was lost, and a person has perhaps said what became of it: it is never said that the provider lacks it."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        await fleet.resume()
        await fleet.decide("approve")
        await fleet.rows.set_sends(state=state, provider_id="")
        found = await compare(fleet, Listed(has_them))
        assert [one.what for one in found.mismatches if "checkpoint" not in one.what] == whats
        assert (found.rows, found.deliveries) == (1, len(has_them))


class EarlyBooks(D1Books):
    """Reads rows while runs hold their threads, and checkpoints after the runs have committed both."""

    async def pages(self, since: timedelta, *, overlap: timedelta) -> AsyncIterator[Sequence[Booked]]:
        """See `reconciling.Books.pages`."""
        async for page in D1Books.pages(self, since, overlap=overlap):
            yield [replace(row, state="reserved", is_under_way=True) for row in page]


@pytest.mark.req("SEND-R15")
async def test_a_send_that_is_settled_between_two_readings_is_not_named() -> None:
    """The ledger said reserved, and the checkpoint that was read after it knows the email as sent."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        await fleet.resume()
        await fleet.decide("approve")
        early = EarlyBooks(fleet.database, fleet.saver)
        assert (await reconcile(early, None, since=MONTH)).mismatches == []
