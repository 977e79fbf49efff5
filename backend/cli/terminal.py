"""What every command does alike: where it writes, how it opens the service, and how it fails."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Coroutine
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Any, Final, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.text import Text

from backend.errors import AgenticSalesError, NotMigrated
from backend.logs import configure_logs
from backend.wiring import Service, look_around, open_service

T = TypeVar("T")

PLAIN_WIDTH: Final = 120
"""Columns of what is written where no terminal tells its own width."""


def out() -> Console:
    """Standard output as it is now: colours and the terminal's width where there is one."""
    return Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False)


def err() -> Console:
    """Standard error as it is now."""
    return Console(stderr=True, width=None if sys.stderr.isatty() else PLAIN_WIDTH, highlight=False)


def say(console: Console, text: str, style: str = "") -> None:
    """Write one line as it stands, however long."""
    console.print(Text(text, style), soft_wrap=True)


def run(work: Coroutine[Any, Any, T], *, quiet: bool = True) -> T:
    """Do a command's work; a deliberate failure becomes its sentence on standard error and exit code 1.

    A quiet command logs only warnings and errors, whatever LOG_LEVEL says, because its report is its output.
    """
    try:
        configure_logs(look_around().log_level, at_least="WARNING" if quiet else "DEBUG")
        return asyncio.run(work)
    except (AgenticSalesError, OSError) as failure:
        work.close()
        fail(str(failure))


def fail(sentence: str) -> NoReturn:
    """End with exit code 1."""
    say(err(), sentence, "red")
    raise typer.Exit(1)


def working(what: str) -> AbstractContextManager[object]:
    """A spinner on standard error while something takes long, where a person looks on and no other output moves there."""
    return err().status(what) if sys.stderr.isatty() and not sys.stdout.isatty() else nullcontext()


@asynccontextmanager
async def opened() -> AsyncGenerator[Service]:
    """The service on a database that has every migration: an embedded one is migrated here, another only looked at.

    Raises:
        SettingRefused: a setting is not allowed; nothing was opened.
        NotMigrated: the database lacks migrations; nothing was changed.
    """
    surroundings = look_around()
    async with open_service() as service:
        if surroundings.is_embedded:
            await service.schema.migrate()
        elif missing := await service.schema.pending():
            raise NotMigrated(", ".join(missing))
        yield service
