"""Plans, roles and whole sequences: what they are held to, and what the researcher does for repetition."""

from typing import Any

import pytest

from backend.domain.campaign import PastTouch
from backend.ports import Prompt
from evals.examples import Output
from evals.subjects import SUBJECTS
from tests.evals.outputs import GOOD, example, output, score_of
from tests.fakes.scripted_model import ScriptedLLM

PLAN: dict[str, Any] = {
    "angle": "Hull needs a plan before it needs more dispatchers.",
    "tone": "direct",
    "cadence_days": [0, 7],
    "max_touches": 2,
    "stop_criteria": "Stop when they reply.",
    "provenance": {"source": "model", "confidence": 0.5, "reason": "", "evidence": []},
}
DEFAULT: dict[str, Any] = {**PLAN, "angle": "", "provenance": {**PLAN["provenance"], "source": "default"}}
SEQUENCE = "campaign:final_response", "sequence-harbourline-1"
ROLES = "email:role_plan", "roles-harbourline-1"
OTHER = """Hello Grace,

every vacancy for a night dispatcher asks for somebody who knows the streets. Nobody does in the first weeks, and the vans leave
anyway, at whatever hour the orders are through.

What a trial covers is one depot, and it ends by itself. Whoever plans today would see both plans side by side and judge for
themselves which of the two they would rather drive.

Which depot would you take?"""


@pytest.mark.req("EVALS-R12")
@pytest.mark.parametrize(
    ("metric", "plan", "value"),
    [
        ("plan_bounds", PLAN, 1.0),
        ("plan_bounds", {**PLAN, "tone": "grand"}, 0.0),
        ("plan_bounds", {**PLAN, "angle": "x " * 200}, 0.0),
        ("plan_bounds", {**PLAN, "cadence_days": [0, 99]}, 0.0),
        ("plan_cadence", {**PLAN, "cadence_days": [0]}, 0.0),
        ("plan_cadence", {**PLAN, "max_touches": 7, "cadence_days": [1] * 7}, 0.0),
        ("plan_stop", {**PLAN, "stop_criteria": " "}, 0.0),
        ("plan_source", DEFAULT, 0.0),
        ("plan_source", None, 1.0),
        ("plan_angle", {**PLAN, "angle": "Winter is long."}, 0.0),
        ("plan_angle", {**PLAN, "angle": "Die Halle in Hull ist neu und nicht für uns."}, 0.0),
        ("plan_angle", PLAN, 1.0),
        ("plan_angle", DEFAULT, 1.0),
    ],
)
async def test_a_plan_is_held_to_its_bounds(metric: str, plan: dict[str, Any] | None, value: float) -> None:
    """The defaults have no angle and need none; an arm without a plan breaks nothing."""
    assert (await score_of(metric, example(), output(GOOD, plan=plan, treated=plan is PLAN))).value == value


@pytest.mark.req("EVALS-R12")
@pytest.mark.parametrize(("most", "value"), [(6, 1.0), (4, 0.0)])
async def test_the_defaults_are_held_to_the_touches_an_example_allows(most: int, value: float) -> None:
    """They plan six, in whichever arm they govern; a coach that plans fewer for somebody unknown is the better one."""
    thin = example(expected={"max_touches": most})
    default = {**DEFAULT, "max_touches": 6, "cadence_days": [0, 4, 7, 7, 7, 7]}
    assert (await score_of("plan_cadence", thin, output(GOOD))).value == value
    assert (await score_of("plan_cadence", thin, output(GOOD, plan=default))).value == value
    assert (await score_of("plan_cadence", thin, output(GOOD, plan=PLAN, treated=True))).value == 1.0


@pytest.mark.req("EVALS-R13")
@pytest.mark.parametrize(
    ("metric", "roles", "wanted", "value"),
    [
        ("roles_legal", ["researcher", "composer", "reviewer"], None, 1.0),
        ("roles_legal", ["composer", "researcher"], None, 0.0),
        ("roles_legal", ["composer", "composer"], None, 0.0),
        ("roles_legal", ["researcher"], None, 0.0),
        ("roles_legal", ["composer", "poet"], None, 0.0),
        ("roles_legal", None, None, 1.0),
        ("roles_fit", ["composer"], True, 0.0),
        ("roles_fit", ["researcher", "composer"], False, 0.0),
        ("roles_fit", ["composer"], False, 1.0),
        ("roles_fit", ["composer"], None, 1.0),
    ],
)
async def test_roles_are_a_team_that_fits(metric: str, roles: list[str] | None, *, wanted: bool | None, value: float) -> None:
    """A subset in order, each once, with a composer; a researcher where the example wants one."""
    given = example(*ROLES, expected={"researcher": wanted})
    assert (await score_of(metric, given, output(GOOD, roles=roles))).value == value


