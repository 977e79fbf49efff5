"""Every command writes, opens the service and fails in the same way."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Coroutine
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, nullcontext
from typing import Any, Final, NoReturn, Protocol, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from backend.desk import look_around
from backend.errors import AgenticSalesError, DatabaseMissing, NotMigrated
from backend.logs import configure_logs
from backend.ports import Schema


class OnDatabase(Protocol):
    """Whatever works on a database and knows its schema."""

    @property
    def schema(self) -> Schema:
        """The migrations, and how they are applied."""
        ...


T = TypeVar("T")
Worked = TypeVar("Worked", bound=OnDatabase)

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


def run(work: Coroutine[Any, Any, T], *, at_least: str = "WARNING") -> T:
    """Do a command's work; a deliberate failure becomes its sentence on standard error and exit code 1.

    What is less severe than `at_least` is not logged, whatever LOG_LEVEL says, because most commands' output is their report.
    """
    try:
        configure_logs(look_around().log_level, at_least=at_least)
        return asyncio.run(work)
    except (AgenticSalesError, OSError) as failure:
        work.close()
        fail(str(failure))


def fail(sentence: str) -> NoReturn:
    """End with exit code 1."""
    say(err(), sentence, "red")
    raise typer.Exit(1)


def listing(*columns: str) -> Table:
    """A table without lines, whose cells wrap."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def working(what: str) -> AbstractContextManager[object]:
    """A spinner on standard error while something takes long, where a person looks on and no other output moves there."""
    return err().status(what) if sys.stderr.isatty() and not sys.stdout.isatty() else nullcontext()


@asynccontextmanager
async def opened(opening: AbstractAsyncContextManager[Worked]) -> AsyncGenerator[Worked]:
    """Open the service on a database that has every migration: an embedded one is migrated here, another only looked at.

    Raises:
        SettingRefused: a setting is not allowed; nothing was opened.
        DatabaseMissing: the embedded database has no file yet, and a command that only reads or decides makes none.
        NotMigrated: the database lacks migrations; nothing was changed.
    """
    around = look_around()
    if (file := around.database_file) and not file.exists():
        raise DatabaseMissing(str(file))
    async with opening as worked:
        if around.is_embedded:
            await worked.schema.migrate()
        elif missing := await worked.schema.pending():
            raise NotMigrated(", ".join(missing))
        yield worked
