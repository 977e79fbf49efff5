"""The service is measured without a model: every example of every path, run with the model switched off, and checked.

`python -m evals.fallbacks` prints a table and says with its exit code whether each path holds its bar: every critical check in
every example, and at least 0.80 of the scored cells, in each language.
"""

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from backend.domain.release import POLICY
from backend.errors import ModelSwitchedOff
from backend.ports import Answer, Model, Prompt, Tier
from evals.examples import PATHS, DatasetRefused, Example, Output, Score, read_examples
from evals.subjects import SUBJECTS

_WHY = "the fallbacks are measured"


class SwitchedOff:
    """A model that may not be asked, and the maker of it."""

    def __call__(self, *, tier: Tier) -> Model:
        """See `ports.MakeLLM`."""
        del tier
        return self

    async def ask(self, prompt: Prompt) -> Answer:
        """See `ports.Model`."""
        del prompt
        raise ModelSwitchedOff(_WHY)


@dataclass(frozen=True)
class Cell:
    """One example under one check."""

    example: Example
    metric: str
    critical: bool
    score: Score

    @property
    def passed(self) -> bool:
        """Tell whether the cell counts as passed: 0.7 of a scored check, all of a critical one."""
        return self.score.value is not None and self.score.value >= (1.0 if self.critical else POLICY.pass_score)


@dataclass(frozen=True)
class Fallback:
    """One path came to this; `outputs` stand in the order of its examples."""

    path: str
    cells: Sequence[Cell]
    outputs: Sequence[Output] = field(repr=False)

    @property
    def score(self) -> float:
        """The share of the scored cells that passed."""
        scored = [cell.passed for cell in self.cells if not cell.critical]
        return sum(scored) / len(scored)

    @property
    def weakest(self) -> tuple[float, str]:
        """The lowest score of a language, and which one it is."""
        passed: dict[str, list[bool]] = {}
        for cell in self.cells:
            if not cell.critical:
                passed.setdefault(cell.example.language, []).append(cell.passed)
        return min((sum(cells) / len(cells), language) for language, cells in passed.items())

    @property
    def critical_failures(self) -> list[Cell]:
        """The cells of what may not happen and did."""
        return [cell for cell in self.cells if cell.critical and not cell.passed]

    @property
    def holds(self) -> bool:
        """Tell whether the path keeps its bar, in the language it does worst in as well."""
        return not self.critical_failures and self.weakest[0] >= POLICY.bar


async def measure(path: str, examples: Sequence[Example], step: Callable[[], object] = lambda: None) -> Fallback:
    """Run and check `examples` of one path, each in the arm with the flag on: a plan and roles by default are fallbacks too."""
    subject = SUBJECTS[path]
    cells: list[Cell] = []
    outputs: list[Output] = []
    for example in examples:
        output = await subject.run(example, "on", SwitchedOff())
        outputs.append(output)
        scores = [(check, await check.score(example, output)) for check in subject.checks]
        cells += [Cell(example, check.metric, check.kind == "critical", score) for check, score in scores]
        step()
    return Fallback(path, cells, outputs)


async def measure_all(console: Console) -> list[Fallback]:
    """Measure every path, with a progress bar."""
    examples = {path: read_examples(path) for path in PATHS}
    measured: list[Fallback] = []
    with Progress(console=console, transient=True) as progress:
        for path, of_path in examples.items():
            task = progress.add_task(path, total=len(of_path))
            measured.append(await measure(path, of_path, partial(progress.advance, task)))
    return measured


def report(measured: Sequence[Fallback], console: Console) -> None:
    """Print a line a path, and below them what was found wrong, by metric, with one example each."""
    table = Table("path", "examples", "criticals", "score", "weakest", "bar")
    for path in measured:
        verdict, weakest = "holds" if path.holds else "fails", f"{path.weakest[1]} {path.weakest[0]:.3f}"
        table.add_row(
            path.path, str(len(path.outputs)), str(len(path.critical_failures)), f"{path.score:.3f}", weakest, verdict
        )
    console.print(table)
    for path in measured:
        failed: dict[str, list[Cell]] = {}
        for cell in path.cells:
            if not cell.passed:
                failed.setdefault(cell.metric, []).append(cell)
        for metric, cells in failed.items():
            first = f"{cells[0].example.example_id}: {cells[0].score.reason}"
            console.print(f"{path.path}  {metric}  {len(cells)} of {len(path.outputs)}, as in {first}", markup=False)


def main() -> int:
    """Measure, print, and return 0 when every path keeps its bar and 1 otherwise."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    console = Console()
    try:
        measured = asyncio.run(measure_all(console))
    except DatasetRefused as refused:
        sys.exit(f"Nothing was measured: {refused}.")
    report(measured, console)
    return 0 if all(path.holds for path in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
