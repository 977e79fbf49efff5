"""The commands and their help. What a command does is imported when it runs: help need not wait for the model's client."""

import sys
from getpass import getuser
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Annotated, Literal

import typer

from backend.cli.stop_commands import stops

app = typer.Typer(
    name="agentic-sales",
    help="Outreach campaigns in which one coach plans once and every touch obeys. Settings come from the environment and .env.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
)
tokens = typer.Typer(help="Bearer tokens for the API: make, list, revoke. Only a token's hash is stored.", no_args_is_help=True)
app.add_typer(tokens, name="tokens")
flags = typer.Typer(help="Feature flags: off at any time, on by a fitting PROMOTE of the release gate.", no_args_is_help=True)
app.add_typer(flags, name="flags")
sends = typer.Typer(
    help="Emails of which nobody knows whether they left: list them, and say what became of each.", no_args_is_help=True
)
app.add_typer(sends, name="sends")
app.add_typer(stops, name="stops")


for offered in entry_points(group="agentic_sales.commands"):
    app.add_typer(offered.load(), name=offered.name)


def main() -> None:
    """Run the command line."""
    app()


def _print_version(wanted: bool) -> None:  # noqa: FBT001  # typer hands the flag's value over by position
    if wanted:
        sys.stdout.write(f"agentic-sales {version('agentic-sales')}\n")
        raise typer.Exit


@app.callback()
def options(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""


@app.command()
def demo(
    into: Annotated[Path, typer.Option(help="Folder that gets a fresh numbered folder for each run.", file_okay=False)] = Path(
        ".data/demo"
    ),
) -> None:
    """Play two small campaigns from their first day to their last, in seconds.

    Weeks pass on a simulated clock: plans, drafts, approvals, an edit, a reply that stops a sequence, an unsubscribed contact.
    It needs no key and no network: without DEEPSEEK_API_KEY a scripted server on this machine stands in for the model.
    It writes .eml files and a database into the folder, checks them against each other, and exits 1 if they disagree.

    Example: agentic-sales demo
    """
    from backend.cli.terminal import out, run, working
    from backend.demo.run import run_demo

    with working("Playing the demo …"):
        run(run_demo(into, out()), at_least="ERROR")  # its transcript tells of every model that fails


@app.command()
def serve(
    *,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one. Default: PORT, else 8000.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: HOST, else 127.0.0.1.")] = None,
    ticker: Annotated[bool, typer.Option("--ticker/--no-ticker", help="Sweep from within, in place of cron.")] = True,
    tick_seconds: Annotated[float, typer.Option(min=0.1, help="Seconds between two sweeps of the ticker.")] = 60,
) -> None:
    """Serve the API, and print where to go and with which token.

    An embedded database is migrated first and, on a loopback address, gets an operator's token for as long as this runs.
    Ctrl-C or SIGTERM ends it: nothing more is claimed, runs under way are finished, the exit code is 0.

    Example: agentic-sales serve --port 8080 --no-ticker
    """
    from backend.cli import serve as serving
    from backend.cli.terminal import run

    run(serving.serve(host=host, port=port, tick_seconds=tick_seconds if ticker else None), at_least="DEBUG")


@app.command()
def migrate() -> None:
    """Apply the migrations that the database of D1_URL lacks, and print their names.

    They are the files wrangler applies, and both keep one record of them. A second time changes nothing.

    Example: D1_URL=sqlite:///sales.db agentic-sales migrate
    """
    from backend.cli.terminal import run
    from backend.cli.verbs import migrate_database

    run(migrate_database())


@app.command()
def resume(
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the report as JSON, and nothing else, on standard output.")
    ] = False,
) -> None:
    """Resume every thread that is due, once, and print what came of each: what cron does, from a terminal.

    Drafts that wait for a person are left alone. Sweeps may overlap: a lease keeps a thread to one of them.
    The exit code is 0 as well when a thread failed: it is counted, and tried again or parked.

    Example: agentic-sales resume --json
    """
    from backend.cli.resume import resume_due
    from backend.cli.terminal import run

    run(resume_due(as_json=as_json))


