"""A migrated database at the price of a copy: migrating costs more than most tests do."""

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from backend.d1.database import open_database
from backend.d1.embedded import IN_MEMORY, EmbeddedDatabase, open_embedded
from backend.d1.meter import MeteredDatabase
from backend.store.schema import D1Schema

MEMORY_URL = f"sqlite:///{IN_MEMORY}"

_file: list[bytes] = []
"""The file as the first test of this process migrated it."""
_memory: list[sqlite3.Connection] = []
"""The same in memory: a file says in its header that it has a log beside it, which memory has not."""


async def place_migrated(path: Path) -> None:
    """Make `path` a migrated database that holds no row."""
    if not _file:
        async with open_embedded(str(path)) as database:
            await D1Schema(database).migrate()
        _keep(path)
    _place(path)


@asynccontextmanager
async def open_migrated(url: str = MEMORY_URL, token: str | None = None) -> AsyncGenerator[MeteredDatabase, None]:
    """Open the database that `url` names, migrated; in memory it is new, and holds no row."""
    async with open_database(url, token) as database:
        if url == MEMORY_URL and isinstance(database, EmbeddedDatabase):
            await _fill(database)
        else:
            await D1Schema(database).migrate()
        yield database


async def _fill(database: EmbeddedDatabase) -> None:
    writer = database._writer
    if _memory:
        await writer._in_thread(lambda: _memory[0].backup(writer._connection))
        return
    await D1Schema(database).migrate()
    copy = sqlite3.connect(IN_MEMORY, check_same_thread=False)
    await writer._in_thread(lambda: writer._connection.backup(copy))
    _memory.append(copy)


def _keep(path: Path) -> None:
    _file.append(path.read_bytes())


def _place(path: Path) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(_file[0])
