"""A process killed at any moment loses nothing and sends nothing twice."""

from datetime import timedelta

import pytest

from backend.campaigns import LEASE, Campaigns
from backend.domain.campaign import DecisionRequest
from backend.errors import LeaseLost
from tests.fakes.killer import Killed, KillingDatabase, KillingMailer, Moment
from tests.northwind import SCRIPT
from tests.story.fleet import Fleet, claim, open_fleet

REQUESTS_OF_A_TOUCH = 7


async def first_touch(fleet: Fleet, campaigns: Campaigns) -> None:
    """What a process does for a first touch: sweep, then a person's approval."""
    await campaigns.resume()
    for draft_id in await fleet.rows.pending():
        await campaigns.decide(draft_id, DecisionRequest("approve", "ana"))


async def recover(fleet: Fleet) -> None:
    """A new process, one lease later; the person decides what waits."""
    fleet.clock.advance(LEASE + timedelta(minutes=1))
    await first_touch(fleet, fleet.on(fleet.database))


@pytest.mark.req("AA02-R20", "AA02-R13")
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("at", range(1, REQUESTS_OF_A_TOUCH))
async def test_killed_between_any_two_requests_the_touch_is_sent_once(at: int, moment: Moment) -> None:
    """Whichever request is the last one, after one lease the touch goes on where it stood and leaves exactly once."""
    async with open_fleet(SCRIPT, coach=True) as fleet:
        await fleet.enrol()
        dying = KillingDatabase(fleet.database, at, moment)
        with pytest.raises(Killed):
            await first_touch(fleet, fleet.on(dying))
        await recover(fleet)
        assert len(fleet.mailer.delivered) == 1
        assert set(fleet.mailer.deliveries.values()) == {1}
        assert (await fleet.thread())["step"] == 1
        assert len(await fleet.rows.drafts()) == 1
        assert await fleet.rows.send_states() == ["sent"]


async def test_a_thread_is_taken_over_when_its_lease_ends() -> None:
    """Three minutes after a process was killed within its run, and not a second before."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        with pytest.raises(Killed):
            await fleet.on(KillingDatabase(fleet.database, 3, "before")).resume()
        fleet.clock.advance(timedelta(seconds=179))
        assert (await fleet.resume()).runs == []
        fleet.clock.advance(timedelta(seconds=1))
        assert [run.status for run in (await fleet.resume()).runs] == ["awaiting_approval"]


async def test_no_request_of_a_first_touch_goes_untested() -> None:
    """A first touch makes exactly the requests the test above kills: see, claim, commit, decide, reserve, commit."""
    async with open_fleet(SCRIPT, coach=True) as fleet:
        await fleet.enrol()
        counting = KillingDatabase(fleet.database, at=0, moment="before")
        await first_touch(fleet, fleet.on(counting))
        assert counting.requests == REQUESTS_OF_A_TOUCH - 1


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_killed_around_the_providers_answer_the_email_leaves_once(moment: Moment) -> None:
    """The repeat carries the frozen body and the same key, so the provider delivers once."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        dying = fleet.on(fleet.database, mailer=KillingMailer(fleet.mailer, moment))
        with pytest.raises(Killed):
            await first_touch(fleet, dying)
        await recover(fleet)
        assert set(fleet.mailer.deliveries.values()) == {1}
        assert (await fleet.thread())["step"] == 1


@pytest.mark.req("AA02-R22")
async def test_a_reply_after_a_cut_off_attempt_keeps_the_email_from_being_posted_again() -> None:
    """Nothing is posted after a reply, not even the repeat of an attempt that may have left."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        with pytest.raises(Killed):
            await first_touch(fleet, fleet.on(fleet.database, mailer=KillingMailer(fleet.mailer, "before")))
        await fleet.flag("ada", "replied")
        await recover(fleet)
        assert fleet.mailer.delivered == []
        assert (await fleet.thread())["status_reason"] == "replied"


async def test_past_the_providers_window_a_person_is_asked_instead_of_a_blind_repeat() -> None:
    """An attempt of unknown outcome is not posted again once the provider may have forgotten its key."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        with pytest.raises(Killed):
            await first_touch(fleet, fleet.on(fleet.database, mailer=KillingMailer(fleet.mailer, "after")))
        fleet.clock.advance(fleet.mailer.replay_window)
        await fleet.resume()
        assert fleet.mailer.attempts.total() == 1
        assert (await fleet.thread())["status"] == "parked"
        assert await fleet.rows.send_states() == ["unknown"]


async def test_a_lost_answer_is_settled_by_the_repeat() -> None:
    """`unknown` becomes `sent` when the provider recognises the key; the contact got one email."""
    async with open_fleet() as fleet:
        await fleet.enrol()
        await fleet.resume()
        fleet.mailer.lose_answer()
        report = await fleet.decide("approve")
        assert report.error
        assert await fleet.rows.send_states() == ["unknown"]
        await fleet.fast_forward()
        assert await fleet.rows.send_states() == ["sent"]
        assert set(fleet.mailer.deliveries.values()) == {1}
        assert fleet.mailer.attempts.total() == 2


async def test_a_refused_email_parks_the_thread_at_once() -> None:
    """A definite no is not tried again by itself."""
    async with open_fleet() as fleet:
        await fleet.enrol()
        await fleet.resume()
        fleet.mailer.refuse()
        assert (await fleet.decide("approve")).status == "parked"
        assert await fleet.rows.send_states() == ["failed"]
        fleet.clock.advance(timedelta(days=30))
        assert (await fleet.resume()).runs == []


async def test_a_run_whose_lease_was_taken_over_commits_nothing() -> None:
    """The run that slept past its lease loses: its commit is refused whole, and the newer run's stands."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        (slept,) = await claim(fleet.campaigns.threads, owner="slept", lease=timedelta(0))
        async with fleet.campaigns.threads.run(slept) as run:
            await fleet.on(fleet.database).resume()
            before = await fleet.thread(), await fleet.rows.audit()
            run.schedule("stopped", step=5, next_touch_at=None)
            with pytest.raises(LeaseLost):
                await run.commit(principal="slept", action="resume")
        assert (await fleet.thread(), await fleet.rows.audit()) == before
        assert before[0]["status"] == "awaiting_approval"
