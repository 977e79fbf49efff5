"""The database's clock decides what is due, held or too old: all hosts of a database share it, and their own clocks differ.

What is here is SQL; instants are text as `backend.domain.instants.to_text` writes it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from backend.d1.meter import Meter, MeteredDatabase
from backend.d1.statements import Result, Statement

_PRESENT = "'now'"

NOW = f"strftime('%Y-%m-%dT%H:%M:%fZ', {_PRESENT})"


def later(seconds: str) -> str:
    """Return the SQL of the instant `seconds` after now; `seconds` is SQL too, a number or a parameter."""
    return f"strftime('%Y-%m-%dT%H:%M:%fZ', {_PRESENT}, {seconds} || ' seconds')"


def age_s(instant: str) -> str:
    """Return the SQL of the whole seconds since `instant`, which is SQL; negative when it lies ahead."""
    return f"(strftime('%s', {_PRESENT}) - strftime('%s', {instant}))"


@dataclass(frozen=True, slots=True)
class TimedDatabase:
    """A database on which it is `now()`: for simulated time, where weeks pass in a second."""

    database: MeteredDatabase
    now: Callable[[], datetime]

    @property
    def meter(self) -> Meter:
        """See `MeteredDatabase.meter`."""
        return self.database.meter

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """See `Database.batch`."""
        present = self.now().astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
        timed = [replace(statement, sql=statement.sql.replace(_PRESENT, f"'{present}'")) for statement in statements]
        return await self.database.batch(timed)
