"""An email that may have left: by whom it is repeated, until when, what is looked at before, and what is recorded of it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from backend.campaigns import LEASE
from backend.d1.statements import Result, Statement
from backend.domain.campaign import DecisionRequest
from backend.errors import MailPostponed
from backend.mail import OutboxMailer
from backend.ports import OutgoingEmail
from tests.fakes.killer import Killed, KillingMailer
from tests.fakes.mailer import RecordingMailer
from tests.fakes.passing_database import PassingDatabase
from tests.northwind import SCRIPT
from tests.story.fleet import Fleet, open_fleet

NEVER = timedelta(0)
RESERVATION = "INSERT INTO send_ledger"


@dataclass
class FreezingDatabase(PassingDatabase):
    """Lets something happen between the answer to the first reservation and the line after it, as if frozen there."""

    meanwhile: Callable[[], Awaitable[None]] = field(kw_only=True)
    froze: bool = False

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """See `Database.batch`."""
        results = await self.database.batch(statements)
        if not self.froze and RESERVATION in statements[0].sql:
            self.froze = True
            await self.meanwhile()
        return results


@dataclass
class InterruptedMailer(RecordingMailer):
    """Lets something happen between the provider's yes and the line after it."""

    meanwhile: Callable[[], Awaitable[None]] | None = None

    async def send(self, email: OutgoingEmail) -> str:
        """See `ports.Mailer.send`."""
        provider_id = await RecordingMailer.send(self, email)
        if self.meanwhile:
            await self.meanwhile()
        return provider_id


async def approve(fleet: Fleet, mailer: RecordingMailer | KillingMailer) -> None:
    """Approve the one draft that waits, with this provider."""
    campaigns = fleet.on(fleet.database, mailer=mailer)
    await campaigns.decide(await fleet.pending(), DecisionRequest("approve", "ana"))


async def waiting(fleet: Fleet) -> None:
    """Let a first draft wait."""
    await fleet.enrol()
    await fleet.resume()


@pytest.mark.req("RUN-R12")
async def test_what_one_provider_may_have_sent_is_never_posted_at_another() -> None:
    """A accepts and its answer is lost, the service comes back with B: B is not asked, the touch is unknown, a person looks."""
    async with open_fleet(SCRIPT) as fleet:
        await waiting(fleet)
        a, b = RecordingMailer(name="a"), RecordingMailer(name="b")
        a.lose_answer()
        await approve(fleet, a)
        fleet.clock.advance(timedelta(minutes=2))
        (run,) = (await fleet.on(fleet.database, mailer=b).resume()).runs
        assert (run.status, len(a.delivered), b.attempts.total()) == ("parked", 1, 0)
        assert [(row["state"], row["provider"]) for row in await fleet.rows.sends()] == [("unknown", "a")]


@pytest.mark.req("RUN-R13")
@pytest.mark.parametrize("host_is_off", [timedelta(minutes=-2), NEVER, timedelta(minutes=2)])
async def test_a_provider_without_a_window_is_asked_once_whatever_the_clocks_say(host_is_off: timedelta) -> None:
    """Killed after its email left; neither a sweep nor a requeue, nor a clock that runs behind, posts it again."""
    async with open_fleet(SCRIPT) as fleet:
        await waiting(fleet)
        forgetful = RecordingMailer(replay_window=NEVER)
        with pytest.raises(Killed):
            await approve(fleet, KillingMailer(forgetful, "after"))
        fleet.clock.advance(LEASE)
        again = fleet.on(fleet.database, mailer=forgetful)
        for _ in range(2):
            (run,) = (await again.resume()).runs
            assert run.status == "parked"
            fleet.clock.advance(host_is_off)
            await fleet.service.parked.requeue("close", "ada", principal="op")
            fleet.clock.advance(timedelta(minutes=5))
        assert forgetful.attempts.total() == 1
        assert await fleet.rows.send_states() == ["unknown"]


@pytest.mark.req("RUN-R14", "AA02-R22")
@pytest.mark.parametrize("event", ["reply", "suppression", "stop", "recipient"])
async def test_what_happens_while_a_process_is_frozen_before_the_send_counts(event: str) -> None:
    """Frozen for 20 hours between its own claim and a provider that remembers for 24: the gate is looked at again."""
    async with open_fleet(SCRIPT) as fleet:
        await waiting(fleet)

        async def meanwhile() -> None:
            fleet.clock.advance(timedelta(hours=20))
            match event:
                case "reply":
                    await fleet.service.intake.mark("ada", "replied", evidence="<r@northwind.example>", principal="webhook")
                case "suppression":
                    await fleet.rows.suppress("ada@northwind.example")
                case "stop":
                    await fleet.campaigns.stop("close", "ada", principal="op")
                case _:
                    await fleet.rows.set_campaigns(sender_name="Somebody Else")

        frozen = fleet.on(FreezingDatabase(fleet.database, meanwhile=meanwhile))
        await frozen.decide(await fleet.pending(), DecisionRequest("approve", "ana"))
        assert fleet.mailer.attempts.total() == 0
        status = (await fleet.thread())["status"]
        assert status == ("awaiting_approval" if event == "recipient" else "stopped")
        assert await fleet.rows.send_states() == (["unknown"] if event == "stop" else [])


