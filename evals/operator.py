"""The gate at a terminal: a bar that tells what is left, the verdict, and where it lies."""

import sys
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from dataclasses import replace

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from backend.cli.terminal import err, fail, out, say
from backend.domain.flags import FLAGS
from backend.wiring import make_deepseek
from evals.hub import Hub
from evals.journal import JournalRefused
from evals.metered import Metered
from evals.release import Order, measure, record, subjects_of
from evals.run import Progress, Report


async def run_and_report(order: Order) -> int:
    """Run the gate, print its verdict and return its exit code."""
    if order.flag not in FLAGS:
        fail(f"There is no flag '{order.flag}'; there are {' and '.join(FLAGS)}.")
    order = replace(order, hub=Hub.from_environment())
    try:
        with _bar() if sys.stderr.isatty() else nullcontext(_ignore) as report:
            async with make_deepseek() as make_llm:
                judge = Metered(make_llm)
                subjects = subjects_of(order.flag, judge)
                file, evidence = await measure(order, subjects, make_llm, judge=judge, report=report, say=say_err)
    except JournalRefused as refused:
        fail(f"Nothing was measured: {refused}. The trials lie in {order.folder / '.running'}.")
    verdict = evidence["verdict"]
    say(out(), f"{verdict['decision']} {order.flag} (exit code {verdict['exit_code']})")
    for reason in verdict["reasons"]:
        say(out(), f"  {reason}")
    if await record(evidence, say_err):
        say(err(), "The verdict is on record.")
    say(err(), f"verdict {file}")
    say(err(), f"report  {file.with_suffix('.md')}")
    return int(verdict["exit_code"])


def say_err(text: str) -> None:
    """Write a line on standard error."""
    say(err(), text)


def _ignore(progress: Progress) -> None:
    del progress


@contextmanager
def _bar() -> Generator[Report]:
    """A bar on standard error with the trials done, the dollars spent and the time left."""
    spent = TextColumn("${task.fields[spent]:.2f}")
    columns = (TextColumn("trials"), BarColumn(), MofNCompleteColumn(), spent, TimeRemainingColumn())
    with Bar(*columns, console=err()) as bar:
        task = bar.add_task("trials", total=None, spent=0.0)

        def report(progress: Progress) -> None:
            bar.update(task, completed=progress.done, total=progress.total, spent=progress.cost_usd)

        yield report
