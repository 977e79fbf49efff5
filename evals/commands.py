"""`agentic-sales gate …`: the commands of the release gate, which reach the command line by an entry point."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

gate = typer.Typer(help="The release gate: PROMOTE, HOLD or ROLLBACK for a flag, on evidence.", no_args_is_help=True)

VerdictFile = Annotated[Path, typer.Argument(help="The verdict's JSON file; its cells lie beside it.", dir_okay=False)]


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
