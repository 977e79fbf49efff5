"""The five subjects: examples through the real graphs, in both arms, and what of it is the product's and what the world's."""

from typing import Any

import pytest

from backend.errors import ModelAnswerUnusable, ModelCallFailed
from evals.examples import Arm, Example, Output
from evals.subjects import SUBJECTS
from tests.evals.outputs import example
from tests.fakes.scripted_model import ScriptedLLM
from tests.northwind import SCRIPT

PLAN = SCRIPT["campaign:coach_plan"]
CAMPAIGNS = {"campaign:coach_plan": "plan-harbourline-1", "campaign:final_response": "sequence-harbourline-1"}
EMAILS = {
    "email:role_plan": "roles-harbourline-1",
    "email:compose": "compose-harbourline-1",
    "email:reply": "reply-harbourline-1",
}
EVERY_PATH = pytest.mark.parametrize("path", [*CAMPAIGNS, *EMAILS])


def case(path: str, **inputs: Any) -> Example:
    """The path's first example."""
    return example(path, {**CAMPAIGNS, **EMAILS}[path], **inputs)


async def run(path: str, arm: Arm, script: dict[str, Any] | None = None, **inputs: Any) -> Output:
    """One run with Northwind's script and these lines instead."""
    return await SUBJECTS[path].run(case(path, **inputs), arm, ScriptedLLM({**SCRIPT, **(script or {})}))


@pytest.mark.req("EVALS-R18", "EVALS-R19")
@EVERY_PATH
async def test_an_arm_is_treated_when_a_models_plan_or_roles_are_in_force(path: str) -> None:
    """On with it, off without any, and on again but untreated when the leader came to nothing."""
    off, on = await run(path, "off"), await run(path, "on")
    failed = await run(path, "on", {"campaign:coach_plan": {"tone": 1}, "email:role_plan": {"roles": ["poet"]}})
    assert [output["treated"] for output in (off, on, failed)] == [False, True, False]
    assert [output["failure"] for output in (off, on, failed)] == ["", "", ""]
    assert (off["plan"], off["roles"]) == (None, None)
    if path in CAMPAIGNS:
        plans = [output["plan"] or {} for output in (on, failed)]
        assert [plan["angle"] for plan in plans] == [PLAN["angle"], ""]
        assert [plan["provenance"]["source"] for plan in plans] == ["model", "default"]
    else:
        assert on["roles"] == ["researcher", "composer", "reviewer"]
        assert failed["roles"] == ["researcher", "composer"]


@pytest.mark.req("EVALS-R18")
async def test_a_sequence_is_played_to_its_end_on_its_days() -> None:
    """By the plan in force or the defaults; each later touch knows the emails sent before."""
    on, off = await run("campaign:final_response", "on"), await run("campaign:final_response", "off")
    assert [touch["due_day"] for touch in on["touches"]] == [0, 3, 8]
    assert [touch["step"] for touch in off["touches"]] == [0, 1, 2, 3, 4, 5]
    assert [touch["due_day"] for touch in off["touches"]] == [0, 4, 11, 18, 25, 32]
    llm = ScriptedLLM(SCRIPT)
    await SUBJECTS["campaign:final_response"].run(case("campaign:final_response"), "on", llm)
    prompts = [asked.prompt.user for asked in llm.asked if asked.prompt.name == "email:compose"]
    assert ["emails sent before" in prompt for prompt in prompts] == [False, True, True]
    assert "Today is 2027-03-01" in prompts[0]
    assert "Today is 2027-03-09" in prompts[2]


@pytest.mark.req("EVALS-R18")
async def test_the_first_gap_is_waited_for() -> None:
    """A plan that begins later begins later."""
    later = await run("campaign:coach_plan", "on", {"campaign:coach_plan": {**PLAN, "cadence_days": [2, 3, 5]}})
    assert [(touch["step"], touch["due_day"]) for touch in later["touches"]] == [(0, 2)]


@pytest.mark.req("EVALS-R18")
@EVERY_PATH
async def test_telemetry_is_that_of_the_whole_run(path: str) -> None:
    """Leader and writers together."""
    calls = {"campaign:coach_plan": 2, "campaign:final_response": 4}.get(path, 2)
    assert (await run(path, "on"))["meta"].get("model_calls") == calls


@pytest.mark.req("EVALS-R19")
@EVERY_PATH
async def test_a_blocked_contact_is_met_with_silence(path: str) -> None:
    """Which is no failure."""
    output = await run(path, "on", suppressed=True)
    assert (output["touches"], output["failure"], output["treated"]) == ([], "", False)


@pytest.mark.req("EVALS-R19")
@EVERY_PATH
async def test_a_model_that_cannot_be_reached_raises(path: str) -> None:
    """Whoever of the team asked it; that says nothing of the product."""
    for prompt in ("campaign:coach_plan", "email:role_plan", "email:compose", "email:reply"):
        asked = await run(path, "on", {prompt: ModelAnswerUnusable("it is no JSON")})
        assert asked["failure"] == ""
        if any(failed["prompt"] == prompt for failed in asked["meta"].get("model_failures", [])):
            with pytest.raises(ModelCallFailed):
                await run(path, "on", {prompt: ModelCallFailed("it timed out")})


@pytest.mark.req("EVALS-R19")
@EVERY_PATH
async def test_what_the_product_raises_is_its_failure(path: str) -> None:
    """It is told, and nothing else is; an infrastructure's own error is passed on."""
    broken = await run(path, "on", facts=[{"field": "x"}])
    assert broken["failure"].startswith("KeyError: ")
    assert broken["touches"] == []
    with pytest.raises(OSError, match="no route"):
        await run(path, "on", dict.fromkeys(SCRIPT, OSError("no route")))
