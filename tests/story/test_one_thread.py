"""One campaign thread, from enrolment to its end."""

from typing import Any

import pytest

from tests.northwind import PLAN, SCRIPT
from tests.story.fleet import Fleet, open_fleet


async def run_to_the_end(fleet: Fleet, touches: int) -> None:
    """Approve so many touches, each when it is due."""
    for _ in range(touches):
        await fleet.touch()


@pytest.mark.req("AA02-R15")
async def test_without_a_coach_six_touches_follow_the_default_cadence() -> None:
    """Flag off: six emails, gaps 0, 4, 7, 7, 7, 7 days, then the thread is completed."""
    async with open_fleet() as fleet:
        await fleet.enrol()
        await run_to_the_end(fleet, 6)
        assert fleet.sent_days() == [0, 4, 7, 7, 7, 7]
        assert (await fleet.thread())["status"] == "completed"


@pytest.mark.req("AA02-R4", "AA02-R5", "AA02-R13", "AA02-R15")
async def test_the_coach_is_asked_once_in_the_life_of_a_thread() -> None:
    """One planning call over every touch, a hundred further ticks and new adapters; the plan's bytes never change."""
    async with open_fleet(SCRIPT, coach=True) as fleet:
        await fleet.enrol()
        await fleet.resume()
        first = (await fleet.state())["coach_plan"]
        await fleet.decide("approve")
        await run_to_the_end(fleet, 2)
        other_process = fleet.on(fleet.database)
        for _ in range(100):
            await other_process.resume()
        assert fleet.model.count("campaign:coach_plan") == 1
        assert (await fleet.state())["coach_plan"] == first
        assert fleet.sent_days() == PLAN["cadence_days"]
        assert (await fleet.thread())["status"] == "completed"


@pytest.mark.req("APPROVAL-R8")
@pytest.mark.parametrize(
    ("plan", "source", "confidence"),
    [(PLAN, "model", 0.5), ({**PLAN, "tone": "shrill"}, "default", 0.0)],
    ids=["model", "default"],
)
async def test_a_provenance_is_as_sure_as_its_source(plan: dict[str, Any], source: str, confidence: float) -> None:
    """Half for a plan of the model, nothing for the default one, and one for what a person decided."""
    async with open_fleet({**SCRIPT, "campaign:coach_plan": plan}, coach=True) as fleet:
        await fleet.enrol()
        await fleet.touch()
        state = await fleet.state()
        planned, decided = state["coach_plan"]["provenance"], state["touches"][0]["decision_provenance"]
        assert (planned["source"], planned["confidence"]) == (source, confidence)
        assert (decided["source"], decided["confidence"]) == ("person", 1.0)
