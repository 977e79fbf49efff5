"""The coach against the flat sequence: what may be said of a difference, and a report that says no more."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer import Exit

from evals import operator
from evals.coach import MAX_CALLS, PATH, Comparison, coach_subject, compare
from evals.coach_page import arms_svg, differences_svg, headline, to_markdown
from evals.coach_run import PAGES, CoachRun, ReportMissing
from evals.examples import Arm, Dataset, read_dataset
from evals.fallbacks import SwitchedOff
from evals.operator import compare_and_report
from evals.run import Limits
from evals.trials import ARMS, Trial
from tests.evals.actors import CannedModel, examples

KEPT = ("angle_kept", "tone_kept", "no_fact_twice", "nothing_twice", "no_near_copy")
SOURCE = {"file": "threads.jsonl", "sha256": "f" * 64}
THREADS = examples(40)


def trial(example_id: str, arm: Arm, scores: Mapping[str, float | None] = {}, **changes: Any) -> Trial:
    """A thread of five touches that keeps everything, by a model that was asked once a touch and, with the coach, once more."""
    calls = 6 if arm == "on" else 5
    usual = Trial(
        path=PATH,
        arm=arm,
        example_id=example_id,
        repetition=0,
        measured_by="design",
        treated=arm == "on",
        carries_plan=arm == "on",
        failed=False,
        latency_s=float(calls),
        cost_usd=0.01 * calls,
        models=("canned",),
        prompts={},
        scores={**dict.fromkeys(KEPT, 1.0), "touches": 5 / 6, "model_calls": calls / MAX_CALLS, **scores},
    )
    return replace(usual, **changes)


def compared(off: Mapping[str, float | None] = {}, on: Mapping[str, float | None] = {}, **changes: Any) -> Comparison:
    """Every thread in both arms, with these scores; in one cluster in four the flat arm keeps everything."""
    scores: dict[Arm, Mapping[str, float | None]] = {"off": off, "on": on}
    trials = [
        trial(each.example_id, arm, {} if arm == "off" and place % 4 == 0 else scores[arm], **changes)
        for place, each in enumerate(THREADS)
        for arm in ARMS
    ]
    return compare(THREADS, trials, 1, SOURCE)


@pytest.mark.req("COACH-R1")
def test_both_arms_are_told_with_their_difference() -> None:
    """Shares, emails, calls, dollars and seconds a thread; the page and both pictures have a line of each."""
    found = compared(off={"angle_kept": 0.6})
    drift, cost = found.find("drift"), found.find("cost")
    assert (drift.arms["off"].mean, drift.arms["on"].mean, drift.difference.mean) == (0.15, 0.0, -0.15)
    assert drift.difference.lower < -0.15 < drift.difference.upper < 0
    assert (cost.arms["off"].mean, round(cost.difference.mean, 9)) == (0.05, 0.01)
    page, arms, differences = to_markdown(found), arms_svg(found), differences_svg(found)
    assert re.search(r"^\| drift: .* \| 15.0% \| 0.0% \| -15.0% \| -1\d.\d% to -1\d.\d% \| less \|$", page, re.MULTILINE)
    assert "| emails: written a thread | 5.00 | 5.00 | +0.00 |" in page
    assert "| cost: dollars a thread | 0.0500 $ | 0.0600 $ | +0.0100 $ |" in page
    assert "| latency: seconds a thread | 5.00 s | 6.00 s | +1.00 s | +1.00 s to +1.00 s | more |" in page
    assert arms.count("<circle") == 2 * len(found.findings)
    assert differences.count("<circle") == 7


@pytest.mark.req("COACH-R2")
def test_a_difference_within_its_bounds_is_none() -> None:
    """As many threads better as worse by as much."""
    trials = [trial(each.example_id, "off", {"tone_kept": 0.5}) for each in THREADS]
    trials += [trial(each.example_id, "on", {"tone_kept": float(place % 2)}) for place, each in enumerate(THREADS)]
    assert compare(THREADS, trials, 1, SOURCE).find("drift").word == "no difference shown"


@pytest.mark.req("COACH-R3", "COACH-R4")
@pytest.mark.parametrize(
    ("found", "says"),
    [
        (
            compared(off={"angle_kept": 0.6, "nothing_twice": 0.5}),
            "It holds here: less drift and less repetition. ",
        ),
        (
            compared(off={"nothing_twice": 0.5}),
            "It holds in part. With the coach, drift: no difference shown; repetition: less",
        ),
        (compared(off={"tone_kept": 0.5}, on={"no_near_copy": 0.5}), "It does not hold here. With the coach, drift: less; "),
        (compared(), "It does not show here: neither drift nor repetition differ by more than chance."),
        (compared(off={"angle_kept": 0.6}, treated=False), "Not tested: a model's plan governed 0% of the coached threads"),
        (compared(off={"angle_kept": 0.6}, models=()), "Not tested: no model is configured"),
    ],
)
def test_the_headline_says_what_was_found(found: Comparison, says: str) -> None:
    """It stands first on the page, whatever the figures below it look like."""
    assert headline(found).startswith(says)
    assert to_markdown(found).split("\n\n")[2] == f"**{headline(found)}**"


@pytest.mark.req("COACH-R7")
def test_a_thread_counts_where_it_came_back_whole() -> None:
    """One that was lost in one arm counts nowhere, one without a judge's word in all but that, a failed one as drifted."""
    off = [trial(each.example_id, "off", {"judged_tone": 1.0}) for each in THREADS]
    on = [trial(each.example_id, "on", {"judged_tone": 1.0}) for each in THREADS[1:]]
    on[0] = replace(on[0], scores={**on[0].scores, "judged_tone": None})
    on[1] = replace(on[1], failed=True, scores={})
    found = compare(THREADS, [*on, *off], 1, SOURCE)
    assert (found.threads, found.find("judged tone").threads, found.failed) == (39, 38, {"off": 0, "on": 1})
    assert found.find("drift").arms["on"].mean == pytest.approx(1 / 39)


