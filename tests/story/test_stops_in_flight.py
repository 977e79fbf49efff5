"""A pause and a resume that come while a run is under way, and what the thread says afterwards."""

from datetime import timedelta

import pytest

from backend.domain.campaign import DecisionRequest
from backend.domain.stops import EVERYTHING, Scope, StopAction, thread_scope
from backend.ports import Lease
from tests.northwind import SCRIPT
from tests.story.fleet import Fleet, claim, open_fleet

SCOPES = (thread_scope("close", "ada"), Scope("campaign", "close"), Scope("mailbox", "ben@vendor.example"), EVERYTHING)


async def say(fleet: Fleet, action: StopAction, scope: Scope) -> None:
    """Say it as an operator."""
    await fleet.service.stops.say(scope, action, by="op", why="")


async def code(fleet: Fleet) -> str:
    """Why Ada's thread waits."""
    waiting = (await fleet.service.views.thread("close", "ada")).waiting_because
    assert waiting
    return waiting.code


@pytest.mark.req("STOP-R3")
async def test_a_resume_that_comes_before_a_run_sets_its_thread_aside_is_not_lost() -> None:
    """The run read a pause that is over when it commits: the thread is due, and the next sweep takes it."""
    async with open_fleet(SCRIPT) as fleet:
        await say(fleet, "pause", SCOPES[1])
        await fleet.enrol()
        (lease,) = await claim(fleet.campaigns.threads)
        await say(fleet, "resume", SCOPES[1])
        assert (await fleet.campaigns._run(lease, principal="cron")).draft_id is None
        assert fleet.model.asked == []
        assert await code(fleet) == "sweep"
        await fleet.resume()
        assert await fleet.rows.pending() == ["close:ada:0:1"]


@pytest.mark.req("STOP-R7")
async def test_what_ends_in_a_pause_is_counted_there_no_more() -> None:
    """A thread that was set aside and is stopped waits for nothing, whatever is said of the campaign later."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        await say(fleet, "pause", SCOPES[1])
        assert [stop.threads for stop in (await fleet.service.stops.page()).stops] == [1]
        await fleet.campaigns.stop("close", "ada", principal="op")
        assert [stop.threads for stop in (await fleet.service.stops.page()).stops] == [0]
        assert (await fleet.thread())["waiting_code"] is None


@pytest.mark.req("STOP-R1")
@pytest.mark.parametrize("scope", SCOPES, ids=str)
async def test_what_is_due_to_nobody_names_its_pause_and_no_instant(scope: Scope) -> None:
    """A pause of everything leaves the row's instant as it is, and no sweep looks then; the list says it too."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        await say(fleet, "pause", scope)
        (listed,) = (await fleet.service.lists.threads("close")).threads
        assert listed.status_reason.startswith(f"{scope} was paused by op at ")
        assert listed.next_touch_at is None
        waiting = (await fleet.service.views.thread("close", "ada")).waiting_because
        assert waiting
        assert (waiting.code, waiting.until) == ("paused", None)


@pytest.mark.req("STOP-R1", "STOP-R9")
@pytest.mark.parametrize("scope", SCOPES, ids=str)
async def test_a_pause_between_approval_and_send_leaves_the_thread_paused_and_nothing_claimed(scope: Scope) -> None:
    """The claim is given back, the thread names the pause, and after the resume the very text leaves once."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        await fleet.resume()
        request = DecisionRequest("approve", "ana")
        lease = await fleet.campaigns.threads.decide("close:ada:0:1", request, owner="slow", lease=timedelta(minutes=3))
        assert isinstance(lease, Lease)
        await say(fleet, "pause", scope)
        report = await fleet.campaigns._run(lease, principal="ana")
        assert report.reason.startswith(f"It waits for a person's word: {scope} was paused by op")
        assert (await code(fleet), await fleet.rows.sends()) == ("paused", [])
        assert (await fleet.thread())["waiting_for"] == str(scope)
        await say(fleet, "resume", scope)
        await fleet.resume()
        assert list(fleet.mailer.deliveries.values()) == [1]
