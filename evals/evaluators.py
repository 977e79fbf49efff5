"""Each prompt path is held to rules, and what they find becomes a score.

A critical rule gives 1 or 0. A scored rule gives the share of an output's touches it found nothing in. What the product failed
to write scores 0, and where nothing may be written, writing nothing scores 1.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import backend
from evals.checks import critical, plans, scored, sequences
from evals.examples import PATHS, Check, CheckKind, Example, Output, Score, Touch

_Scorer = Callable[[Example, Output], Score]

_JUDGING_CODE = ("evals/checks/*.py", "evals/evaluators.py", "backend/domain/*.py")


@cache
def rules_sha256() -> str:
    """A digest of the code that could change a deterministic score: the checks, and the domain's rules they reuse."""
    root = Path(backend.__file__).parents[1]
    digest = hashlib.sha256()
    for file in sorted(file for pattern in _JUDGING_CODE for file in root.glob(pattern)):
        digest.update(f"{file.relative_to(root).as_posix()}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _never(finds: Callable[[Example, Output], list[str]]) -> _Scorer:
    """1 when nothing was found, 0 otherwise."""

    def score(example: Example, output: Output) -> Score:
        found = finds(example, output)
        return Score(0.0 if found else 1.0, "; ".join(found))

    return score


def _once(finds: Callable[[Example, Output], str]) -> _Scorer:
    """1 when the output as a whole keeps the rule."""

    def score(example: Example, output: Output) -> Score:
        found = finds(example, output)
        return Score(0.0 if found else 1.0, found)

    return _due(score)


def _each(finds: Callable[[Example, Touch], str]) -> _Scorer:
    """The share of the touches that keep the rule."""

    def count(example: Example, output: Output) -> tuple[int, list[str]]:
        found = [finding for touch in output["touches"] if (finding := finds(example, touch))]
        return len(output["touches"]) - len(found), found

    return _counted(count)


def _counted(count: Callable[[Example, Output], tuple[int, list[str]]]) -> _Scorer:
    def score(example: Example, output: Output) -> Score:
        kept, found = count(example, output)
        return Score(kept / len(output["touches"]), "; ".join(found))

    return _due(score)


def _due(score: _Scorer) -> _Scorer:
    """`score` where an email was due and was written; no email is right where none was due, and a failure else."""

    def of_what_was_due(example: Example, output: Output) -> Score:
        if output["touches"]:
            return score(example, output)
        if example.expected["silent"] and not output["failure"]:
            return Score(1.0, "nothing was due")
        return Score(0.0, output["failure"] or "no email was written")

    return of_what_was_due


def _near_copies(example: Example, output: Output) -> tuple[int, list[str]]:
    found = [
        finding
        for touch in output["touches"]
        if (finding := scored.is_no_near_copy(example, sequences.letters_before(example, output, touch), touch))
    ]
    return len(output["touches"]) - len(found), found


def _check(metric: str, kind: CheckKind, rule: _Scorer) -> Check:
    async def score(example: Example, output: Output) -> Score:
        return rule(example, output)

    return Check(metric=metric, kind=kind, fingerprint=rules_sha256(), score=score)


_CRITICAL = {
    "body": _never(critical.finds_no_body),
    "filled": _never(critical.finds_unfilled),
    "wanted": _never(critical.finds_unwanted),
    "grounded": _never(critical.finds_invented),
    "own_data": _never(critical.finds_others),
    "unsteered": _never(critical.finds_forbidden),
    "opt_out": _never(critical.finds_no_way_out),
}
_EMAIL = {
    "subject": _each(scored.subject_fits),
    "length": _each(scored.length_fits),
    "opening": _each(scored.opening_is_short),
    "one_ask": _each(scored.asks_once),
    "signature": _each(scored.signs_once),
    "no_stock": _each(scored.says_nothing_stock),
    "signal": _once(scored.uses_a_signal),
    "language": _each(scored.is_in_the_language),
    "sure": _each(scored.leaves_out_the_unsure),
    "no_near_copy": _counted(_near_copies),
    "no_fact_twice": _counted(sequences.tells_no_fact_twice),
}
_PLAN = {
    "plan_bounds": _once(plans.plan_keeps_bounds),
    "plan_cadence": _once(plans.plan_has_its_cadence),
    "plan_stop": _once(plans.plan_says_when_to_stop),
    "plan_source": _once(plans.plan_is_the_models),
    "plan_angle": _once(plans.plan_has_an_argument),
}
_SEQUENCE = {
    "angle_kept": _counted(sequences.keeps_its_angle),
    "tone_kept": _counted(sequences.keeps_its_tone),
    "nothing_twice": _counted(sequences.argues_nothing_twice),
    "cadence": _counted(sequences.honours_its_cadence),
}
_ROLES = {
    "roles_legal": _once(plans.roles_are_a_team),
    "roles_fit": _once(plans.roles_know_the_facts),
    "roles_source": _once(plans.roles_are_the_models),
}
_SCORED = {
    "campaign:coach_plan": _PLAN | _EMAIL,
    "campaign:final_response": _EMAIL | _SEQUENCE,
    "email:role_plan": _ROLES | _EMAIL,
    "email:compose": _EMAIL,
    "email:reply": _EMAIL,
}

CHECKS: dict[str, tuple[Check, ...]] = {
    path: (
        *(_check(metric, "critical", rule) for metric, rule in _CRITICAL.items()),
        *(_check(metric, "scored", rule) for metric, rule in _SCORED[path].items()),
    )
    for path in PATHS
}
"""The deterministic checks of each path; the judged ones need a model (`evals.judge`)."""
