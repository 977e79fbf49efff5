"""The SQLite file as several processes use it at once."""

import asyncio
import contextlib
import sqlite3
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from backend.checkpointer.sql import Place, select_place
from backend.d1.database import open_database
from backend.d1.embedded import open_embedded
from backend.d1.meter import MeteredDatabase
from backend.d1.statements import Statement
from backend.errors import DatabaseError, DatabaseFileRefused, DatabaseUnreachable
from backend.store.schema import D1Schema
from tests.processes import nursery, start_process

COUNT = """
INSERT INTO company_facts (company_id, field, source, value, confidence, observed_at) VALUES ('count', '', '', '', 1, '')
ON CONFLICT DO UPDATE SET confidence = confidence + 1"""
COUNTED = "SELECT confidence AS value FROM company_facts WHERE company_id = 'count'"


def migrate_and_count(url: str, told: Connection) -> None:
    """What each process does: migrate, say what it applied, and count to 20."""

    async def live() -> None:
        async with open_database(url) as database:
            told.send(await D1Schema(database).migrate())
            for _ in range(20):
                await database.batch([Statement(COUNT)])

    asyncio.run(live())


@pytest.mark.req("D1-R7")
async def test_processes_share_one_file(tmp_path: Path) -> None:
    """Three processes open a file that is not there yet, each migration is applied by one of them, and no write is lost."""
    url = f"sqlite:///{tmp_path}/new/shared.db"
    pipes = [nursery().Pipe(duplex=False) for _ in range(3)]
    processes = [start_process(migrate_and_count, url, tells) for _, tells in pipes]
    applied = [name for hears, _ in pipes for name in await asyncio.to_thread(hears.recv)]
    for process in processes:
        await asyncio.to_thread(process.join)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert sorted(applied) == sorted(set(applied))
    async with open_embedded(f"{tmp_path}/new/shared.db") as database:
        assert await D1Schema(database).migrate() == []
        [counted] = await database.batch([Statement(COUNTED)])
    assert counted.rows == [{"value": 60}]


async def test_batches_of_one_process_run_one_at_a_time(embedded: MeteredDatabase) -> None:
    """A hundred increments at once are a hundred."""
    await asyncio.gather(*(embedded.batch([Statement(COUNT)]) for _ in range(100)))
    [counted] = await embedded.batch([Statement(COUNTED)])
    assert counted.rows == [{"value": 100}]


async def test_a_reader_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    """While another process holds the write lock and a batch of ours waits for it, what was committed can be read."""
    async with open_embedded(f"{tmp_path}/d1.db") as database:
        await D1Schema(database).migrate()
        with contextlib.closing(sqlite3.connect(tmp_path / "d1.db", isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            holder.execute(COUNT)
            waiting = asyncio.create_task(database.batch([Statement(COUNT)]))
            await asyncio.sleep(0)
            page = await database.batch([Statement(COUNTED), *select_place(Place("thread", ""))])
            assert [result.rows for result in page] == [[], [], [], []]
            assert not waiting.done()
            holder.execute("COMMIT")
            await waiting
        [counted] = await database.batch([Statement(COUNTED)])
        assert counted.rows == [{"value": 2}]


async def test_a_lock_that_is_not_let_go_ends_as_unreachable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was written by the batch that gave up, and the next one goes through once the lock is free."""
    monkeypatch.setattr("backend.d1.connection.BUSY_TIMEOUT_S", 0.05)
    async with open_embedded(f"{tmp_path}/d1.db") as database:
        await D1Schema(database).migrate()
        with contextlib.closing(sqlite3.connect(tmp_path / "d1.db", isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseUnreachable, match="locked"):
                await database.batch([Statement(COUNT)])
            holder.execute("ROLLBACK")
        await database.batch([Statement(COUNT)])
        [counted] = await database.batch([Statement(COUNTED)])
        assert counted.rows == [{"value": 1}]


async def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    """The database, what SQLite writes beside it, and a folder that is made for it: nobody else reads them."""
    async with open_embedded(f"{tmp_path}/new/d1.db") as database:
        await D1Schema(database).migrate()
        modes = {path.name: path.stat().st_mode & 0o777 for path in ((tmp_path / "new"), *(tmp_path / "new").iterdir())}
    assert modes == {"new": 0o700, "d1.db": 0o600, "d1.db-wal": 0o600, "d1.db-shm": 0o600}


async def test_a_statement_is_one_statement(embedded: MeteredDatabase) -> None:
    """A second statement behind a semicolon is not run."""
    with pytest.raises(DatabaseError, match="one statement"):
        await embedded.batch([Statement("DELETE FROM flags; DROP TABLE flags")])
    await embedded.batch([Statement(COUNTED)])


async def test_a_transaction_word_from_the_cache_is_still_refused(embedded: MeteredDatabase) -> None:
    """The connection's own BEGIN, which it has prepared, opens no way for a caller's."""
    await embedded.batch([Statement(COUNTED)])
    with pytest.raises(DatabaseError, match="found COMMIT"):
        await embedded.batch([Statement("COMMIT")])


async def test_a_file_that_is_none_of_ours_is_refused(tmp_path: Path) -> None:
    """A path that cannot be opened is told as what it is."""
    (tmp_path / "text.db").write_text("not a database, but long enough to be taken for one" * 100)
    (tmp_path / "folder").mkdir()
    for name, why in [
        ("text.db", "not a database"),
        ("folder", "unable to open|Is a directory"),
        ("text.db/new.db", "exists|Not a directory"),
    ]:
        with pytest.raises(DatabaseFileRefused, match=f"{name} cannot be opened: .*({why}).*set D1_URL"):
            async with open_embedded(f"{tmp_path}/{name}"):
                pass
