"""D1 as a SQLite file on one machine: the same rules, so that what works here works there.

One connection writes and one reads, each in a thread of its own, so a batch that only reads waits for no writer. Other
processes may open the same file (WAL, immediate write locks, a busy time-out). `rows_read` is an approximation: the rows given
back and the rows changed.
"""

import os
import sqlite3
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from backend.d1 import limits
from backend.d1.connection import Connection, only_read
from backend.d1.meter import Meter
from backend.d1.statements import Result, Statement
from backend.errors import DatabaseFileRefused

IN_MEMORY = ":memory:"


class EmbeddedDatabase:
    """The embedded transport; made by `open_embedded`."""

    def __init__(self, path: str) -> None:
        self.meter = Meter()
        self._path = path
        self._writer = Connection(path)
        self._reader = self._writer if path == IN_MEMORY else Connection(path)

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """Run `statements` as one transaction; see `Database.batch`."""
        limits.check_statements(statements)
        if not statements:
            return []
        self.meter.count_request(statements=len(statements), bytes_sent=sum(map(_bytes_of, statements)))
        connection = self._reader if only_read(statements) else self._writer
        results = await connection.run(statements)
        self.meter.count_results(results)
        return results

    async def connect(self) -> None:
        """Open the file, for its owner alone, and make it and its folder where they are missing.

        Raises:
            DatabaseFileRefused: the path cannot be opened as a database.
        """
        try:
            if self._path != IN_MEMORY:
                Path(self._path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            for connection in self._connections:
                await connection.open()
        except (sqlite3.Error, OSError) as error:
            await self.close()
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise DatabaseFileRefused(self._path, why) from error

    async def close(self) -> None:
        """Close the connections and end their threads."""
        for connection in self._connections:
            await connection.close()

    @property
    def _connections(self) -> list[Connection]:
        return list(dict.fromkeys([self._writer, self._reader]))


@asynccontextmanager
async def open_embedded(path: str) -> AsyncGenerator[EmbeddedDatabase, None]:
    """Open the SQLite file at `path` under D1's rules, making it where it is missing."""
    database = EmbeddedDatabase(path)
    await database.connect()
    try:
        yield database
    finally:
        await database.close()


def _bytes_of(statement: Statement) -> int:
    return len(statement.sql.encode()) + sum(len(str(value).encode()) for value in statement.params)
