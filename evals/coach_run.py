"""The run behind the coach's report: whole threads in both arms, from where an earlier run stood to three files."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from backend.ports import MakeLLM
from backend.source import read_commit
from evals.coach import Comparison, coach_subject, compare
from evals.coach_page import arms_svg, differences_svg, to_markdown
from evals.examples import Dataset
from evals.journal import open_journal
from evals.metered import Metered
from evals.run import Limits, PairedRun, Report, design_of

PAGES: dict[str, Callable[[Comparison], str]] = {
    "coach.md": to_markdown,
    "coach-arms.svg": arms_svg,
    "coach-differences.svg": differences_svg,
}


class ReportMissing(RuntimeError):
    """The run came to no report; the message says why, and the trials it made are kept."""


@dataclass(frozen=True, slots=True)
class CoachRun:
    """A run over `dataset` into a folder; with a judge, its word counts too."""

    dataset: Dataset
    limits: Limits
    into: Path

    @property
    def journal(self) -> Path:
        """The file of the trials of a run that is not at its end."""
        return self.into / ".running" / "coach.jsonl"

    async def report(self, make_llm: MakeLLM, judge: Metered | None = None, report: Report = lambda _: None) -> Comparison:
        """Measure what is not measured yet, and write the report with its pictures.

        Raises:
            ReportMissing: time or money ran out, or no thread came back whole; no page was written.
            JournalRefused: the trials of a run before were edited or are of another commit, or another run is under way.
        """
        examples = [example for example in self.dataset.examples if not example.expected["silent"]]
        subject = coach_subject(judge)
        head = {"commit": read_commit().sha, "design": design_of(subject, examples, self.limits.repetitions).fingerprint}
        with open_journal(self.journal, head) as journal:
            besides = (lambda: judge.cost_usd) if judge else None
            run = PairedRun([(subject, examples)], make_llm, journal, self.limits, report=report, besides_usd=besides)
            outcome = await run.run()
            if outcome.deadline_passed or outcome.budget_spent:
                why = "the time is over" if outcome.deadline_passed else "the money is spent"
                problem = f"{why} after {len(outcome.trials)} trials; started again, it goes on there"
                raise ReportMissing(problem)
            found = compare(examples, outcome.trials, self.limits.repetitions, self.dataset.source)
            if not found.findings:
                problem = "no thread came back in both arms, because the model could not be reached"
                raise ReportMissing(problem)
            for name, page in PAGES.items():
                (self.into / name).write_text(page(found), encoding="utf-8")
            self.journal.unlink()
        return found