@app.command()
def reconcile(
    *,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How far back, in days.")] = 30,
) -> None:
    """Compare the ledger with what the provider has delivered and with what the threads remember, and print what differs.

    The outbox's files, Resend's list of emails and, with MAIL_SENT_URL, the folder of sent emails of an SMTP mailbox are read.
    Nothing is written. The exit code is 0 when everything agrees, and 1 when anything differs or could not be read.

    Example: agentic-sales reconcile --days 7
    """
    from backend.cli.reconcile import reconcile_sends
    from backend.cli.terminal import run

    if run(reconcile_sends(days=days)):
        raise typer.Exit(1)


@app.command()
def requeue(
    campaign_id: Annotated[str, typer.Argument(help="The campaign.")],
    contact_id: Annotated[str, typer.Argument(help="The contact whose thread was given up.")],
) -> None:
    """Put a parked thread back, so that the next sweep takes it up where it stood.

    A send that was refused is tried anew. When the email may have left, nothing is done: look at the mail provider first.

    Example: agentic-sales requeue close ada
    """
    from backend.cli import verbs
    from backend.cli.terminal import run

    run(verbs.requeue_thread(campaign_id, contact_id))


@app.command()
def campaigns() -> None:
    """List the campaigns, each with who sends.

    Example: agentic-sales campaigns
    """
    from backend.cli import verbs
    from backend.cli.terminal import run

    run(verbs.list_campaigns())


@app.command()
def contacts(campaign_id: Annotated[str, typer.Argument(help="The campaign.")]) -> None:
    """List the contacts that are enrolled in a campaign, each with what was heard of it.

    Example: agentic-sales contacts close
    """
    from backend.cli import verbs
    from backend.cli.terminal import run

    run(verbs.list_contacts(campaign_id))


@app.command()
def threads(
    campaign_id: Annotated[str, typer.Argument(help="The campaign.")],
    status: Annotated[
        Literal["scheduled", "awaiting_approval", "decided", "completed", "stopped", "parked"] | None,
        typer.Option(help="Only the threads that stand so."),
    ] = None,
) -> None:
    """List a campaign's threads: where each stands, why, and when it goes on.

    Example: agentic-sales threads close --status scheduled
    """
    from backend.cli import verbs
    from backend.cli.terminal import run

    run(verbs.list_threads(campaign_id, status))


@app.command()
def preview(draft_id: Annotated[str, typer.Argument(metavar="DRAFT", help="The draft.")]) -> None:
    """Write the very bytes that would leave to standard output: headers, text and HTML. Nothing is sent.

    The Date is when the draft was written. Once its send was claimed they are the bytes of that email.

    Example: agentic-sales preview close:ada:0:1 > draft.eml
    """
    from backend.cli import verbs
    from backend.cli.terminal import run

    run(verbs.preview_draft(draft_id))


@app.command()
def parked() -> None:
    """List the threads that were given up, each with why.

    Example: agentic-sales parked
    """
    from backend.cli import verbs
    from backend.cli.terminal import run

    run(verbs.list_parked())


@app.command()
def doctor(
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the report as JSON, and nothing else, on standard output.")
    ] = False,
    probe: Annotated[
        bool, typer.Option("--probe", help="Ask the model one short question too; DeepSeek bills it like any other.")
    ] = False,
) -> None:
    """Examine the configuration and the database it names, and print what to do about each finding.

    It writes nothing that stays, sends no email and, without --probe, asks no model. The exit code is 1 when something is
    wrong, and 0 when there are only notes.

    Example: agentic-sales doctor --probe
    """
    import asyncio

    from backend.cli.doctor import print_examination

    if not asyncio.run(print_examination(as_json=as_json, probe=probe)):
        raise typer.Exit(1)


