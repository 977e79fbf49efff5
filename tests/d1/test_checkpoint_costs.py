"""What checkpoints cost, in D1's own coin: the targets, measured on real local D1 and on the embedded database."""

import random
from dataclasses import dataclass
from typing import Any

import pytest

from backend.checkpointer.saver import D1Saver
from backend.d1.meter import Meter, MeteredDatabase
from backend.d1.statements import Statement
from tests.d1.graphs import chat_graph, config_for, linear_graph, say_yes

GROWTH = """
SELECT (SELECT coalesce(sum(length(body) + length(tags) + length(refs) + length(channels) + 150), 0) FROM checkpoints
    WHERE thread_id = ?1)
  + (SELECT coalesce(sum(length(body) + length(refs) + 200), 0) FROM checkpoint_writes WHERE thread_id = ?1)
  + (SELECT coalesce(sum(length(body) + 70), 0) FROM checkpoint_blobs WHERE thread_id = ?1) AS bytes
"""


@dataclass
class Bill:
    """Reads off what each step of a test cost."""

    database: MeteredDatabase
    last: Meter

    def take(self) -> Meter:
        """What was spent since the last time."""
        spent, self.last = self.database.meter.since(self.last), self.database.meter.copy()
        return spent


@pytest.fixture
def bill(database: MeteredDatabase) -> Bill:
    """An open bill."""
    return Bill(database, database.meter.copy())


MEASURED = pytest.mark.parametrize("database", ["embedded", "worker"], indirect=True)
TARGETS = {"sync": (5, 8, 4, 7), "async": (5, 8, 4, 7), "exit": (2, 2, 2, 1)}
"""Requests and rows written from start to interrupt, and from resume to end."""


@pytest.mark.req("D1-R24")
@MEASURED
@pytest.mark.parametrize("durability", TARGETS)
async def test_a_graph_that_waits_once(database: MeteredDatabase, bill: Bill, thread_id: str, durability: Any) -> None:
    """A → b → c (waits) → d → e; the peer makes 15 requests each way under "sync", 3 under "exit"."""
    graph, config = linear_graph(D1Saver(database)), config_for(thread_id)
    started = await graph.ainvoke({"visited": []}, config, durability=durability)
    to_interrupt = bill.take()
    await graph.ainvoke(say_yes(*started["__interrupt__"]), config, durability=durability)
    to_end = bill.take()
    spent = (to_interrupt.requests, to_interrupt.rows_written, to_end.requests, to_end.rows_written)
    assert all(cost <= target for cost, target in zip(spent, TARGETS[durability], strict=True)), spent


@pytest.mark.req("D1-R24")
@MEASURED
async def test_looking_changing_and_deleting(database: MeteredDatabase, bill: Bill, thread_id: str) -> None:
    """A state is one request, a history of 20 one, an update at most 3, a deletion one."""
    saver = D1Saver(database)
    graph, config = linear_graph(saver), config_for(thread_id)
    for _ in range(3):
        started = await graph.ainvoke({"visited": []}, config)
        await graph.ainvoke(say_yes(*started["__interrupt__"]), config)
    bill.take()
    await graph.aget_state(config)
    assert bill.take().requests == 1
    assert len([state async for state in graph.aget_state_history(config, limit=20)]) == 20
    assert bill.take().requests == 1
    await graph.aupdate_state(config, {"visited": ["by hand"]})
    assert bill.take().requests <= 3
    await saver.adelete_thread(thread_id)
    assert bill.take().requests == 1


def prose(size: int, source: random.Random) -> str:
    """Text that compresses about as well as English."""
    words = [bytes(source.randrange(97, 123) for _ in range(source.randrange(2, 11))).decode() for _ in range(900)]
    return " ".join(source.choices(words, k=size))[:size]


@pytest.mark.req("D1-R24")
@MEASURED
async def test_a_chat_of_ten_turns(database: MeteredDatabase, bill: Bill, thread_id: str) -> None:
    """117 KB said in ten turns; the peer: 139 requests, 2.00 MB sent, 240 rows, 2.03 MB grown."""
    source = random.Random(11)  # noqa: S311  # texts, not secrets
    graph = chat_graph(D1Saver(database), prose(9_700, source))
    for _ in range(10):
        asked = {"messages": [("user", prose(2_000, source))]}
        await graph.ainvoke(asked, config_for(thread_id), durability="sync")
    spent = bill.take()
    [grown] = await database.batch([Statement(GROWTH, (thread_id,))])
    assert spent.requests <= 60
    assert spent.rows_written <= 120
    assert spent.bytes_sent <= 550_000
    assert grown.rows[0]["bytes"] <= 650_000


@pytest.mark.req("D1-R24")
@MEASURED
async def test_a_fence_reads_one_row_and_writes_none(database: MeteredDatabase, thread_id: str) -> None:
    """However long the thread, the first statement of a batch looks at its newest checkpoint only."""
    graph, config = chat_graph(D1Saver(database), "hello"), config_for(thread_id)
    for _ in range(10):
        await graph.ainvoke({"messages": [("user", "hi")]}, config)
    before = database.meter.copy()
    saver = D1Saver(database)
    latest = await saver.aget_tuple(config)
    assert latest is not None
    read = database.meter.since(before).rows_read
    await saver.aput_writes(latest.config, [("channel", None)], "task")
    spent = database.meter.since(before)
    assert spent.rows_written == 1
    assert spent.rows_read - read <= 3
