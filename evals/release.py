"""`agentic-sales gate run`: one measurement of one flag from its data sets to a verdict on file and on record."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path

from backend.cli.terminal import opened
from backend.desk import look_around, open_desk
from backend.errors import AgenticSalesError
from backend.ports import MakeLLM
from backend.source import Commit, read_commit
from evals.evidence import Evidence, Measurement, datasets_sha256, read_evidence, record_of, write_evidence
from evals.examples import PATHS, Dataset, Subject, read_dataset
from evals.gate import Conditions
from evals.hub import Hub, HubSilent
from evals.journal import open_journal
from evals.judge import judged_checks
from evals.metered import Metered
from evals.report import to_markdown, to_svg
from evals.run import Limits, PairedRun, Report, design_of
from evals.subjects import SUBJECTS
from evals.trials import Design

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a run: a flag, an attempt or None for the next, and where verdicts are kept."""

    flag: str
    attempt: int | None
    limits: Limits
    folder: Path
    examples: Callable[[str], Dataset] = read_dataset
    hub: Hub | None = None
    hub_within_s: float = 30


async def measure(  # noqa: PLR0913  # three have their default
    order: Order,
    subjects: Sequence[Subject],
    make_llm: MakeLLM,
    *,
    judge: Metered | None = None,
    report: Report = lambda _: None,
    say: Say = lambda _: None,
) -> tuple[Path, Evidence]:
    """Measure the subjects in both arms and keep the verdict; LangSmith may be sick, and changes no decision.

    `judge` makes the models that the subjects' judged checks ask, whose cost counts against the budget too.

    Raises:
        DatasetRefused: a file of examples is none.
        JournalRefused: the trials of a run before were edited, or another run of this attempt is under way.
    """
    commit, kill_switch_on = read_commit(), look_around().models_are_off
    datasets = {subject.path: _dataset(order, subject.path, say) for subject in subjects}
    chosen = [(subject, datasets[subject.path].examples) for subject in subjects]
    designs = [design_of(subject, examples, order.limits.repetitions) for subject, examples in chosen]
    attempt = max(order.attempt or 1, 1 + attempts_before(order.folder, order.flag, commit, designs))
    file = order.folder / ".running" / f"{order.flag}-{commit.sha[:12] or 'none'}-{attempt}.jsonl"
    head = {"flag": order.flag, "commit": commit.sha, "attempt": attempt, "designs": [design.fingerprint for design in designs]}
    limits = replace(order.limits, deadline_s=0) if kill_switch_on else order.limits
    with open_journal(file, head) as journal:
        besides = (lambda: judge.cost_usd) if judge else None
        outcome = await PairedRun(chosen, make_llm, journal, limits, report=report, besides_usd=besides).run()
        conditions = Conditions(
            attempt=attempt,
            uncommitted_changes=commit.has_changes or read_commit() != commit,
            kill_switch_on=kill_switch_on,
            deadline_passed=outcome.deadline_passed,
            budget_spent=outcome.budget_spent,
        )
        sources = {path: dataset.source for path, dataset in datasets.items()}
        measurement = Measurement(order.flag, designs, outcome.trials, conditions, commit, datetime.now(UTC), sources)
        verdict_file, evidence = write_evidence(order.folder, measurement)
        verdict_file.with_suffix(".md").write_text(to_markdown(evidence), encoding="utf-8")
        verdict_file.with_suffix(".svg").write_text(to_svg(evidence), encoding="utf-8")
        file.unlink()
    if order.hub:
        try:
            order.hub.show(evidence, outcome.trials, within_s=order.hub_within_s)
        except HubSilent as silent:
            say(f"LangSmith does not show the verdict: {silent}.")
    return verdict_file, evidence


def attempts_before(folder: Path, flag: str, commit: Commit, designs: Sequence[Design]) -> int:
    """Count the verdicts on file on this flag, commit and data."""
    wanted = (flag, commit.sha, datasets_sha256(designs))
    found = 0
    for file in folder.glob(f"*-{flag}-*.json"):
        evidence = read_evidence(file)
        if (evidence["flag"], evidence["commit"], evidence["dataset_sha256"]) == wanted:
            found = max(found, int(evidence["conditions"]["attempt"]))
    return found


async def record(evidence: Evidence, say: Say) -> bool:
    """Put the verdict on record in the database; says so, and what to do where it could not be."""
    try:
        async with opened(open_desk()) as desk:
            await desk.switches.record(record_of(evidence), by=getuser())
    except AgenticSalesError as failure:
        say(f"The verdict is on file and not on record: {failure} Record it with: agentic-sales gate record FILE")
        return False
    return True


def subjects_of(flag: str, judge: MakeLLM) -> list[Subject]:
    """The paths that decide about a flag, in order, each with its judged checks."""
    chosen = [SUBJECTS[path] for path, decides in sorted(PATHS.items()) if decides == flag]
    return [replace(each, checks=(*each.checks, *judged_checks(each.path, judge))) for each in chosen]


def _dataset(order: Order, path: str, say: Say) -> Dataset:
    """The examples of LangSmith where it answers, else of the repository."""
    if order.hub:
        try:
            return order.hub.read(path, within_s=order.hub_within_s)
        except HubSilent as silent:
            say(f"The examples of {path} are those on file, because LangSmith gave none: {silent}.")
    return order.examples(path)
