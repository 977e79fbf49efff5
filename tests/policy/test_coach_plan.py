"""AA02: whatever the coach answers, what comes out is a plan within bounds or no plan."""

import json
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.text import one_line
from backend.graphs.campaign_graph import (
    _DEFAULT_CADENCE_DAYS,
    _DEFAULT_MAX_TOUCHES,
    _DEFAULT_STOP_CRITERIA,
    _DEFAULT_TONE,
    _MAX_ANGLE_CHARS,
    _MAX_STOP_CRITERIA_CHARS,
    _TONES,
    CoachPlan,
    _coerce_coach_plan,
)
from tests.strategies import any_flat, any_json, any_text, thorough

ANGLE = "a shorter month-end close"


def mostly(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A value the coach might mean, or anything at all."""
    return st.one_of(good, good, good, any_flat)


plan_like = st.fixed_dictionaries(
    {},
    optional={
        "angle": mostly(any_text | st.text(min_size=150, max_size=400)),
        "tone": mostly(st.sampled_from(_TONES)),
        "max_touches": mostly(st.integers(-3, 8)),
        "cadence_days": mostly(st.lists(st.integers(-10, 90) | st.floats(), max_size=9)),
        "stop_criteria": mostly(any_text | st.text(min_size=250, max_size=500)),
        "provenance": any_flat,
    },
)
legal_plans = st.fixed_dictionaries(
    {"angle": st.text(min_size=1, max_size=300).filter(one_line)},
    optional={
        "tone": st.sampled_from(_TONES),
        "max_touches": st.integers(max_value=6),
        "cadence_days": st.lists(st.integers() | st.floats(allow_nan=False), max_size=9),
        "stop_criteria": any_text,
    },
)


@pytest.mark.req("AA02-R6", "AA02-R7")
@thorough
@given(any_flat | plan_like | legal_plans)
def test_any_answer_gives_a_plan_within_every_bound_or_none(raw: Any) -> None:
    """Nothing is raised, no bound is passed, the result is JSON that UTF-8 can hold, and a second pass changes nothing."""
    check_bounds(raw)


@pytest.mark.req("AA02-R6", "AA02-R7")
@given(any_json, st.dictionaries(st.sampled_from(["angle", "tone", "max_touches", "cadence_days", "stop_criteria"]), any_json))
def test_json_nested_anyhow_is_as_harmless(raw: Any, fields: dict[str, Any]) -> None:
    """Depth makes no difference, at the top or in a field."""
    check_bounds(raw)
    check_bounds({"angle": ANGLE, **fields})


def check_bounds(raw: Any) -> None:
    """What comes out of `raw` is a plan within every bound, or None."""
    plan = _coerce_coach_plan(raw)
    if plan is None:
        return
    assert plan.keys() == get_type_hints(CoachPlan).keys() - {"provenance"}
    assert 1 <= len(plan["angle"]) <= _MAX_ANGLE_CHARS
    assert plan["angle"] == one_line(plan["angle"])
    assert plan["tone"] in _TONES
    assert plan["max_touches"] in range(1, 7)
    assert len(plan["cadence_days"]) == plan["max_touches"]
    assert all(type(gap) is int and 0 <= gap <= 60 for gap in plan["cadence_days"])
    assert 1 <= len(plan["stop_criteria"]) <= _MAX_STOP_CRITERIA_CHARS
    assert json.loads(json.dumps(plan, ensure_ascii=False).encode()) == plan
    assert _coerce_coach_plan(plan) == plan


@pytest.mark.req("AA02-R6")
@given(legal_plans)
def test_a_plan_the_coach_could_mean_is_never_lost(raw: dict[str, Any]) -> None:
    """An angle and legal values always give a plan, however far out the numbers that may be clamped."""
    assert _coerce_coach_plan(raw) is not None


@given(plan_like)
def test_the_answer_is_left_as_it_was(raw: dict[str, Any]) -> None:
    """Coercion reads the model's answer and never writes into it."""
    before = repr(raw)
    _coerce_coach_plan(raw)
    assert repr(raw) == before


@pytest.mark.req("AA02-R8")
@pytest.mark.parametrize("angle", ["", "   ", "\n\t", "\u200b\u2060", "\ud800", "\x00", None, 7, ["a shorter close"]])
def test_a_blank_angle_is_no_plan(angle: object) -> None:
    """What cannot be seen is not an angle, and neither is what is no text."""
    assert _coerce_coach_plan({"angle": angle, "tone": "warm"}) is None


@pytest.mark.req("AA02-R8")
@pytest.mark.parametrize("raw", [{}, {"tone": "warm", "max_touches": 3}, None, [], "a plan", 6, [{"angle": ANGLE}]])
def test_an_absent_angle_is_no_plan(raw: object) -> None:
    """The one field that cannot sensibly be made up."""
    assert _coerce_coach_plan(raw) is None


@pytest.mark.req("AA02-R9")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("tone", tone) for tone in ("aggressive", "Warm", " warm", "", None, 1, ["warm"], {"warm": True})),
        *(("max_touches", budget) for budget in (7, 10**400, 3.0, 2.5, "3", True, None, [3], float("nan"), float("inf"))),
        *(("cadence_days", cadence) for cadence in (4, "0, 4, 7", None, {"0": 4}, [0, "4"], [0, None], [0, [4]], [True])),
        *(("cadence_days", cadence) for cadence in ([0, float("nan")], [0, {"days": 4}], [0, ""])),
        *(("stop_criteria", text) for text in (None, 3, ["stop"])),
    ],
    ids=repr,
)
def test_a_present_but_illegal_value_is_no_plan(field: str, value: object) -> None:
    """A coach that did not understand one field is not believed in the others."""
    assert _coerce_coach_plan({"angle": ANGLE, field: value}) is None


