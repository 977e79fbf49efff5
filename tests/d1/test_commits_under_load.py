"""Runs beside each other on one saver: a reader gets its turn, and an answer that was lost misleads nobody."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from langgraph.checkpoint.base import empty_checkpoint

from backend.checkpointer.saver import D1Saver
from backend.d1.meter import MeteredDatabase
from backend.d1.statements import Database, Result, Statement
from backend.d1.transaction import Transaction
from backend.errors import ThreadMovedOn
from tests.d1.graphs import config_for, put, values_of
from tests.fakes.wavering_database import WaveringDatabase


@pytest.mark.req("D1-R13")
async def test_a_reader_waits_only_for_what_came_before_it(embedded: MeteredDatabase) -> None:
    """Inputs of another thread keep arriving, one in each batch that is in flight: the read ends all the same."""
    wavering = WaveringDatabase(embedded)
    saver = D1Saver(wavering)
    await saver.aget_tuple(config_for("busy"))
    await asyncio.create_task(put(saver, "busy", {}, source="input"))
    reader = asyncio.create_task(saver.aget_tuple(config_for("idle")))
    sending = asyncio.Event()
    wavering.fails = lambda _: sending.set()
    for _ in range(50):
        sending.clear()
        await asyncio.create_task(put(saver, "busy", {}, source="input"))
        await sending.wait()
    assert reader.done()
    await reader
    await saver.aget_tuple(config_for("busy"))


@pytest.mark.req("D1-R13")
async def test_an_input_put_by_its_reader_is_durable_when_the_call_returns(embedded: MeteredDatabase, thread_id: str) -> None:
    """Who reads a thread and puts its input in one task has it stored: another saver sees it at once."""
    saver, config = D1Saver(embedded), config_for(thread_id)
    await saver.aget_tuple(config)
    await put(saver, thread_id, {"channel": 1}, source="input")
    assert await values_of(D1Saver(embedded), config) == {"channel": 1}


class LosesAnAnswer:
    """Commits the first batch that writes a checkpoint, lets `meanwhile` happen, and sends the batch again."""

    def __init__(self, database: Database, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._database = database
        self._meanwhile: Callable[[], Awaitable[object]] | None = meanwhile

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """See `ports.Database.batch`."""
        meanwhile = self._meanwhile
        if meanwhile and any("INSERT INTO checkpoints" in each.sql for each in statements):
            self._meanwhile = None
            await self._database.batch(statements)
            await asyncio.create_task(_awaited(meanwhile))
        return await self._database.batch(statements)


async def _awaited(what: Callable[[], Awaitable[object]]) -> None:
    await what()


async def on_top(saver: D1Saver, thread_id: str) -> None:
    """Another run reads the thread and commits its own checkpoint."""
    latest = await saver.aget_tuple(config_for(thread_id))
    assert latest is not None
    await put(saver, thread_id, {"channel": "other"}, parent=latest.config)


DUMP = [
    "SELECT * FROM checkpoints WHERE thread_id = ?1",
    "SELECT * FROM checkpoint_writes WHERE thread_id = ?1",
    "SELECT * FROM checkpoint_blobs WHERE thread_id = ?1",
]


async def dump(database: Database, thread_id: str) -> list[list[dict[str, object]]]:
    """Every row of the thread."""
    return [result.rows for result in await database.batch([Statement(sql, (thread_id,)) for sql in DUMP])]


@pytest.mark.req("D1-R15")
@pytest.mark.parametrize("database", ["embedded", "worker"], indirect=True)
async def test_a_commit_whose_answer_was_lost_is_no_conflict(database: MeteredDatabase, thread_id: str) -> None:
    """Another run committed on top before the batch is sent again: the call returns, and the other's state stands."""
    other = D1Saver(database)
    dumps: list[list[list[dict[str, object]]]] = []

    async def meanwhile() -> None:
        await on_top(other, thread_id)
        dumps.append(await dump(database, thread_id))

    saver = D1Saver(LosesAnAnswer(database, meanwhile))
    assert await saver.aget_tuple(config_for(thread_id)) is None
    mine = await put(saver, thread_id, {"channel": "x" * 9_000})
    assert [await dump(database, thread_id)] == dumps
    assert await values_of(other, mine) == {"channel": "x" * 9_000}
    assert await values_of(other, config_for(thread_id)) == {"channel": "other"}
    with pytest.raises(ThreadMovedOn):
        await put(saver, thread_id, {"channel": "next"}, parent=mine)


@pytest.mark.req("D1-R15")
async def test_a_runs_commit_whose_answer_was_lost_is_no_conflict(embedded: MeteredDatabase, thread_id: str) -> None:
    """The same inside a transaction, with writes beside the checkpoint: the second sending changes nothing."""
    dumps: list[list[list[dict[str, object]]]] = []

    async def meanwhile() -> None:
        await on_top(D1Saver(embedded), thread_id)
        dumps.append(await dump(embedded, thread_id))

    saver, transaction = D1Saver(embedded), Transaction()
    with transaction.opened():
        await saver.aget_tuple(config_for(thread_id))
        mine = await put(saver, thread_id, {"channel": 1})
        await saver.aput_writes(mine, [("channel", 2)], "task")
        await transaction.commit(LosesAnAnswer(embedded, meanwhile))
    assert [await dump(embedded, thread_id)] == dumps


@pytest.mark.req("D1-R16")
async def test_a_checkpoint_put_again_over_anothers_is_a_conflict(embedded: MeteredDatabase, thread_id: str) -> None:
    """A run's own checkpoint, durable and answered for, may not be changed once another run built on it."""
    saver, config = D1Saver(embedded), config_for(thread_id)
    await saver.aget_tuple(config)
    checkpoint = empty_checkpoint()
    await saver.aput(config, checkpoint, {"source": "loop", "step": 0}, {})
    await asyncio.create_task(on_top(D1Saver(embedded), thread_id))
    before = await dump(embedded, thread_id)
    with pytest.raises(ThreadMovedOn):
        await saver.aput(config, checkpoint, {"source": "loop", "step": 1}, {})
    assert await dump(embedded, thread_id) == before