@pytest.mark.req("RUN-R14")
async def test_a_process_frozen_past_its_lease_leaves_the_send_to_the_next() -> None:
    """Another worker took the thread over and sent; the frozen one finds its lease gone and posts nothing."""
    async with open_fleet(SCRIPT) as fleet:
        await waiting(fleet)

        async def meanwhile() -> None:
            fleet.clock.advance(LEASE + timedelta(seconds=1))
            await fleet.resume()

        frozen = fleet.on(FreezingDatabase(fleet.database, meanwhile=meanwhile))
        report = await frozen.decide(await fleet.pending(), DecisionRequest("approve", "ana"))
        assert report.status == "lease_lost"
        assert (fleet.mailer.attempts.total(), await fleet.rows.send_states()) == (1, ["sent"])


@pytest.mark.req("RUN-R14")
async def test_a_short_pause_asks_nothing_again() -> None:
    """Half a minute between claim and send costs no request."""
    async with open_fleet(SCRIPT) as fleet:
        await waiting(fleet)

        async def meanwhile() -> None:
            fleet.clock.advance(timedelta(seconds=30))

        before = fleet.database.meter.copy()
        frozen = fleet.on(FreezingDatabase(fleet.database, meanwhile=meanwhile))
        assert (await frozen.decide(await fleet.pending(), DecisionRequest("approve", "ana"))).sent
        assert fleet.database.meter.since(before).requests == 3 + 1


@pytest.mark.req("RUN-R15")
@pytest.mark.parametrize("end", ["reply", "suppression", "stop"])
async def test_an_email_that_may_have_left_is_unknown_when_its_thread_ends(end: str) -> None:
    """Killed after the provider accepted, and then the thread ends: the touch is shown as unknown, not as never tried."""
    async with open_fleet(SCRIPT) as fleet:
        await waiting(fleet)
        with pytest.raises(Killed):
            await approve(fleet, KillingMailer(fleet.mailer, "after"))
        if end == "reply":
            await fleet.flag("ada", "replied")
        if end == "suppression":
            await fleet.rows.suppress("ada@northwind.example")
        if end == "stop":
            await fleet.campaigns.stop("close", "ada", principal="op")
        fleet.clock.advance(LEASE)
        await fleet.resume()
        assert ((await fleet.thread())["status"], fleet.mailer.attempts.total()) == ("stopped", 1)
        (touch,) = (await fleet.service.views.thread("close", "ada")).touches
        assert touch.ledger
        assert (touch.ledger.state, touch.ledger.settled_at is not None) == ("unknown", True)


@pytest.mark.req("RUN-R16")
async def test_a_yes_that_comes_to_an_overtaken_worker_is_recorded() -> None:
    """While the provider answers, the lease ends and another worker parks the touch as unknown; the yes puts it right."""
    async with open_fleet(SCRIPT) as fleet:
        await waiting(fleet)

        async def meanwhile() -> None:
            fleet.clock.advance(LEASE + timedelta(seconds=1))
            (run,) = (await fleet.on(fleet.database, mailer=RecordingMailer(replay_window=NEVER)).resume()).runs
            assert (run.status, await fleet.rows.send_states()) == ("parked", ["unknown"])

        slow = InterruptedMailer(replay_window=NEVER, meanwhile=meanwhile)
        await approve(fleet, slow)
        assert await fleet.rows.send_states() == ["sent"]
        (run,) = (await fleet.resume()).runs
        assert (run.status, run.sent, run.step) == ("scheduled", True, 1)
        assert (len(slow.delivered), fleet.mailer.attempts.total()) == (1, 0)


@dataclass
class MeetingMailer(RecordingMailer):
    """Says not now to the first send once the second has delivered, whose yes waits until `first_ended`."""

    first_began: asyncio.Event = field(default_factory=asyncio.Event)
    second_delivered: asyncio.Event = field(default_factory=asyncio.Event)
    first_ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, email: OutgoingEmail) -> str:
        """See `ports.Mailer.send`."""
        if not self.first_began.is_set():
            self.first_began.set()
            await self.second_delivered.wait()
            raise MailPostponed(self.name, "too many requests")
        provider_id = await RecordingMailer.send(self, email)
        self.second_delivered.set()
        await self.first_ended.wait()
        return provider_id