@pytest.mark.req("AA02-R10")
@pytest.mark.parametrize(
    ("raw", "clamped"),
    [
        ([-1, 0, 60, 61, 10**400, -(10**400)], [0, 0, 60, 60, 60, 0]),
        ([0.9, 4.5, 59.999, 60.5, float("inf"), float("-inf")], [0, 4, 59, 60, 60, 0]),
    ],
)
def test_each_gap_is_clamped_into_whole_days(raw: list[float], clamped: list[int]) -> None:
    """A gap that is too long, too short or fractional keeps its direction and loses its excess."""
    assert _coerce_coach_plan({"angle": ANGLE, "cadence_days": raw}) == plan_with(cadence_days=clamped)


@pytest.mark.req("AA02-R10")
@pytest.mark.parametrize("budget", [0, -1, -(10**400)])
def test_a_budget_below_one_is_one_touch(budget: int) -> None:
    """A sequence of no touches is one touch: somebody enrolled the contact."""
    assert _coerce_coach_plan({"angle": ANGLE, "max_touches": budget}) == plan_with(max_touches=1, cadence_days=[0])


@pytest.mark.req("AA02-R10")
@pytest.mark.parametrize(
    ("angle", "cut"),
    [
        ("a" * 200, "a" * 200),
        ("a" * 201, "a" * 200),
        (f"{'a' * 196} bcd efgh", f"{'a' * 196} bcd"),
        (f"{'a' * 196} bcdefgh", "a" * 196),
        ("  one\n\n  line \u200b ", "one line"),
    ],
    ids=len,
)
def test_an_angle_is_cut_on_a_word(angle: str, cut: str) -> None:
    """At most 200 characters, ending on a whole word where there is one."""
    assert _coerce_coach_plan({"angle": angle}) == plan_with(angle=cut)


@pytest.mark.req("AA02-R11")
@pytest.mark.parametrize(
    ("raw", "filled"),
    [
        ({}, {}),
        ({"stop_criteria": " "}, {}),
        ({"stop_criteria": "Stop after a no."}, {"stop_criteria": "Stop after a no."}),
        ({"max_touches": 3}, {"max_touches": 3, "cadence_days": [0, 4, 7]}),
        ({"cadence_days": []}, {}),
        ({"cadence_days": [2, 9]}, {"cadence_days": [2, 9, 7, 7, 7, 7]}),
        ({"cadence_days": [2, 9], "max_touches": 4}, {"max_touches": 4, "cadence_days": [2, 9, 7, 7]}),
        ({"cadence_days": [1] * 9}, {"cadence_days": [1] * 6}),
        ({"cadence_days": [1] * 9, "max_touches": 2}, {"max_touches": 2, "cadence_days": [1, 1]}),
        ({"unheard_of": 1, "provenance": "mine"}, {}),
    ],
    ids=repr,
)
def test_what_is_absent_takes_its_default(raw: dict[str, Any], filled: dict[str, Any]) -> None:
    """An angle alone is a whole plan; a cadence is as long as the budget; what a plan has no word for is dropped."""
    assert _coerce_coach_plan({"angle": ANGLE, **raw}) == plan_with(**filled)


def plan_with(**fields: Any) -> dict[str, Any]:
    """The default plan under an angle, with these fields instead."""
    defaults = {
        "angle": ANGLE,
        "tone": _DEFAULT_TONE,
        "cadence_days": _DEFAULT_CADENCE_DAYS,
        "max_touches": _DEFAULT_MAX_TOUCHES,
        "stop_criteria": _DEFAULT_STOP_CRITERIA,
    }
    return {**defaults, **fields}