@tokens.command("create")
def create_token(
    role: Annotated[Literal["rep", "operator", "cron"], typer.Option(help="What its holder may do.")],
    name: Annotated[str, typer.Option(help="Who holds it; the audit trail says this name.")],
    days: Annotated[int, typer.Option(min=1, max=3650, help="Days until it expires.")] = 90,
    campaign: Annotated[
        list[str] | None,
        typer.Option(help="Limit it to this campaign; may be given up to 20 times. Without one it reaches every campaign."),
    ] = None,
) -> None:
    """Make a token and print it, alone, on standard output. It is shown this once.

    For a token with a limit, nothing exists but its campaigns, their threads and drafts and whoever is enrolled in them.

    Example: TOKEN=$(agentic-sales tokens create --role rep --name ana --campaign close)
    """
    from backend.cli import verbs
    from backend.cli.terminal import run

    run(verbs.create_token(role, name, days, campaign or []))


@tokens.command("list")
def list_tokens() -> None:
    """Print the name, role, campaigns, lifetime and state of every token.

    Example: agentic-sales tokens list
    """
    from backend.cli import verbs
    from backend.cli.terminal import run

    run(verbs.list_tokens())


@tokens.command("revoke")
def revoke_token(name: Annotated[str, typer.Argument(help="The name it was made under.")]) -> None:
    """End a token at once. Its name is free again afterwards.

    Example: agentic-sales tokens revoke ana
    """
    from backend.cli import verbs
    from backend.cli.terminal import run

    run(verbs.revoke_token(name))


@sends.command("list")
def list_sends() -> None:
    """List the emails that may or may not have left, each with its Message-ID.

    Example: agentic-sales sends list
    """
    from backend.cli import verbs
    from backend.cli.terminal import run

    run(verbs.list_unknown_sends())


@sends.command("resolve")
def resolve_send(
    send_id: Annotated[str, typer.Argument(metavar="SEND", help="The send, as `sends list` names it.")],
    by: Annotated[str, typer.Option(help="Who looked it up; the audit trail keeps the name.")],
    *,
    delivered: Annotated[bool, typer.Option("--delivered/--not-delivered", help="What the provider shows.")],
) -> None:
    """Say what became of an email: delivered, its thread goes on; not delivered, it is sent under a new claim.

    Example: agentic-sales sends resolve close:ada:0:2 --delivered --by ana
    """
    from backend.cli import verbs
    from backend.cli.terminal import run

    run(verbs.resolve_send(send_id, delivered=delivered, by=by))


@flags.command("list")
def list_flags() -> None:
    """Print how each flag stands, what the gate said of this commit, and what keeps the flag from being turned on.

    Example: agentic-sales flags list
    """
    from backend.cli import flags as switching
    from backend.cli.terminal import run

    run(switching.list_flags())


@flags.command("set")
def set_flag(
    name: Annotated[str, typer.Argument(help="The flag.")],
    state: Annotated[Literal["on", "off"], typer.Argument(help="How it is to stand.")],
    by: Annotated[str, typer.Option(help="Who you are; the audit trail says this name.", default_factory=getuser)],
    why: Annotated[str, typer.Option(help="The reason, for the audit trail.")] = "",
) -> None:
    """Turn a flag off, at once, or on, when the gate's newest verdict on this commit is a PROMOTE.

    The verdict has to be of today's bars, at most seven days old, and the change somebody else's than yours. A running service
    follows with its next sweep. A flag that stands so already is left alone.

    Example: agentic-sales flags set CAMPAIGN_COACH_ENABLED off --why "three rejections in a row"
    """
    from backend.cli import flags as switching
    from backend.cli.terminal import run

    run(switching.set_flag(name, on=state == "on", by=by, why=why))


@flags.command("history")
def print_history(name: Annotated[str, typer.Argument(help="The flag.")]) -> None:
    """Print the newest hundred flips of a flag, each with who and why.

    Example: agentic-sales flags history CAMPAIGN_COACH_ENABLED
    """
    from backend.cli import flags as switching
    from backend.cli.terminal import run

    run(switching.print_history(name))
