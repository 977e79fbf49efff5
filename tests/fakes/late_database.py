"""Delivers a copy of every earlier batch after each batch, to a copy of the database, and tells which copies changed a row."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from backend.d1.clock import TimedDatabase
from backend.d1.connection import only_read
from backend.d1.embedded import EmbeddedDatabase
from backend.d1.statements import Result, Statement
from tests.fakes.passing_database import PassingDatabase

TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"


@dataclass
class LateDatabase(PassingDatabase):
    """Stands before an embedded database in memory; `changed` says which copy did something, and after what."""

    now: Callable[[], datetime] = field(kw_only=True)
    batches: list[Sequence[Statement]] = field(default_factory=list[Sequence[Statement]])
    deliveries: int = 0
    changed: list[str] = field(default_factory=list[str])

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """See `Database.batch`; whatever came before is delivered once more afterwards."""
        results = await self.database.batch(statements)
        if not only_read(statements):
            self.batches.append(statements)
        await self._deliver_late()
        return results

    async def _deliver_late(self) -> None:
        timed = cast("TimedDatabase", self.database)
        embedded = cast("EmbeddedDatabase", timed.database)
        connection = embedded._writer
        with closing(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)) as copy:
            await connection._in_thread(lambda: connection._connection.backup(copy))
            before = _dump(copy)
            for batch in self.batches:
                self.deliveries += 1
                self._deliver(batch, copy)
                if (after := _dump(copy)) != before:
                    self.changed.append(f"{batch[0].sql.strip()[:60]} … after {self.batches[-1][0].sql.strip()[:60]}")
                    before = after

    def _deliver(self, batch: Sequence[Statement], copy: sqlite3.Connection) -> None:
        present = self.now().isoformat(timespec="milliseconds").removesuffix("+00:00")
        copy.execute("BEGIN")
        with suppress(sqlite3.IntegrityError):
            for statement in batch:
                copy.execute(statement.sql.replace("'now'", f"'{present}'"), statement.params).fetchall()
            copy.execute("COMMIT")
        if copy.in_transaction:
            copy.execute("ROLLBACK")


def _dump(copy: sqlite3.Connection) -> dict[str, list[tuple[object, ...]]]:
    names = [str(row[0]) for row in copy.execute(TABLES)]
    return {name: sorted(copy.execute(f"SELECT * FROM {name}").fetchall(), key=repr) for name in names}  # noqa: S608  # names of tables
