"""The gate's decision: the rules in their order, each figure on its right side."""

import random
from dataclasses import asdict
from typing import Any

import pytest

from evals.gate import EXIT_CODES, Conditions, decide, decide_path
from evals.tally import ArmFacts, Passed, Row, Tally
from evals.trials import Design, Pinned, Trial, dump
from tests.evals.grids import FLAG, change, design, fill, is_off, is_on, trial, verdict_on


def even(on: int, off: int, *, of: int = 10_000, examples: int = 50) -> Tally:
    """A path whose examples all pass alike, so that its bounds are its means."""
    rows = [Row(Pinned(f"e{n}", f"c{n % 20}", ""), Passed(on, on), Passed(off, off)) for n in range(examples)]
    return Tally("p", of, rows, cells=1, arms={"on": ArmFacts(trials=1, treated=1), "off": ArmFacts(trials=1)})


@pytest.mark.req("GATE-R13", "GATE-R15")
def test_a_clean_grid_is_promoted() -> None:
    """Fifty examples of twenty clusters that pass in both arms: exit code 0."""
    verdict = verdict_on(design(), fill(design()))
    assert (verdict.decision, verdict.exit_code) == ("PROMOTE", 0)
    assert EXIT_CODES == {"PROMOTE": 0, "HOLD": 10, "ROLLBACK": 20, "INVALID": 30}


@pytest.mark.req("GATE-R4")
def test_a_critical_check_that_fails_with_the_flag_only_rolls_back() -> None:
    """One leak in one repetition is enough, and it is asked before whether the evidence is fit."""
    leaking = change(fill(design()), is_on, most=1, scores={"leak": 0.0})
    for trials in (leaking, change(leaking, is_off, treated=True), leaking[:-9]):
        verdict = verdict_on(design(), trials)
        assert (verdict.decision, verdict.exit_code) == ("ROLLBACK", 20)
        assert verdict.paths[0].reasons == ("critical_check_failed leak",)


@pytest.mark.req("GATE-R4", "GATE-R9")
def test_a_critical_check_that_fails_in_both_arms_holds() -> None:
    """The flag is not to blame, and nothing is promoted while it fails."""
    both = change(fill(design()), lambda each: each.example_id == "e000", scores={"leak": 0.0})
    verdict = verdict_on(design(), both)
    assert (verdict.decision, verdict.exit_code) == ("HOLD", 10)
    assert "critical_failures" in verdict.reasons[0]


@pytest.mark.req("GATE-R7")
@pytest.mark.parametrize(
    ("on", "off", "decision"),
    [
        (8000, 8000, "PROMOTE"),
        (7999, 7999, "ROLLBACK"),
        (9000, 9499, "PROMOTE"),
        (9000, 9500, "HOLD"),
        (9000, 9501, "ROLLBACK"),
    ],
)
def test_the_bars_are_exact(on: int, off: int, decision: str) -> None:
    """0.80 promotes and 0.7999 does not; a loss just under the margin promotes, the margin itself holds, more rolls back."""
    assert decide_path(even(on, off)).decision == decision


@pytest.mark.req("GATE-R7")
def test_a_lower_bound_a_little_under_the_bar_holds() -> None:
    """The mean is above 0.80 and so is the upper bound, and the lower bound is 0.7999."""
    tally = even(8010, 8010)
    both = [Passed(8010 + swing, 8010 + swing) for swing in (-27, 27)]
    rows = [Row(row.pinned, both[number % 2], both[number % 2]) for number, row in enumerate(tally.rows)]
    verdict = decide_path(Tally("p", 10_000, rows, cells=1, arms=tally.arms))
    assert verdict.decision == "HOLD"
    assert verdict.on.lower == pytest.approx(0.7999, abs=5e-5)
    assert (verdict.binding, verdict.reasons[0].startswith("unmet on_lower_bound")) == ("on_lower_bound", True)


@pytest.mark.req("GATE-R8")
@pytest.mark.parametrize(("examples", "clusters", "decision"), [(50, 20, "PROMOTE"), (49, 20, "HOLD"), (50, 19, "HOLD")])
def test_fifty_examples_of_twenty_clusters_are_asked_for(examples: int, clusters: int, decision: str) -> None:
    """One fewer of either holds, and says how many more would do."""
    small = design(examples, clusters=clusters)
    verdict = verdict_on(small, fill(small))
    assert verdict.decision == decision
    assert verdict.paths[0].more_examples == 50 - examples


@pytest.mark.req("GATE-R2", "GATE-R5")
@pytest.mark.parametrize(("missing", "exit_code"), [(36, 0), (37, 30)])
def test_two_in_a_hundred_verdicts_may_be_missing(missing: int, exit_code: int) -> None:
    """Of 1800 cells 36 are 2.0 % and 37 are more: the first still decides, the second makes the evidence unfit."""
    verdict = verdict_on(design(), change(fill(design()), is_off, most=missing, scores={"tone": None}))
    assert (verdict.exit_code, verdict.paths[0].missing) == (exit_code, missing)
    assert verdict.paths[0].invalid == (("too_many_missing",) if exit_code else ())


