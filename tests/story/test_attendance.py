"""Attendance: whatever was due is accounted for, and it shows when nobody sweeps or nobody decides."""

import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from backend.campaigns import LEASE
from backend.d1.statements import Statement
from backend.domain.attendance import AttendanceLimits
from backend.domain.campaign import DecisionRequest
from backend.domain.stops import EVERYTHING
from backend.errors import ModelCallFailed
from backend.ports import RollCall
from tests.fakes.clock import SkewedClock
from tests.fakes.threads import DueThreads
from tests.northwind import SCRIPT
from tests.story.fleet import Fleet, claim, open_fleet, wire
from tests.story.test_sweep_width import HUNDRED, sweep

LIMITS = AttendanceLimits(tick_max_age=timedelta(minutes=15), draft_max_wait=timedelta(days=4))
DAMAGE = "UPDATE threads SET fence = 1152921504606846977 WHERE thread_id = ?1"
"""A fence that no JSON number carries, so no claim can name it."""


async def reasons(fleet: Fleet) -> list[str]:
    """What is not as it is meant to be."""
    return (await fleet.service.attendance.read()).reasons(LIMITS, by_name=True)


@pytest.mark.req("SWEEP-R12")
async def test_every_due_thread_is_accounted_for() -> None:
    """Composed, ended, failed, held by another, and one that cannot be taken: each is told as what it is."""
    contacts = ["ada", "bo", "cy", "dee", "eli"]
    async with open_fleet(SCRIPT, contacts=contacts) as fleet:
        await fleet.campaigns.enrol("close", contacts, principal="op")
        await fleet.flag("bo", "replied")
        await fleet.database.batch([Statement(DAMAGE, ("close:eli",))])
        (other,) = await claim(fleet.campaigns.threads, owner="another")
        with capture_logs() as logs:
            report = await fleet.resume()
        ran = {run.thread_id: run.status for run in report.runs}
        assert other.thread_id == "close:ada"
        assert ran == {"close:bo": "stopped", "close:cy": "awaiting_approval", "close:dee": "awaiting_approval"}
        assert (report.absent, report.left, report.took_all) == (["close:eli"], 0, True)
        assert [log["threads"] for log in logs if log["event"] == "sweep.absent"] == [["close:eli"]]
        assert await reasons(fleet) == [
            "threads that were due when the last whole sweep began and were taken by none: 1: close:eli"
        ]
        await fleet.rows.set_threads(fence=0)
        fleet.clock.advance(timedelta(minutes=1))
        assert (await fleet.resume()).absent == []
        assert await reasons(fleet) == []


@pytest.mark.req("SWEEP-R12")
async def test_what_failed_was_let_go_or_was_cut_off_is_not_absent() -> None:
    """A failed run, a thread let go and a killed sweep's: each is due later than the sweep that had it began."""
    async with open_fleet({**SCRIPT, "email:compose": RuntimeError("broken")}, contacts=["ada", "bo", "cy"]) as fleet:
        await fleet.campaigns.enrol("close", ["ada", "bo", "cy"], principal="op")
        threads = fleet.campaigns.threads
        fleet.clock.advance(timedelta(seconds=1))
        _killed, released = await claim(threads, limit=2)
        (failed,) = (await fleet.resume()).runs
        assert failed.error
        fleet.clock.advance(timedelta(seconds=1))
        await threads.let_go([released])
        assert await reasons(fleet) == []
        fleet.clock.advance(LEASE)
        assert await reasons(fleet) == []


@pytest.mark.req("SWEEP-R12")
async def test_after_a_pause_of_everything_nobody_is_absent_who_could_not_be_taken() -> None:
    """Sweeps of the pause, and one that began in it and ends after it, name nobody; the first sweep after it takes all."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        await fleet.service.stops.say(EVERYTHING, "pause", by="op", why="")
        fleet.clock.advance(timedelta(hours=1))
        threads = fleet.campaigns.threads
        await fleet.resume()
        look = await threads.look(limit=10)
        fleet.clock.advance(timedelta(seconds=1))
        await fleet.service.stops.say(EVERYTHING, "resume", by="op", why="")
        assert await reasons(fleet) == []
        roll = RollCall(look.number, look.at, is_whole=True, is_told=True)
        assert (await threads.claim([], owner="slow", lease=LEASE, roll=roll)).absent == []
        assert await reasons(fleet) == []
        fleet.clock.advance(timedelta(minutes=2))
        await fleet.database.batch([Statement(DAMAGE, ("close:ada",))])
        assert (await fleet.resume()).absent == ["close:ada"]
        assert len(await reasons(fleet)) == 1


@pytest.mark.req("SWEEP-R12")
async def test_a_gap_that_was_over_before_its_run_ended_makes_nobody_absent() -> None:
    """A sweep that began while the run of an old rejection was under way could not have taken the next touch."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        await fleet.resume()
        await fleet.campaigns.decide_together({await fleet.pending(): DecisionRequest("reject", "ana")})
        fleet.clock.advance(timedelta(days=10))
        (lease,) = await claim(fleet.campaigns.threads)
        await fleet.resume()
        fleet.clock.advance(timedelta(seconds=1))
        assert (await fleet.campaigns._run(lease, principal="cron")).step == 1
        assert await reasons(fleet) == []
        assert (await fleet.resume()).counts["awaiting_approval"] == 1


