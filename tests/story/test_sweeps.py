"""Cron: ticks may double, overlap and come late."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from backend.domain.instants import to_text
from backend.errors import ModelCallFailed
from tests.northwind import PLAN, SCRIPT
from tests.story.fleet import open_fleet


async def test_ten_ticks_at_once_run_each_due_thread_once() -> None:
    """However ticks overlap, a due thread is composed once and its draft is one row."""
    contacts = [f"contact{number}" for number in range(60)]
    async with open_fleet(SCRIPT, contacts=contacts) as fleet:
        await fleet.campaigns.enrol("close", contacts, principal="op")
        reports = await asyncio.gather(*(fleet.on(fleet.database).resume() for _ in range(10)))
        ran = [run.thread_id for report in reports for run in report.runs]
        assert sorted(ran) == sorted(f"close:{contact_id}" for contact_id in contacts)
        assert fleet.model.count("email:compose") == len(contacts)


async def test_a_sweep_takes_no_more_than_it_may() -> None:
    """Twelve of thirteen due threads, in claims of ten and two, and it says that something is left; the next takes the last."""
    contacts = [f"contact{number}" for number in range(13)]
    async with open_fleet(contacts=contacts) as fleet:
        await fleet.campaigns.enrol("close", contacts, principal="op")
        swept = [await fleet.campaigns.resume(max_threads=12) for _ in range(3)]
        assert [(len(report.runs), report.took_all) for report in swept] == [(12, False), (1, True), (0, True)]


@pytest.mark.req("AA02-R20")
async def test_a_tick_never_touches_a_draft_that_waits() -> None:
    """A thread that awaits a decision is not due, for weeks; its draft stays the same row."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        await fleet.resume()
        before = await fleet.rows.drafts()
        for _ in range(5):
            fleet.clock.advance(timedelta(days=7))
            assert (await fleet.resume()).runs == []
        assert await fleet.rows.drafts() == before


@pytest.mark.req("AA02-R19")
async def test_a_touch_is_not_due_before_its_gap_has_passed() -> None:
    """One second before the gap ends a tick does nothing; at its end it composes."""
    async with open_fleet() as fleet:
        await fleet.enrol()
        await fleet.touch()
        fleet.clock.advance(timedelta(days=4, seconds=-1))
        assert (await fleet.resume()).runs == []
        fleet.clock.advance(timedelta(seconds=1))
        assert [run.status for run in (await fleet.resume()).runs] == ["awaiting_approval"]


async def test_the_row_says_when_a_thread_is_due() -> None:
    """An operator who brings a touch forward in its row is obeyed by the next tick."""
    async with open_fleet() as fleet:
        await fleet.enrol()
        await fleet.touch()
        await fleet.rows.set_threads(next_touch_at=to_text(fleet.clock.now()))
        assert [run.status for run in (await fleet.resume()).runs] == ["awaiting_approval"]


@pytest.mark.req("AA02-R15")
async def test_a_planned_first_gap_delays_the_first_touch() -> None:
    """A coach that waits three days before the first touch is obeyed, and is not asked again."""
    patient = {**SCRIPT, "campaign:coach_plan": {**PLAN, "cadence_days": [3, 4, 5]}}
    async with open_fleet(patient, coach=True) as fleet:
        await fleet.enrol()
        (run,) = (await fleet.resume()).runs
        assert run.status == "scheduled"
        start = fleet.clock.now()
        await fleet.touch()
        assert fleet.clock.now() - start == timedelta(days=3)
        assert fleet.model.count("campaign:coach_plan") == 1


@pytest.mark.req("AA02-R5")
async def test_five_failures_park_a_thread_and_never_stop_the_others() -> None:
    """The plan made before a failing composition is kept; the waits grow, and the fifth failure parks it with its error."""
    broken: dict[str, Any] = {**SCRIPT, "email:compose": RuntimeError("the writer is broken")}
    async with open_fleet(broken, coach=True) as fleet:
        await fleet.enrol()
        began_at = [fleet.clock.now()]
        for _ in range(5):
            (run,) = (await fleet.fast_forward()).runs
            began_at.append(fleet.clock.now())
            assert "RuntimeError" in run.error
        assert [(later - earlier) // timedelta(minutes=1) for earlier, later in pairwise(began_at)] == [0, 1, 5, 15, 60]
        thread = await fleet.thread()
        assert (thread["status"], thread["attempts"], thread["next_touch_at"]) == ("parked", 5, None)
        assert thread["status_reason"] == "Something unforeseen happened (RuntimeError); the log says where."
        assert fleet.model.count("campaign:coach_plan") == 1
        assert (await fleet.resume()).runs == []


@pytest.mark.req("AA02-R12")
async def test_a_model_that_fails_costs_quality_and_nothing_else() -> None:
    """With every model call failing, the default plan governs, default drafts are written, and the provenance says why."""
    failing = {name: ModelCallFailed("it answered 500") for name in SCRIPT}
    async with open_fleet(failing, coach=True) as fleet:
        await fleet.enrol()
        for _ in range(6):
            await fleet.touch()
        assert fleet.sent_days() == [0, 4, 7, 7, 7, 7]
        plan = (await fleet.state())["coach_plan"]
        assert plan["provenance"]["source"] == "default"
        assert "it answered 500" in plan["provenance"]["reason"]
        assert fleet.model.count("campaign:coach_plan") == 1
