"""The commands that stop what should not leave."""

from getpass import getuser
from typing import Annotated, Literal

import typer

stops = typer.Typer(help="Pause, resume and cancel a contact, a campaign, a mailbox or everything.", no_args_is_help=True)


@stops.command("list")
def list_stops() -> None:
    """List what is paused, each with who, when and why, and the threads that a colleague's reply holds.

    Example: agentic-sales stops list
    """
    from backend.cli import verbs
    from backend.cli.terminal import run

    run(verbs.list_stops())


@stops.command("say")
def say_stop(
    action: Annotated[Literal["pause", "resume", "cancel"], typer.Argument(help="A cancel ends threads for good.")],
    scope: Annotated[str, typer.Argument(help="everything, mailbox:ADDRESS, campaign:ID or thread:CAMPAIGN:CONTACT.")],
    by: Annotated[str, typer.Option(help="Who you are; the audit trail says this name.", default_factory=getuser)],
    why: Annotated[str, typer.Option(help="The reason, for the audit trail.")] = "",
) -> None:
    """Pause, resume or cancel: in force at the next claim of a thread, and of a send.

    Example: agentic-sales stops say pause campaign:close --why "a complaint"
    """
    from backend.cli import verbs
    from backend.cli.terminal import run

    run(verbs.say_stop(action, scope, by=by, why=why))
