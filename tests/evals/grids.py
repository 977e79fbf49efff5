"""Small designs and the trials that fill them, as the tests of the gate need them."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

from evals.examples import Arm
from evals.gate import Conditions, Verdict, decide
from evals.trials import ARMS, Design, Metric, Pinned, Trial

FLAG = "CAMPAIGN_COACH_ENABLED"
PATH = "campaign:coach_plan"
METRICS = (
    Metric("leak", "critical", "c1"),
    *(Metric(f"scored_{number}", "scored", "s1") for number in range(4)),
    Metric("tone", "judged", "j1"),
)


@lru_cache
def design(examples: int = 50, *, clusters: int = 20, path: str = PATH, repetitions: int = 3) -> Design:
    """A path of one critical check, four scored ones and a judged one."""
    pinned = tuple(Pinned(f"e{n:03}", f"c{n % clusters}", ("thin", "rich")[n % 2]) for n in range(examples))
    return Design(path, "d" * 64, pinned, METRICS, repetitions)


def trial(of: Design, arm: Arm, example_id: str, repetition: int, **changes: Any) -> Trial:
    """A trial in which every check passes, with `changes`."""
    usual = Trial(
        path=of.path,
        arm=arm,
        example_id=example_id,
        repetition=repetition,
        measured_by=of.fingerprint,
        treated=arm == "on",
        carries_plan=arm == "on",
        failed=False,
        latency_s=1.0,
        cost_usd=0.01,
        models=("scripted",),
        prompts={of.path: "p1"},
        scores={metric.name: 1.0 for metric in of.metrics},
    )
    return replace(usual, **changes)


@lru_cache
def _grid(of: Design) -> tuple[Trial, ...]:
    usual = trial(of, "off", "", 0)
    places = [(arm, each.example_id, number) for arm in ARMS for each in of.examples for number in range(of.repetitions)]
    return tuple(
        replace(usual, arm=arm, example_id=example_id, repetition=number, treated=arm == "on", carries_plan=arm == "on")
        for arm, example_id, number in places
    )


def fill(of: Design) -> list[Trial]:
    """Every trial of the grid, all passed."""
    return list(_grid(of))


def change(trials: list[Trial], where: Callable[[Trial], bool], *, most: int | None = None, **changes: Any) -> list[Trial]:
    """The same trials, the first `most` of those that meet `where` changed; `scores` are laid over the ones there."""
    scores = changes.pop("scores", {})
    left, changed = len(trials) if most is None else most, list[Trial]()
    for each in trials:
        meant = left > 0 and where(each)
        left -= meant
        changed.append(replace(each, **changes, scores={**each.scores, **scores}) if meant else each)
    return changed


def is_on(each: Trial) -> bool:
    """Whether a trial is of the treatment."""
    return each.arm == "on"


def is_off(each: Trial) -> bool:
    """Whether a trial is of the control."""
    return each.arm == "off"


def verdict_on(of: Design, trials: list[Trial], **conditions: Any) -> Verdict:
    """The decision on one path."""
    return decide(FLAG, [of], trials, Conditions(**conditions))
