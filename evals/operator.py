"""Gate and data sets at a terminal: a bar that tells what is left, then what came of it, and where it lies."""

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from backend.cli.terminal import err, fail, out, say
from backend.desk import look_around
from backend.domain.flags import FLAGS
from backend.wiring import make_deepseek
from evals.coach import PATH
from evals.coach_page import headline
from evals.coach_run import CoachRun, ReportMissing
from evals.examples import PATHS, DatasetRefused, read_dataset
from evals.hub import TAG, Hub, HubSilent, name_of, within
from evals.journal import JournalRefused
from evals.metered import Metered
from evals.push import Written, push
from evals.release import Order, measure, record, subjects_of
from evals.run import Limits, Progress, Report


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
    except DatasetRefused as refused:
        fail(f"Nothing was measured: {refused}.")
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


async def compare_and_report(limits: Limits, into: Path) -> int:
    """Run whole threads in both arms, write the report and its pictures, and return the exit code: 0 when it was written."""
    around = look_around()
    try:
        run = CoachRun(read_dataset(PATH), limits, into)
        with _bar() if sys.stderr.isatty() else nullcontext(_ignore) as report:
            async with make_deepseek() as make_llm:
                judge = Metered(make_llm) if around.has_model_key and not around.models_are_off else None
                found = await run.report(make_llm, judge, report)
    except (DatasetRefused, JournalRefused, ReportMissing) as failure:
        fail(f"No report was written: {failure}. Trials under way lie in {into / '.running'}.")
    say(out(), headline(found))
    say(err(), f"report {into / 'coach.md'}")
    return 0


def push_and_report(deadline_s: float) -> int:
    """Push every data set, say of each what was written, and return the exit code: 0 when all are whole, else 1."""
    hub = Hub.from_environment(timeout_s=min(deadline_s, 10))
    if hub is None:
        fail("Nothing was written: LANGSMITH_API_KEY is not set.")
    try:
        datasets = {path: read_dataset(path).examples for path in PATHS}
    except (OSError, DatasetRefused) as refused:
        fail(f"Nothing was written: {refused}.")
    pushed, silence = [Written(path) for path in PATHS], ""
    columns = (TextColumn("examples"), BarColumn(), MofNCompleteColumn())
    with Bar(*columns, console=err(), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("examples", total=sum(map(len, datasets.values())))

        def push_all() -> None:
            for written in pushed:
                push(hub.client, datasets[written.path], written, partial(bar.advance, task))

        try:
            within(deadline_s, push_all)
        except HubSilent as silent:
            silence = str(silent)
    return _tell_pushed(pushed, silence)


def _tell_pushed(pushed: Sequence[Written], silence: str) -> int:
    """Say what became of each data set; the first that is not whole is the one that LangSmith failed at."""
    unfinished = [written for written in pushed if not written.whole]
    for written in pushed:
        if written.whole:
            say(out(), str(written) if written.anything else f"{name_of(written.path)}: as it should be, nothing was written")
    if not unfinished:
        return 0
    say(err(), f"{unfinished[0]}. LangSmith: {silence}; what it was asked last may have been done.", "red")
    for written in unfinished[1:]:
        say(err(), f"{name_of(written.path)}: not looked at")
    say(err(), f"The gate goes on with the examples tagged {TAG} before. Push again: it goes on where this ended.")
    return 1


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