@pytest.mark.req("GATE-R2")
def test_what_is_missing_counts_against_the_decision_considered() -> None:
    """For a PROMOTE the missing cells failed with the flag and passed without, for a ROLLBACK the other way round."""
    lost = change(change(fill(design()), is_on, most=18, scores={"tone": None}), is_off, most=18, scores={"tone": None})
    (path,) = verdict_on(design(), lost).paths
    assert path.on.mean == pytest.approx(1 - 18 / 750)
    assert path.difference.mean == pytest.approx(-18 / 750)
    assert path.on_for_rollback.mean == 1.0
    assert path.difference_for_rollback.mean == pytest.approx(18 / 750)


@pytest.mark.req("GATE-R2", "GATE-R9")
def test_a_critical_verdict_that_is_missing_keeps_from_promoting() -> None:
    """A trial that was lost may have leaked."""
    verdict = verdict_on(design(), fill(design())[1:])
    assert (verdict.decision, verdict.exit_code) == ("HOLD", 10)
    assert verdict.paths[0].reasons == ("unmet critical_missing 1, bar 0",)


@pytest.mark.req("GATE-R3")
def test_a_failure_of_the_product_scores_nothing_and_stays_in() -> None:
    """Thirty failed trials of a hundred and fifty lower the mean by a fifth, and none of their cells is missing."""
    failed = change(fill(design()), is_on, most=30, failed=True, scores={"leak": None, "tone": None})
    (path,) = verdict_on(design(), failed).paths
    assert (path.on.mean, path.missing, path.arms["on"].failed) == (0.8, 0, 30)
    assert path.decision == "ROLLBACK"


@pytest.mark.req("GATE-R6")
@pytest.mark.parametrize(("untreated", "exit_code"), [(6, 0), (9, 30)])
def test_the_treatment_has_to_arrive(untreated: int, exit_code: int) -> None:
    """Of 150 trials with the flag 144 are 96 % and 141 are 94 %: a coach that fails open looks like the baseline."""
    verdict = verdict_on(design(), change(fill(design()), is_on, most=untreated, treated=False))
    assert verdict.exit_code == exit_code
    assert verdict.paths[0].invalid == (("treatment_not_delivered",) if exit_code else ())


@pytest.mark.req("GATE-R6")
def test_ninety_five_in_a_hundred_are_enough() -> None:
    """57 of 60 trials are exactly 95 %, which holds only for the size, and 56 are not."""
    small = design(20)
    codes = [verdict_on(small, change(fill(small), is_on, most=n, treated=False)).exit_code for n in (3, 4)]
    assert codes == [10, 30]


def with_strays(of: Design) -> dict[str, list[Trial]]:
    """Evidence that is not what was to be measured, by the code it is refused with."""
    whole = fill(of)
    return {
        "example_or_repetition_mismatch": [*whole, trial(of, "on", "e999", 0)],
        "hash_mismatch": change(whole, is_on, most=1, measured_by="other"),
        "score_out_of_range": change(whole, is_on, most=1, scores={"tone": 1.5}),
        "control_carries_plan": change(whole, is_off, most=1, carries_plan=True),
        "path_mismatch": [*whole, trial(design(path="other"), "on", "e000", 0)],
    }


@pytest.mark.req("GATE-R5", "GATE-R6")
@pytest.mark.parametrize("code", with_strays(design(2)))
def test_evidence_that_is_not_what_was_to_be_measured_is_unfit(code: str) -> None:
    """Each kind has its code, and exit code 30."""
    verdict = verdict_on(design(), with_strays(design())[code])
    assert (verdict.decision, verdict.exit_code) == ("HOLD", 30)
    assert code in verdict.reasons[0]


@pytest.mark.req("GATE-R5")
def test_a_trial_recorded_twice_is_unfit() -> None:
    """Two trials of one cell leave open which of them counts; so does a fourth repetition."""
    for stray in (fill(design())[0], trial(design(), "on", "e000", 3)):
        assert "example_or_repetition_mismatch" in verdict_on(design(), [*fill(design()), stray]).paths[0].invalid


@pytest.mark.req("GATE-R5")
@pytest.mark.parametrize(
    ("conditions", "code"),
    [
        ({"attempt": 4}, "too_many_attempts"),
        ({"uncommitted_changes": True}, "uncommitted_changes"),
        ({"kill_switch_on": True}, "kill_switch_on"),
        ({"deadline_passed": True}, "deadline_passed"),
        ({"budget_spent": True}, "budget_spent"),
    ],
)
def test_the_surroundings_can_make_evidence_unfit(conditions: dict[str, Any], code: str) -> None:
    """Cells that would promote hold, and the reason names what was wrong."""
    verdict = verdict_on(design(), fill(design()), **conditions)
    assert (verdict.exit_code, verdict.paths[0].invalid) == (30, (code,))