@pytest.mark.req("RUN-R16")
async def test_a_not_now_that_comes_to_an_overtaken_worker_gives_nothing_back() -> None:
    """Another worker took the touch over and delivered it: what the first gives up is no longer its own, and *sent* is kept."""
    async with open_fleet(SCRIPT) as fleet:
        await waiting(fleet)
        mailer = MeetingMailer()
        first = asyncio.create_task(
            fleet.on(fleet.database, mailer=mailer).decide(await fleet.pending(), DecisionRequest("approve", "ana"))
        )
        await mailer.first_began.wait()
        fleet.clock.advance(LEASE + timedelta(seconds=1))
        second = asyncio.create_task(fleet.on(fleet.database, mailer=mailer).resume())
        assert (await first).status == "lease_lost"
        mailer.first_ended.set()
        (run,) = (await second).runs
        assert (run.sent, await fleet.rows.send_states(), len(mailer.delivered)) == (True, ["sent"], 1)


@pytest.mark.req("AA02-R21")
async def test_a_refused_send_stays_refused_until_a_person_says_otherwise() -> None:
    """The next run does not try again what the provider refused; a requeue forgets the refusal, and it is tried anew."""
    async with open_fleet(SCRIPT) as fleet:
        await waiting(fleet)
        fleet.mailer.refuse()
        await fleet.decide("approve")
        await fleet.rows.set_threads(status="decided", next_touch_at="2026-01-01T00:00:00.000Z")
        (run,) = (await fleet.resume()).runs
        assert (run.status, fleet.mailer.attempts.total()) == ("parked", 1)
        await fleet.service.parked.requeue("close", "ada", principal="op")
        (run,) = (await fleet.resume()).runs
        assert (run.sent, fleet.mailer.attempts.total()) == (True, 2)


async def test_two_workers_with_one_approval_post_once() -> None:
    """A click and a sweep at the same instant: the fence lets one of them claim the touch."""
    async with open_fleet(SCRIPT) as fleet:
        await waiting(fleet)
        draft_id = await fleet.pending()
        other = fleet.on(fleet.database)
        await asyncio.gather(fleet.decide_on(draft_id, "approve"), other.resume())
        await fleet.resume()
        assert fleet.mailer.attempts.total() == 1


@pytest.mark.req("SERVE-R14")
async def test_what_the_outbox_cannot_write_has_not_left_and_is_tried_again(tmp_path: Path) -> None:
    """Approved while a file stands where the folder should be: told as not delivered, no attempt counted; then sent, once."""
    obstacle = tmp_path / "outbox"
    obstacle.write_text("no folder")
    async with open_fleet(SCRIPT) as fleet:
        await waiting(fleet)
        campaigns = fleet.on(fleet.database, mailer=OutboxMailer(obstacle))
        report = await campaigns.decide(await fleet.pending(), DecisionRequest("approve", "ana"))
        assert (report.status, report.sent, await fleet.rows.sends()) == ("decided", False, [])
        assert "It was not delivered" in report.reason
        assert "may have left" not in report.reason
        assert (await fleet.rows.thread())["attempts"] == 0
        obstacle.unlink()
        fleet.clock.advance(timedelta(minutes=1))
        (run,) = (await campaigns.resume()).runs
        assert (run.sent, len(list(obstacle.glob("*.eml")))) == (True, 1)


@pytest.mark.req("SEND-R12")
async def test_a_second_claim_that_is_given_back_keeps_the_spent_key_spent() -> None:
    """Said to be not delivered, then the provider is busy: the next claim has a key that the provider does not know."""
    async with open_fleet(SCRIPT) as fleet:
        await waiting(fleet)
        mailer = RecordingMailer(replay_window=NEVER)
        mailer.lose_answer()
        await approve(fleet, mailer)
        (send,) = (await fleet.service.sends.unknown()).sends
        await fleet.service.sends.resolve(send.send_id, delivered=False, principal="op")
        campaigns = fleet.on(fleet.database, mailer=mailer)
        mailer.postpone()
        await campaigns.resume()
        assert await fleet.rows.send_states() == ["not_delivered"]
        fleet.clock.advance(timedelta(minutes=1))
        (run,) = (await campaigns.resume()).runs
        assert (run.sent, len(mailer.delivered), await fleet.rows.send_states()) == (True, 2, ["sent"])