@pytest.mark.req("SWEEP-R12")
def test_what_another_sweep_took_is_left_to_it_and_counted() -> None:
    """Of thirty seen two are another's by the time of the claim."""
    swept = sweep(DueThreads(HUNDRED[:30], others={HUNDRED[3], HUNDRED[17]}), lambda _: 0.1)
    assert swept.report.counts["left"] == 2
    assert swept.report.counts["claimed"] == 28


@pytest.mark.req("SWEEP-R12")
async def test_a_sweep_that_is_cut_short_calls_nobody_absent() -> None:
    """Two of five due threads are all that one may take, and another is told to stop: the rest is due, and not absent."""
    contacts = [f"c{number}" for number in range(5)]
    async with open_fleet(SCRIPT, contacts=contacts) as fleet:
        await fleet.campaigns.enrol("close", contacts, principal="op")
        assert (await fleet.campaigns.resume(max_threads=2)).absent == []
        stop = asyncio.Event()
        stop.set()
        assert (await fleet.campaigns.resume(stop=stop)).absent == []
        assert await reasons(fleet) == []


@pytest.mark.req("SWEEP-R13")
async def test_nobody_sweeps_and_it_shows() -> None:
    """A quarter of an hour after the last sweep; a fresh database, and one where all threads have ended, miss none."""
    async with open_fleet(SCRIPT) as fleet:
        fleet.clock.advance(timedelta(days=400))
        assert await reasons(fleet) == []
        await fleet.enrol()
        fleet.clock.advance(timedelta(minutes=15))
        assert await reasons(fleet) == []
        fleet.clock.advance(timedelta(minutes=1))
        assert await reasons(fleet) == ["no sweep for 16 minutes, where at most 15 minutes are meant"]
        await fleet.touch()
        assert await reasons(fleet) == []
        fleet.clock.advance(timedelta(hours=5))
        assert await reasons(fleet) == ["no sweep for 5 hours, where at most 15 minutes are meant"]
        await fleet.resume()
        assert await reasons(fleet) == []
        fleet.clock.advance(timedelta(minutes=30))
        await fleet.campaigns.stop("close", "ada", principal="op")
        assert await reasons(fleet) == []


@pytest.mark.req("SWEEP-R13")
async def test_hosts_agree_on_when_the_last_sweep_was() -> None:
    """A host whose clock is an hour off sweeps: for all it was now, by the database's clock."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        fleet.clock.advance(timedelta(hours=1))
        off = SkewedClock(fleet.clock, timedelta(hours=-1))
        await wire(fleet.database, off, fleet.model, fleet.mailer, fleet.flags).resume()
        attendance = await fleet.service.attendance.read()
        assert attendance.swept_at == fleet.clock.now() == attendance.now


@pytest.mark.req("SWEEP-R14")
async def test_a_draft_waits_too_long_and_it_shows() -> None:
    """Four days and a minute after it was written, however often somebody sweeps; decided on, it is forgotten."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        await fleet.resume()
        for waited, said in ((timedelta(days=4), []), (timedelta(minutes=1), ["a draft has waited 4 days for a person"])):
            fleet.clock.advance(waited)
            await fleet.resume()
            assert [reason.partition(",")[0] for reason in await reasons(fleet)] == said
        await fleet.decide("reject")
        assert await reasons(fleet) == []


@pytest.mark.req("SWEEP-R15")
async def test_sweeps_write_a_row_a_minute_at_most() -> None:
    """Ten empty sweeps within a minute write one row, the next minute's another."""
    async with open_fleet(SCRIPT) as fleet:
        for _ in range(2):
            before = fleet.database.meter.copy()
            for _ in range(10):
                await fleet.resume()
                fleet.clock.advance(timedelta(seconds=5))
            assert fleet.database.meter.since(before).rows_written == 1
            fleet.clock.advance(timedelta(seconds=10))


@pytest.mark.req("SWEEP-R15")
def test_a_long_sweep_says_that_it_goes_on() -> None:
    """Ten minutes of runs of a minute each: never five without a word, and the last one is the whole roll."""
    threads = DueThreads(list(HUNDRED), swept_s_ago=0.0)
    sweep(threads, lambda _: 60.0)
    told = [at for at, roll in threads.rolls if roll.is_told]
    assert max(later - earlier for earlier, later in zip([0.0, *told], told, strict=False)) <= 300
    assert [roll.is_whole for _, roll in threads.rolls] == [False] * (len(threads.rolls) - 1) + [True]


async def test_a_model_that_fails_leaves_nobody_absent() -> None:
    """Every call of the model comes to nothing: all drafts are defaults, and all are there."""
    async with open_fleet({"email:compose": ModelCallFailed("it answered 500")}, contacts=["ada", "bo"]) as fleet:
        await fleet.campaigns.enrol("close", ["ada", "bo"], principal="op")
        report = await fleet.resume()
        assert (len(report.runs), report.absent, report.counts["model_failures"]) == (2, [], 2)