@pytest.mark.req("GATE-R5")
def test_two_repetitions_are_too_few() -> None:
    """Three are the least."""
    twice = design(repetitions=2)
    assert verdict_on(twice, fill(twice)).paths[0].invalid == ("too_few_repetitions",)


@pytest.mark.req("GATE-R10")
@pytest.mark.parametrize(
    ("changes", "code"),
    [({"latency_s": 3.3}, "latency_p95_s"), ({"cost_usd": 0.051}, "cost_usd"), ({"failed": True}, "failures")],
)
def test_the_guardrails_hold_a_flag_back(changes: dict[str, Any], code: str) -> None:
    """Slower than 1.25 times the control and two seconds, dearer than the budget, or failing more often."""
    most = 1 if code == "failures" else None
    (path,) = verdict_on(design(), change(fill(design()), is_on, most=most, **changes)).paths
    assert path.decision == "HOLD"
    assert [criterion.code for criterion in path.criteria if not criterion.met] == [code] == [path.binding]


@pytest.mark.req("GATE-R10")
def test_the_guardrails_let_their_bars_through() -> None:
    """A latency of 3.25 s against 1 s and five cents are still good."""
    assert verdict_on(design(), change(fill(design()), is_on, latency_s=3.25, cost_usd=0.05)).decision == "PROMOTE"


@pytest.mark.req("GATE-R11")
def test_several_paths_are_one_decision() -> None:
    """Any ROLLBACK wins, all must PROMOTE, and unfit evidence of one path holds the flag with exit code 30."""
    good, other = design(), design(path="campaign:final_response")
    clean = [*fill(good), *fill(other)]
    harmed = change(clean, lambda each: is_on(each) and each.path == other.path, scores={"tone": 0.0, "scored_0": 0.0})
    unfit = change(clean, lambda each: is_off(each) and each.path == good.path, carries_plan=True)
    leaking = change(unfit, is_on, most=1, scores={"leak": 0.0})
    all_trials = (clean, harmed, unfit, clean[:-1], leaking)
    codes = [decide(FLAG, [good, other], trials, Conditions()).exit_code for trials in all_trials]
    assert codes == [0, 20, 30, 10, 20]


@pytest.mark.req("GATE-R12")
def test_each_attempt_halves_the_error_it_may_make() -> None:
    """The bounds of the second and third attempt are wider than those of the one before."""
    reach = [decide_path(even(9000, 9000), attempt).on.lower for attempt in (1, 2, 3)]
    assert reach == [0.9, 0.9, 0.9]  # no spread, nothing to widen
    spread = change(fill(design()), lambda each: each.example_id < "e010", scores={"tone": 0.0})
    lower = [verdict_on(design(), spread, attempt=attempt).paths[0].on.lower for attempt in (1, 2, 3)]
    assert lower == sorted(lower, reverse=True)
    assert len(set(lower)) == 3


@pytest.mark.req("GATE-R14")
def test_the_order_of_cells_changes_no_byte() -> None:
    """Shuffled trials and designs give the same bytes."""
    one, two = design(), design(path="campaign:final_response")
    trials = change([*fill(one), *fill(two)], lambda each: each.example_id.endswith("3"), scores={"tone": 0.3}, latency_s=1.7)
    expected = dump(asdict(decide(FLAG, [one, two], trials, Conditions())))
    for seed in range(3):
        random.Random(seed).shuffle(trials)  # noqa: S311  # to mix, not to hide
        assert dump(asdict(decide(FLAG, [two, one], trials, Conditions()))) == expected


@pytest.mark.req("GATE-R15")
def test_a_hold_says_every_unmet_criterion_and_how_far_off_it_is() -> None:
    """Each slice is counted, and the number of further examples follows from how wide the bounds are."""
    small = design(10, clusters=10)
    worse = change(fill(small), lambda each: is_on(each) and each.example_id == "e001", scores={"tone": 0.0})
    (path,) = verdict_on(small, worse).paths
    assert [reason.split()[1] for reason in path.reasons] == ["examples", "clusters", "difference_lower_bound"]
    assert path.more_examples == 40
    assert [(each.slice, each.examples, each.on) for each in path.slices] == [("rich", 5, 0.96), ("thin", 5, 1.0)]
    assert decide_path(even(7000, 8000)).more_examples is None


def test_nothing_measured_decides_nothing() -> None:
    """No design, no example and no metric are all unfit."""
    assert decide(FLAG, [], [], Conditions()).exit_code == 30
    for empty in (design(0), Design("p", "", design().examples, (), 3)):
        assert verdict_on(empty, []).exit_code == 30