@pytest.mark.req("EVALS-R13")
@pytest.mark.parametrize(("treated", "value"), [(True, 1.0), (False, 0.0)])
async def test_roles_come_from_the_model(*, treated: bool, value: float) -> None:
    """The default ones say that the leader came to nothing."""
    made = output(GOOD, roles=["researcher", "composer"], treated=treated)
    assert (await score_of("roles_source", example(*ROLES), made)).value == value


def sequence(*letters: str, **changes: Any) -> Output:
    """Two touches and more under `PLAN`."""
    return output(*letters, plan=PLAN, treated=True, **changes)


@pytest.mark.req("EVALS-R11", "EVALS-R14")
@pytest.mark.parametrize(
    ("metric", "letters", "value"),
    [
        ("no_near_copy", (GOOD, OTHER), 1.0),
        ("no_near_copy", (GOOD, GOOD.replace("January", "spring")), 0.5),
        ("nothing_twice", (GOOD, OTHER), 1.0),
        ("nothing_twice", (GOOD, f"{OTHER}\n\nIt reads the order file as it is, so nobody types a thing twice."), 0.5),
        ("angle_kept", (GOOD, OTHER), 1.0),
        ("angle_kept", (GOOD, "Hello Grace,\n\nour new coffee cups are blue."), 0.5),
        ("tone_kept", (GOOD, OTHER), 1.0),
        ("tone_kept", (GOOD, f"{OTHER} Now! Today! Call!"), 0.5),
        ("cadence", (GOOD, OTHER), 1.0),
        ("cadence", (GOOD,), 0.0),
        ("cadence", (GOOD, OTHER, GOOD), 0.0),
    ],
)
async def test_a_sequence_keeps_what_it_began_with(metric: str, letters: tuple[str, ...], value: float) -> None:
    """Each touch adds to the argument, in the same voice, on the day it was planned for."""
    assert (await score_of(metric, example(*SEQUENCE), sequence(*letters))).value == value


@pytest.mark.req("EVALS-R14")
async def test_the_form_of_address_is_kept() -> None:
    """Whoever was `Sie` is not `du` a week later; a letter that addresses nobody changes nothing."""
    german = example(*SEQUENCE, expected={"language": "de"})
    formal, near = "Guten Tag,\n\nwie planen Sie Ihre Touren heute?", "Hallo,\n\nwie planst du deine Touren heute?"
    assert (await score_of("tone_kept", german, sequence(formal, near))).value == 0.5
    assert (await score_of("tone_kept", german, sequence("Touren planen sich nicht.", formal))).value == 1.0


@pytest.mark.req("EVALS-R11")
async def test_a_fact_is_told_once() -> None:
    """In whatever words; two facts are two."""
    given = example(*SEQUENCE)
    first, second = given.inputs["facts"][0]["value"], given.inputs["facts"][-1]["value"]
    again = await score_of("no_fact_twice", given, sequence(first, f"As I wrote: {first.lower()}"))
    assert (again.value, again.reason) == (0.5, f"touch 2 tells again: {first}")
    assert (await score_of("no_fact_twice", given, sequence(first, second))).value == 1.0
    past = PastTouch(step=0, subject="Hull", body=first, sent_at="2027-02-15T09:00:00.000Z")
    later = output(first)
    later["touches"][0]["step"] = 1
    assert (await score_of("no_fact_twice", example(*SEQUENCE, history=[past]), later)).value == 0.0


def _tell_first_fact(prompt: Prompt) -> dict[str, Any]:
    """A writer who rests the email on the first fact it is shown, as writers do."""
    told = prompt.user.partition("<<<DATA facts\n")[2].partition(" (source:")[0].partition(": ")[2]
    return {"subject": "A thought on your work", "body": f"Hello {{{{first_name}}}},\n\n{told}\n\nShall we talk?"}


@pytest.mark.req("BRIEF-R5")
async def test_the_researcher_keeps_a_writer_from_telling_a_fact_twice() -> None:
    """The baseline's writer is shown the surest fact first and tells it again; the researcher puts the told one last."""
    surest = max(example().inputs["facts"], key=lambda fact: fact["confidence"])
    past = PastTouch(step=0, subject="Before", body=f"Hello Grace,\n\n{surest['value']}", sent_at="2027-02-15T09:00:00.000Z")
    follow_up = example("email:compose", "compose-harbourline-2", facts=example().inputs["facts"], history=[past])
    llm = ScriptedLLM({"email:role_plan": {"roles": ["researcher", "composer"]}, "email:compose": _tell_first_fact})
    subject = SUBJECTS["email:compose"]
    off, on = await subject.run(follow_up, "off", llm), await subject.run(follow_up, "on", llm)
    assert (await score_of("no_fact_twice", follow_up, off)).value == 0.0
    assert (await score_of("no_fact_twice", follow_up, on)).value == 1.0
