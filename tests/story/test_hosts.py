"""Three hosts of one database, their clocks minutes apart, killed a hundred times: nothing twice, lost or stuck."""

import random
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from backend.campaigns import LEASE, Campaigns
from backend.domain.campaign import DecisionRequest
from backend.domain.instants import from_text
from backend.errors import Conflict
from tests.fakes.clock import SkewedClock
from tests.fakes.killer import Killed, KillingDatabase
from tests.northwind import SCRIPT
from tests.story.fleet import Fleet, open_fleet, wire

CONTACTS = ("ada", "bo", "cy", "dee", "eli")
SKEWS_S = (-120, 0, 120)
TICK = timedelta(minutes=5)


def mortal_host(fleet: Fleet, off_s: float, *, dies_at: int = 0) -> tuple[Campaigns, KillingDatabase]:
    """The verbs on a host whose clock is off, and its database, by which it dies at a request when `dies_at` is one."""
    life = KillingDatabase(fleet.database, dies_at, "after")
    clock = SkewedClock(fleet.clock, timedelta(seconds=off_s))
    return wire(life, clock, fleet.model, fleet.mailer, fleet.flags), life


def host(fleet: Fleet, off_s: float) -> Campaigns:
    """The verbs on a host whose clock is off."""
    return mortal_host(fleet, off_s)[0]


async def work(fleet: Fleet, campaigns: Campaigns) -> None:
    """A tick, then a person who approves whatever waits."""
    await campaigns.resume()
    for draft_id in await fleet.rows.pending():
        with suppress(Conflict):
            await campaigns.decide(draft_id, DecisionRequest("approve", "ana"))


async def time_passes(fleet: Fleet) -> None:
    """One lease and one tick; when nothing is under way, time until the next touch, or a new contact when all are done."""
    threads = await fleet.rows.threads()
    due = [from_text(row["next_touch_at"]) for row in threads if row["status"] == "scheduled"]
    if {row["status"] for row in threads} <= {"scheduled", "completed"} and due:
        fleet.clock.set(max(min(due), fleet.clock.now()))
    elif {row["status"] for row in threads} == {"completed"}:
        await fleet.add_contact(f"more{len(threads)}")
        await fleet.campaigns.enrol("close", [f"more{len(threads)}"], principal="op")
    fleet.clock.advance(LEASE + TICK)


@pytest.mark.req("RUN-R6", "RUN-R1")
@pytest.mark.parametrize("seed", range(2))
async def test_hosts_that_disagree_and_die_send_everything_once(seed: int) -> None:
    """A hundred kills; whenever a sound host works for once, a lease and a tick later, it takes everything up again."""
    dice, kills = random.Random(seed), 0  # noqa: S311  # dice of a story
    async with open_fleet(SCRIPT, coach=True, contacts=CONTACTS) as fleet:
        await fleet.campaigns.enrol("close", CONTACTS, principal="op")
        hosts = [mortal_host(fleet, off_s) for off_s in SKEWS_S]
        while kills < 50:
            for dying, life in dice.sample(hosts, k=len(hosts)):
                life.requests, life.at, life.moment = 0, dice.randint(1, 9), dice.choice(["before", "after"])
                try:
                    await work(fleet, dying)
                except Killed:
                    kills += 1
            fleet.clock.advance(LEASE + TICK)
            await work(fleet, fleet.campaigns)
            statuses = {row["status"] for row in await fleet.rows.threads()}
            assert statuses <= {"scheduled", "completed"}
            await time_passes(fleet)
        assert set(fleet.mailer.deliveries.values()) == {1}
        assert len(fleet.mailer.delivered) == sum(row["step"] for row in await fleet.rows.threads())
        assert set(await fleet.rows.send_states()) == {"sent"}


@pytest.mark.req("RUN-R1")
@pytest.mark.parametrize("skews", [(-120, 0, 120), (120, -120, 0), (0, 120, -120), (-86_400, 86_400, 0)])
async def test_threads_go_on_from_host_to_host_whatever_their_clocks_say(skews: Sequence[float]) -> None:
    """Composed on one, sent back on the next, approved on a sound one: the draft goes on and the email leaves."""
    async with open_fleet(SCRIPT, coach=True) as fleet:
        await fleet.enrol()
        first, second, third = (host(fleet, off_s) for off_s in skews)
        (composed,) = (await first.resume()).runs
        again = await second.decide(composed.draft_id or "", DecisionRequest("regenerate", "ana", feedback="Shorter."))
        assert (again.status, again.draft_id) == ("awaiting_approval", "close:ada:0:2")
        await third.decide("close:ada:0:2", DecisionRequest("approve", "ana"))
        fleet.clock.advance(TICK)
        await fleet.resume()
        assert len(fleet.mailer.delivered) == 1
        assert (await fleet.thread())["step"] == 1


@pytest.mark.req("RUN-R1")
async def test_a_lease_taken_by_a_host_days_ahead_ends_when_its_time_has_passed() -> None:
    """Killed with a lease in its hands, a host of next week blocks nobody longer than one of today."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        with pytest.raises(Killed):
            await mortal_host(fleet, 86_400 * 7, dies_at=2)[0].resume()
        assert (await fleet.resume()).runs == []
        fleet.clock.advance(LEASE + timedelta(seconds=1))
        assert [run.status for run in (await fleet.resume()).runs] == ["awaiting_approval"]


@pytest.mark.req("RUN-R2", "RUN-R9")
@pytest.mark.parametrize("off_s", [-31, 31, 86_400])
async def test_a_host_whose_clock_is_off_sends_nothing_and_says_so(off_s: float) -> None:
    """The approval, the draft and the attempts stay, the log names the seconds, and a sound host sends a minute later."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        await fleet.resume()
        with capture_logs() as logs:
            report = await host(fleet, off_s).decide(await fleet.pending(), DecisionRequest("approve", "ana"))
        assert (report.status, report.sent, report.error) == ("decided", False, "")
        assert "clock and the database's differ" in report.reason
        assert [log["seconds"] for log in logs if log["event"] == "clock.differs"] == [off_s]
        thread = await fleet.thread()
        assert (thread["status"], thread["attempts"], await fleet.rows.sends()) == ("decided", 0, [])
        assert (await fleet.resume()).runs == []
        fleet.clock.advance(timedelta(minutes=1))
        assert [run.sent for run in (await fleet.resume()).runs] == [True]


@pytest.mark.req("RUN-R2")
async def test_half_a_minute_is_no_difference() -> None:
    """Thirty seconds either way send."""
    for off_s in (-30, 30):
        async with open_fleet(SCRIPT) as fleet:
            await fleet.enrol()
            await fleet.resume()
            assert (await host(fleet, off_s).decide(await fleet.pending(), DecisionRequest("approve", "ana"))).sent
