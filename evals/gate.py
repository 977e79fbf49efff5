"""The decision on one flag: PROMOTE, HOLD or ROLLBACK, a pure function of what was measured.

The rules stand in `decide_path`, in the order in which they are asked; `specs/GATE-release-gate.md` says them in sentences.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from backend.domain.release import POLICY, GateDecision, Policy
from evals.examples import Arm
from evals.statistics import DECIMALS, Bounds, bound_mean
from evals.tally import ArmFacts, Row, Tally, count
from evals.trials import Design, Trial

EXIT_CODES = {"PROMOTE": 0, "HOLD": 10, "ROLLBACK": 20, "INVALID": 30}


@dataclass(frozen=True, slots=True)
class Conditions:
    """These facts were true around the run, beside its cells."""

    attempt: int = 1
    uncommitted_changes: bool = False
    kill_switch_on: bool = False
    deadline_passed: bool = False
    budget_spent: bool = False


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing a PROMOTE asks for: the value found, its bar, and the room between them; the least room binds."""

    code: str
    value: float
    bar: float
    met: bool
    room: float


@dataclass(frozen=True, slots=True)
class SliceCount:
    """The examples of one slice, and the share of their cells that passed in each arm."""

    slice: str
    examples: int
    on: float
    off: float


@dataclass(frozen=True, slots=True)
class PathVerdict:
    """The cells of one path say this.

    `invalid` holds the codes that make the evidence unfit. The bounds are for the decision they could allow: missing cells
    count against it. `more_examples` is how many more would do at these rates; None when no number would.
    """

    path: str
    decision: GateDecision
    invalid: tuple[str, ...]
    reasons: tuple[str, ...]
    binding: str
    criteria: tuple[Criterion, ...]
    on: Bounds
    difference: Bounds
    on_for_rollback: Bounds
    difference_for_rollback: Bounds
    examples: int
    clusters: int
    cells: int
    missing: int
    more_examples: int | None
    slices: tuple[SliceCount, ...]
    arms: Mapping[Arm, ArmFacts]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision on a flag. Any other exit code than the four of `EXIT_CODES` means HOLD."""

    flag: str
    decision: GateDecision
    exit_code: int
    reasons: tuple[str, ...]
    paths: tuple[PathVerdict, ...]


def decide(
    flag: str, designs: Sequence[Design], trials: Sequence[Trial], conditions: Conditions, policy: Policy = POLICY
) -> Verdict:
    """Decide on `flag` from the cells of all its paths; the order of designs and trials does not matter."""
    ordered = sorted(designs, key=lambda design: design.path)
    known = {design.path for design in designs}
    invalid = _unfit_conditions(conditions, policy)
    if not designs or len(known) < len(designs) or not {trial.path for trial in trials} <= known:
        invalid = (*invalid, "path_mismatch")
    paths = tuple(
        decide_path(count(design, trials, pass_score=policy.pass_score), conditions.attempt, invalid, policy)
        for design in ordered
    )
    return combine(flag, paths, invalid)


def combine(flag: str, paths: Sequence[PathVerdict], invalid: Sequence[str] = ()) -> Verdict:
    """One verdict of several paths: any ROLLBACK wins, all must PROMOTE, and anything else is HOLD."""
    decisions = {path.decision for path in paths}
    reasons = tuple(f"{path.path}: {reason}" for path in paths for reason in path.reasons)
    if "ROLLBACK" in decisions:
        return Verdict(flag, "ROLLBACK", EXIT_CODES["ROLLBACK"], reasons, tuple(paths))
    if decisions == {"PROMOTE"} and not invalid:
        return Verdict(flag, "PROMOTE", EXIT_CODES["PROMOTE"], reasons, tuple(paths))
    unfit = bool(invalid) or any(path.invalid for path in paths)
    return Verdict(flag, "HOLD", EXIT_CODES["INVALID" if unfit else "HOLD"], reasons or tuple(invalid), tuple(paths))


def decide_path(tally: Tally, attempt: int = 1, invalid: Sequence[str] = (), policy: Policy = POLICY) -> PathVerdict:
    """Ask the rules of one path, in order; the first that answers decides."""
    alpha = policy.alpha_of(min(max(attempt, 1), policy.max_attempts))

    def bounds(value: Callable[[Row], int], least: float) -> Bounds:
        clusters: defaultdict[str, list[int]] = defaultdict(list)
        for row in tally.rows:
            clusters[row.pinned.cluster].append(value(row))
        return bound_mean(clusters, per_example=tally.per_example, alpha=alpha, least=least)

    on = bounds(lambda row: row.on.least, 0)
    difference = bounds(lambda row: row.on.least - row.off.most, -1)
    on_at_best = bounds(lambda row: row.on.most, 0)
    difference_at_best = bounds(lambda row: row.on.most - row.off.least, -1)
    criteria = _criteria(tally, on, difference, policy)
    unmet = [criterion for criterion in criteria if not criterion.met]
    unfit = tuple(sorted({*invalid, *tally.strays, *_unfit_cells(tally, policy)}))
    sunk = [
        reason
        for reason, is_true in {
            f"on_upper_bound {on_at_best.upper:g} < {policy.bar:g}": on_at_best.upper < policy.bar,
            f"difference_upper_bound {difference_at_best.upper:g} < {-policy.margin:g}": (
                difference_at_best.upper < -policy.margin
            ),
        }.items()
        if is_true
    ]
    decision: GateDecision
    if tally.critical_only_on:  # rule 1
        decision, reasons = "ROLLBACK", [f"critical_check_failed {metric}" for metric in tally.critical_only_on]
    elif unfit:  # rule 2
        decision, reasons = "HOLD", [f"evidence_invalid {code}" for code in unfit]
    elif sunk:  # rule 3
        decision, reasons = "ROLLBACK", sunk
    elif not unmet:  # rule 4
        decision, reasons = "PROMOTE", ["every criterion is met"]
    else:  # rule 5
        decision, reasons = "HOLD", [f"unmet {each.code} {each.value:g}, bar {each.bar:g}" for each in unmet]
    return PathVerdict(
        path=tally.path,
        decision=decision,
        invalid=unfit if decision == "HOLD" else (),
        reasons=tuple(reasons),
        binding=min(criteria, key=lambda criterion: (criterion.met, criterion.room)).code,
        criteria=criteria,
        on=on,
        difference=difference,
        on_for_rollback=on_at_best,
        difference_for_rollback=difference_at_best,
        examples=len(tally.rows),
        clusters=_clusters(tally),
        cells=tally.cells,
        missing=tally.missing,
        more_examples=_more_examples(len(tally.rows), on, difference, policy),
        slices=_slices(tally),
        arms=tally.arms,
    )


def _unfit_conditions(conditions: Conditions, policy: Policy) -> tuple[str, ...]:
    facts = {
        "too_many_attempts": not 1 <= conditions.attempt <= policy.max_attempts,
        "uncommitted_changes": conditions.uncommitted_changes,
        "kill_switch_on": conditions.kill_switch_on,
        "deadline_passed": conditions.deadline_passed,
        "budget_spent": conditions.budget_spent,
    }
    return tuple(code for code, is_true in facts.items() if is_true)


def _unfit_cells(tally: Tally, policy: Policy) -> list[str]:
    on, off = (tally.arms.get(arm, ArmFacts()) for arm in ("on", "off"))
    facts = {
        "nothing_to_score": not tally.per_example or not tally.rows,
        "too_few_repetitions": tally.repetitions < policy.min_repetitions,
        "too_many_missing": tally.missing / (tally.cells or 1) > policy.max_missing,
        "treatment_not_delivered": on.treated / (on.trials or 1) < policy.min_treated,
        "control_carries_plan": off.carrying_plan > 0,
    }
    return [code for code, is_true in facts.items() if is_true]


def _criteria(tally: Tally, on: Bounds, difference: Bounds, policy: Policy) -> tuple[Criterion, ...]:
    arms = {arm: tally.arms.get(arm, ArmFacts()) for arm in ("on", "off")}
    longest_s = round(policy.latency_factor * arms["off"].latency_s + policy.latency_slack_s, DECIMALS)
    critical = sum(tally.critical_failed.values())
    return (
        _at_least("examples", len(tally.rows), policy.min_examples, unit=policy.min_examples),
        _at_least("clusters", _clusters(tally), policy.min_clusters, unit=policy.min_clusters),
        _at_most("critical_failures", critical, 0),
        _at_most("critical_missing", tally.critical_missing, 0),
        _at_least("on_lower_bound", on.lower, policy.bar),
        replace(_at_least("difference_lower_bound", difference.lower, -policy.margin), met=difference.lower > -policy.margin),
        _at_most("latency_p95_s", arms["on"].latency_s, longest_s, unit=longest_s),
        _at_most("cost_usd", arms["on"].cost_usd, policy.max_cost_usd, unit=policy.max_cost_usd),
        _at_most("failures", arms["on"].failed, arms["off"].failed),
    )


def _at_least(code: str, value: float, bar: float, *, unit: float = 1) -> Criterion:
    return Criterion(code, value, bar, value >= bar, round((value - bar) / unit, DECIMALS))


def _at_most(code: str, value: float, bar: float, *, unit: float = 1) -> Criterion:
    return Criterion(code, value, bar, value <= bar, round((bar - value) / unit, DECIMALS))


def _clusters(tally: Tally) -> int:
    return len({row.pinned.cluster for row in tally.rows})


def _more_examples(examples: int, on: Bounds, difference: Bounds, policy: Policy) -> int | None:
    """A bound closes in with the root of the number of examples, so the number goes with the square of the shortfall."""
    needed = float(policy.min_examples)
    for bounds, bar in ((on, policy.bar), (difference, -policy.margin)):
        if bounds.lower >= bar:
            continue
        if bounds.mean <= bar:
            return None
        needed = max(needed, examples * ((bounds.mean - bounds.lower) / (bounds.mean - bar)) ** 2)
    return max(0, math.ceil(needed) - examples)


def _slices(tally: Tally) -> tuple[SliceCount, ...]:
    grouped: defaultdict[str, list[Row]] = defaultdict(list)
    for row in tally.rows:
        grouped[row.pinned.slice].append(row)
    return tuple(
        SliceCount(
            name,
            len(rows),
            round(sum(row.on.least for row in rows) / (len(rows) * tally.per_example or 1), DECIMALS),
            round(sum(row.off.least for row in rows) / (len(rows) * tally.per_example or 1), DECIMALS),
        )
        for name, rows in sorted(grouped.items())
    )
