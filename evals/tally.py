"""The grid, counted: every expected cell is looked up, and what did not come back is missing rather than left out of a mean."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from evals.examples import Arm
from evals.statistics import DECIMALS
from evals.trials import ARMS, Design, Pinned, Trial


@dataclass(frozen=True, slots=True)
class Passed:
    """So many scored cells of one example passed in one arm: at least, were every missing one to fail, and at most."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Row:
    """One example with what passed in each arm."""

    pinned: Pinned
    on: Passed
    off: Passed


@dataclass(frozen=True, slots=True)
class ArmFacts:
    """These facts are true of all trials of one arm. Latency is the 95th percentile, cost the mean of a trial."""

    trials: int = 0
    treated: int = 0
    carrying_plan: int = 0
    failed: int = 0
    latency_s: float = 0.0
    cost_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Tally:
    """One path, counted. `per_example` is the number of scored cells an example has in one arm."""

    path: str
    per_example: int
    rows: Sequence[Row]
    repetitions: int = 3
    cells: int = 0
    missing: int = 0
    critical_missing: int = 0
    critical_failed: Mapping[Arm, int] = field(default_factory=dict[Arm, int])
    critical_only_on: Sequence[str] = ()
    strays: Sequence[str] = ()
    arms: Mapping[Arm, ArmFacts] = field(default_factory=dict[Arm, ArmFacts])


def count(design: Design, trials: Iterable[Trial], *, pass_score: float) -> Tally:
    """Look up every cell of `design` among `trials`, in whatever order they come."""
    found, strays = _collect(design, trials)
    missing: Counter[str] = Counter()
    broken: dict[Arm, set[tuple[str, str]]] = {arm: set() for arm in ARMS}

    def look_up(pinned: Pinned, arm: Arm) -> Passed:
        least = lost = 0
        for repetition in range(design.repetitions):
            trial = found.get((design.path, arm, pinned.example_id, repetition))
            scored = [_cell(trial, name, of_failed=0.0) for name in design.scored]
            lost += scored.count(None)
            least += sum(cell is not None and cell >= pass_score for cell in scored)
            critical = {name: _cell(trial, name, of_failed=1.0) for name in design.critical}
            missing["critical"] += list(critical.values()).count(None)
            failed = {name for name, cell in critical.items() if cell is not None and cell < pass_score}
            broken[arm] |= {(pinned.example_id, name) for name in failed}
        missing["scored"] += lost
        return Passed(least, least + lost)

    return Tally(
        path=design.path,
        per_example=len(design.scored) * design.repetitions,
        rows=[Row(pinned, look_up(pinned, "on"), look_up(pinned, "off")) for pinned in design.examples],
        repetitions=design.repetitions,
        cells=len(ARMS) * len(design.examples) * design.repetitions * len(design.metrics),
        missing=missing.total(),
        critical_missing=missing["critical"],
        critical_failed={arm: len(broken[arm]) for arm in ARMS},
        critical_only_on=sorted({metric for _, metric in broken["on"] - broken["off"]}),
        strays=strays,
        arms={arm: _facts([trial for trial in found.values() if trial.arm == arm]) for arm in ARMS},
    )


def _collect(design: Design, trials: Iterable[Trial]) -> tuple[dict[tuple[str, str, str, int], Trial], list[str]]:
    """The trials of the grid by where they stand, and codes of what does not belong to it."""
    ids = {pinned.example_id for pinned in design.examples}
    known, fingerprint = {metric.name for metric in design.metrics}, design.fingerprint
    found: dict[tuple[str, str, str, int], Trial] = {}
    strays = {"example_or_repetition_mismatch"} if len(ids) < len(design.examples) else set[str]()
    for trial in trials:
        if trial.path != design.path:
            continue
        in_grid = trial.arm in ARMS and trial.example_id in ids and trial.repetition in range(design.repetitions)
        if not in_grid or trial.key in found:
            strays.add("example_or_repetition_mismatch")
            continue
        if trial.measured_by != fingerprint:
            strays.add("hash_mismatch")
        if not trial.scores.keys() <= known or not all(map(_is_score, trial.scores.values())):
            strays.add("score_out_of_range")
        found[trial.key] = trial
    return found, sorted(strays)


def _is_score(score: float | None) -> bool:
    return score is None or 0 <= score <= 1


def _cell(trial: Trial | None, metric: str, *, of_failed: float) -> float | None:
    if trial is None:
        return None
    return of_failed if trial.failed else trial.scores.get(metric)


def _facts(trials: Sequence[Trial]) -> ArmFacts:
    if not trials:
        return ArmFacts()
    latencies = sorted(trial.latency_s for trial in trials)
    return ArmFacts(
        trials=len(trials),
        treated=sum(trial.treated for trial in trials),
        carrying_plan=sum(trial.treated or trial.carries_plan for trial in trials),
        failed=sum(trial.failed for trial in trials),
        latency_s=round(latencies[math.ceil(0.95 * len(latencies)) - 1], DECIMALS),
        cost_usd=round(math.fsum(trial.cost_usd for trial in trials) / len(trials), DECIMALS),
    )
