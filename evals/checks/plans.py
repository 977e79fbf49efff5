"""A coach's plan and a leader's roles are held to this; an arm without a plan is held to the defaults that govern it."""

from typing import Any

from backend.domain.facts import stems_of
from backend.domain.languages import language_of
from backend.graphs.campaign_graph import (
    _DEFAULT_CADENCE_DAYS,  # pyright: ignore[reportPrivateUsage]  # what governs a thread without a plan
    _DEFAULT_MAX_TOUCHES,  # pyright: ignore[reportPrivateUsage]  # as above
    _coerce_coach_plan,  # pyright: ignore[reportPrivateUsage]  # AA02's own rule is the measure
)
from backend.graphs.email_orchestrator_graph import (
    _repair_role_plan,  # pyright: ignore[reportPrivateUsage]  # AA06's own rule is the measure
)
from evals.examples import Example, Output

_KEYS = ("angle", "tone", "cadence_days", "max_touches", "stop_criteria")


def plan_keeps_bounds(example: Example, output: Output) -> str:
    """Every bound of AA02: coercing the plan once more changes nothing."""
    del example
    plan = _made(output)
    if plan is None:
        return ""
    fields = {key: plan.get(key) for key in _KEYS}
    return "" if _coerce_coach_plan(fields) == fields else "a bound of AA02 is broken"


def plan_has_its_cadence(example: Example, output: Output) -> str:
    """One gap a touch, and no more touches than the example allows."""
    plan = output["plan"]
    gaps = len(plan["cadence_days"] if plan else _DEFAULT_CADENCE_DAYS)
    touches = plan["max_touches"] if plan else _DEFAULT_MAX_TOUCHES
    if touches > example.expected["max_touches"]:
        return f"it plans {touches} touches"
    return "" if gaps == touches else f"{gaps} gaps for {touches} touches"


def plan_says_when_to_stop(example: Example, output: Output) -> str:
    """Stop criteria that say something."""
    del example
    plan = output["plan"]
    return "" if plan is None or plan["stop_criteria"].strip() else "no stop criteria"


def plan_is_the_models(example: Example, output: Output) -> str:
    """A plan that exists was made by the model: the defaults in its place are a coach that came to nothing."""
    if output["plan"] is None or example.expected["silent"]:
        return ""
    source = output["plan"]["provenance"]["source"]
    return "" if source == "model" else f"the plan's source is {source}"


def plan_has_an_argument(example: Example, output: Output) -> str:
    """An angle that speaks of an expected signal or of the offer, in the language of the emails."""
    plan, wanted = _made(output), example.expected["must_use"]
    if plan is None:
        return ""
    angle = plan["angle"]
    spoken = language_of(angle)
    if spoken not in {None, example.expected["language"]}:
        return f"the angle is written in {spoken}"
    held = stems_of(angle) & stems_of(example.inputs["campaign"]["offer"])
    used = any(signal.casefold() in angle.casefold() for signal in wanted)
    return "" if used or held else f"the angle speaks neither of the offer nor of {', '.join(wanted)}"


def roles_are_a_team(example: Example, output: Output) -> str:
    """Roles of the enum, each once, in canonical order, with a composer among them: repairing them changes nothing."""
    del example
    roles = output["roles"]
    return "" if roles is None or _repair_role_plan(roles) == roles else f"the roles are {', '.join(roles)}"


def roles_know_the_facts(example: Example, output: Output) -> str:
    """A researcher where facts are worth citing, and none where no fact is; where either is right, nothing is asked."""
    roles, wanted = output["roles"], example.expected["researcher"]
    if roles is None or wanted is None or wanted == ("researcher" in roles):
        return ""
    return "the researcher is missing" if wanted else "a researcher for facts nobody should cite"


def roles_are_the_models(example: Example, output: Output) -> str:
    """Roles that were assigned were assigned by the model, not by the default plan."""
    if output["roles"] is None or example.expected["silent"]:
        return ""
    return "" if output["treated"] else "the roles are the default ones"


def _made(output: Output) -> dict[str, Any] | None:
    """The plan if a model made it; the defaults have no angle and need none."""
    plan = output["plan"]
    return plan if plan and plan["provenance"]["source"] == "model" else None
