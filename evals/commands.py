"""`agentic-sales gate …` and `evals …`: commands from above the service, which reach the command line by entry points."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

gate = typer.Typer(help="The release gate: PROMOTE, HOLD or ROLLBACK for a flag, on evidence.", no_args_is_help=True)
evals = typer.Typer(help="The golden data sets: push them to LangSmith, measure the coach by them.", no_args_is_help=True)

VerdictFile = Annotated[Path, typer.Argument(help="The verdict's JSON file; its cells lie beside it.", dir_okay=False)]


@gate.command("run")
def run_gate(  # noqa: PLR0913, PLR0917  # each option has its default, and typer passes them by name
    flag: Annotated[str, typer.Option(help="The flag to decide on.")],
    attempt: Annotated[
        int | None, typer.Option(min=1, help="Which attempt on this commit and data it is; at most 3 count. Default: the next.")
    ] = None,
    deadline: Annotated[float, typer.Option(min=1, help="Seconds the run may take.")] = 3600,
    budget: Annotated[float, typer.Option(min=0.01, help="US dollars the models may cost.")] = 20,
    repetitions: Annotated[int, typer.Option(min=1, max=20, help="Trials of each example in each arm.")] = 3,
    into: Annotated[Path, typer.Option(help="Folder that verdicts are kept in.", file_okay=False)] = Path("evals/verdicts"),
) -> None:
    """Measure a flag off and on over its data sets, and decide: PROMOTE, HOLD or ROLLBACK. It flips nothing.

    The exit code is 0 for PROMOTE, 10 for HOLD, 20 for ROLLBACK and 30 for unfit evidence; 1 says that nothing was decided, as
    over a data set that is refused. A run that was ended goes on where it stood when it is started again. With
    LANGSMITH_API_KEY the data sets are read from LangSmith by name, as `evals push` left them, and the verdict is shown there;
    without, nothing is sent to it. The verdict is put on record in the database of D1_URL.

    Example: agentic-sales gate run --flag CAMPAIGN_COACH_ENABLED --deadline 1800 --budget 5
    """
    from backend.cli.terminal import run
    from evals.operator import run_and_report
    from evals.release import Order
    from evals.run import Limits

    limits = Limits(deadline_s=deadline, budget_usd=budget, repetitions=repetitions)
    raise typer.Exit(run(run_and_report(Order(flag, attempt, limits, into)), at_least="ERROR"))


@gate.command("watch")
def watch_flag(flag: Annotated[str, typer.Option(help="The flag to look after.")]) -> None:
    """Look once at what people decided about the newest drafts, and turn the flag off when they are surely bad or worse.

    It takes 50 decisions on drafts written since the flag is on, and reads the newest 200 among the newest 10,000 drafts. The
    exit code is 20 when the flag was turned off, and 0 when it was left: run it from cron. ORCHESTRATOR_ROLE_PLAN cannot be
    watched, because the service keeps no decision on single emails.

    Example: agentic-sales gate watch --flag CAMPAIGN_COACH_ENABLED
    """
    from backend.cli.terminal import run
    from evals.watch import watch

    raise typer.Exit(run(watch(flag)))


@gate.command("record")
def record_verdict(file: VerdictFile) -> None:
    """Put a verdict that verifies on record in the database, so that a flag can be turned on by it; twice is once.

    Example: agentic-sales gate record evals/verdicts/20261125T120000Z-CAMPAIGN_COACH_ENABLED-0f3a51bd2c47-1.json
    """
    from backend.cli.terminal import fail, run
    from backend.source import read_commit
    from evals.evidence import verify
    from evals.operator import say_err
    from evals.release import record

    misfit, evidence = verify(file, commit=read_commit().sha, now=datetime.now(UTC))
    if misfit:
        fail(f"{misfit.code}: {misfit.sentence} Nothing was recorded.")
    if not run(record(evidence, say_err)):
        raise typer.Exit(1)


@gate.command("verify")
def verify_verdict(file: VerdictFile) -> None:
    """Make a verdict's decision again from its cells, and say whether it counts for the commit checked out here.

    The exit code is the verdict's, 0 for PROMOTE, 10 for HOLD, 20 for ROLLBACK, 30 for unfit evidence, and 30 as well for
    a verdict that was edited, is of another commit or of other bars, or is older than seven days.

    Example: agentic-sales gate verify evals/verdicts/20261125T120000Z-CAMPAIGN_COACH_ENABLED-0f3a51bd2c47-1.json
    """
    from backend.cli.terminal import err, out, say
    from backend.source import read_commit
    from evals.evidence import verified_exit_code, verify

    misfit, evidence = verify(file, commit=read_commit().sha, now=datetime.now(UTC))
    if misfit:
        say(err(), f"{misfit.code}: {misfit.sentence} It counts for nothing.", "red")
    else:
        say(
            out(), f"{evidence['verdict']['decision']} {evidence['flag']}, made again from {evidence['cells']['lines']} trials."
        )
    raise typer.Exit(verified_exit_code(misfit, evidence))


@gate.command("show")
def show_verdict(file: VerdictFile) -> None:
    """Print a verdict's report as Markdown: bounds against bars, what binds, each slice, how many verdicts are missing.

    Example: agentic-sales gate show evals/verdicts/20261125T120000Z-CAMPAIGN_COACH_ENABLED-0f3a51bd2c47-1.json
    """
    from backend.cli.terminal import fail, out, say
    from evals.evidence import read_evidence
    from evals.report import to_markdown

    try:
        page = to_markdown(read_evidence(file))
    except (OSError, ValueError, KeyError, TypeError) as error:
        fail(f"{file} is no verdict: {error}.")
    say(out(), page)


@evals.command("push")
def push_datasets(
    deadline: Annotated[float, typer.Option(min=1, help="Seconds the push may take.")] = 300,
) -> None:
    """Make LangSmith's data sets hold what evals/datasets holds, and tag that version `golden`, which `gate run` reads.

    What is there already is not written again, and what is not on file is removed from the version that is tagged. The tag is
    moved last: a push that was ended has moved none, and the next one goes on where it stood. LANGSMITH_API_KEY says as whom,
    LANGSMITH_ENDPOINT to where. The exit code is 0 when every data set is whole and 1 otherwise.

    Example: agentic-sales evals push --deadline 120
    """
    from evals.operator import push_and_report

    raise typer.Exit(push_and_report(deadline))


@evals.command("coach-report")
def report_on_coach(
    deadline: Annotated[float, typer.Option(min=1, help="Seconds the run may take.")] = 3600,
    budget: Annotated[float, typer.Option(min=0.01, help="US dollars the models may cost.")] = 20,
    repetitions: Annotated[int, typer.Option(min=1, max=20, help="Trials of each thread in each arm.")] = 1,
    into: Annotated[Path, typer.Option(help="Folder that gets the report.", file_okay=False)] = Path("evals/reports"),
) -> None:
    """Run the same threads with the coach and without, to their last touch, and write down what the coach changes.

    It tells drift, repetition, calls, cost and latency of both arms with bounds, in coach.md with two pictures, of whatever
    model is configured. Without one it measures the texts by rule and says that the claim was not tested. A run that was ended
    goes on where it stood. The exit code is 0 when the report was written and 1 otherwise.

    Example: agentic-sales evals coach-report --deadline 1800 --budget 5
    """
    from backend.cli.terminal import run
    from evals.operator import compare_and_report
    from evals.run import Limits

    limits = Limits(deadline_s=deadline, budget_usd=budget, repetitions=repetitions)
    raise typer.Exit(run(compare_and_report(limits, into), at_least="ERROR"))