def test_a_judge_is_asked_of_angle_and_tone_alone() -> None:
    """Whether an email is grounded or pushy is the gate's matter, and costs."""
    judged = [check.metric for check in coach_subject(CannedModel()).checks if check.kind == "judged"]
    assert sorted(judged) == ["judged_angle", "judged_tone"]


@pytest.fixture
def two() -> Dataset:
    """The first two threads."""
    dataset = read_dataset(PATH)
    return replace(dataset, examples=dataset.examples[:2])


@pytest.mark.req("COACH-R4", "COACH-R5")
async def test_without_a_model_two_runs_write_the_same(two: Dataset, own_folder: Path) -> None:
    """Whole threads in both arms, six touches each; no trial is left behind."""
    pages: list[str] = []
    for name in ("one", "two"):
        run = CoachRun(two, Limits(), own_folder / name)
        found = await run.report(SwitchedOff())
        assert (found.threads, found.find("emails").arms["on"].mean, found.tested) == (2, 6.0, False)
        pages.append("".join(file.read_text("utf-8") for file in sorted(run.into.glob("coach*"))))
        assert not run.journal.exists()
    assert pages[0] == pages[1]
    assert "latency" not in pages[0]


@pytest.mark.req("COACH-R6")
async def test_a_run_that_was_cut_short_goes_on_where_it_stood(two: Dataset, own_folder: Path) -> None:
    """Its answers are of no use, but they cost: the money ends it once, and the next run pays for the rest alone."""
    cut = CoachRun(two, Limits(budget_usd=0.01, at_once=1), own_folder)
    with pytest.raises(ReportMissing, match=r"the money is spent after [1-5] trials"):
        await cut.report(CannedModel())
    assert not (own_folder / "coach.md").exists()
    with pytest.raises(ReportMissing, match=r"the time is over after [1-5] trials"):
        await replace(cut, limits=Limits(deadline_s=0)).report(CannedModel())
    whole = CannedModel()
    found = await replace(cut, limits=Limits()).report(whole)
    assert found.threads == 2
    assert found.find("cost").arms["off"].mean == pytest.approx(0.006)


@pytest.mark.req("COACH-R1")
async def test_the_command_writes_three_files(
    two: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a key; what it says is the headline, and where the page lies."""

    def read_them(path: str) -> Dataset:
        assert path == PATH
        return two

    monkeypatch.setattr(operator, "read_dataset", read_them)
    monkeypatch.setenv("DEEPSEEK_API_KEY", "")
    into = Path("reports")
    assert await compare_and_report(Limits(), into) == 0
    said = capsys.readouterr()
    assert (said.out[:22], said.err) == ("Not tested: no model i", "report reports/coach.md\n")
    assert all((into / name).exists() for name in PAGES)  # nothing else runs
    with pytest.raises(Exit):
        await compare_and_report(Limits(deadline_s=0), into)
    assert capsys.readouterr().err.startswith("No report was written: the time is over after 0 trials")


def test_the_committed_report_names_its_pictures() -> None:
    """What is linked lies beside it."""
    reports = Path(operator.__file__).parent / "reports"
    linked = re.findall(r"\]\(([\w.-]+\.svg)\)", (reports / "coach.md").read_text("utf-8"))
    assert len(linked) == 2
    assert [name for name in linked if not (reports / name).exists()] == []
