"""The newest checkpoint is the one put last, whatever the clocks of the hosts say; and a saver that keeps that one alone."""

from datetime import timedelta
from typing import Any

import pytest
from langgraph.checkpoint.base.id import uuid6

from backend.checkpointer import D1Saver
from backend.d1.meter import MeteredDatabase
from backend.d1.statements import Statement
from backend.errors import ThreadMovedOn
from tests.d1.graphs import config_for, linear_graph, parallel_graph, say_yes, story_of, values_of

ROWS = """
SELECT 'checkpoints' AS kind, count(*) AS rows FROM checkpoints WHERE thread_id = ?1
UNION ALL SELECT 'writes', count(*) FROM checkpoint_writes WHERE thread_id = ?1
UNION ALL SELECT 'blobs', count(*) FROM checkpoint_blobs WHERE thread_id = ?1"""


@pytest.fixture
def host_clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, timedelta]:
    """Lets the ids of checkpoints be made on a host whose clock is off by `ahead`."""
    clock = {"ahead": timedelta(0)}

    def skewed(*arguments: Any, **named: Any) -> Any:
        made = uuid6(*arguments, **named)
        ticks = int(clock["ahead"].total_seconds() * 10_000_000)
        time = (made.int >> 80 << 12) + (made.int >> 64 & 0xFFF) + ticks
        return type(made)(int=time >> 12 << 80 | 6 << 76 | (time & 0xFFF) << 64 | made.int & (1 << 64) - 1)

    monkeypatch.setattr("langgraph.pregel._checkpoint.uuid6", skewed)
    return clock


async def rows_of(database: MeteredDatabase, thread_id: str) -> dict[str, int]:
    """How many rows of each kind a thread has."""
    (found,) = await database.batch([Statement(ROWS, (thread_id,))])
    return {row["kind"]: row["rows"] for row in found.rows}


@pytest.mark.req("RUN-R4")
@pytest.mark.parametrize("keep_latest", [False, True])
@pytest.mark.parametrize("durability", ["sync", "exit"])
@pytest.mark.parametrize("ahead", [[120, -120, 0], [-120, 0, 120], [0, -120, 120], [86_400, 0, 0]])
@pytest.mark.parametrize("database", ["embedded", "worker"], indirect=True)
async def test_a_thread_goes_on_whatever_the_hosts_clocks_say(  # noqa: PLR0913, PLR0917  # the test's own parameters
    database: MeteredDatabase,
    thread_id: str,
    host_clock: dict[str, timedelta],
    ahead: list[int],
    durability: Any,
    keep_latest: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    """Each of three hosts, minutes or a day apart, finds what the one before it put, and puts the newest itself."""
    config = config_for(thread_id)
    given: Any = {"visited": []}
    expected = [["a", "b"], ["a", "b", "c:yes", "d", "e"], ["a", "b", "c:yes", "d", "e", "a", "b"]]
    for seconds, visited in zip(ahead, expected, strict=True):
        host_clock["ahead"] = timedelta(seconds=seconds)
        graph = linear_graph(D1Saver(database, keep_latest=keep_latest))
        state = await graph.aget_state(config)
        begin: Any = say_yes(*state.interrupts) if state.interrupts else given
        await graph.ainvoke(begin, config, durability=durability)
        assert (await graph.aget_state(config)).values["visited"] == visited


@pytest.mark.req("RUN-R4", "D1-R16")
async def test_a_host_behind_is_fenced_like_any_other(
    embedded: MeteredDatabase, thread_id: str, host_clock: dict[str, timedelta]
) -> None:
    """Of two hosts that read the same checkpoint the slow clock's one does not pass by its lower id."""
    config = config_for(thread_id)
    host_clock["ahead"] = timedelta(hours=1)
    graph = linear_graph(D1Saver(embedded))
    await graph.ainvoke({"visited": []}, config)
    other = D1Saver(embedded)
    read = await other.aget_tuple(config)
    assert read is not None
    state = await graph.aget_state(config)
    await graph.ainvoke(say_yes(*state.interrupts), config)
    late: Any = {**read.checkpoint, "id": str(uuid6())}
    with pytest.raises(ThreadMovedOn):
        await other.aput(read.config, late, {"source": "loop", "step": 9}, {})
    assert (await graph.aget_state(config)).values["visited"] == ["a", "b", "c:yes", "d", "e"]


@pytest.mark.req("RUN-R4", "D1-R22")
async def test_pruning_and_copying_keep_the_newest_of_hosts_that_disagree(
    embedded: MeteredDatabase, thread_id: str, host_clock: dict[str, timedelta]
) -> None:
    """What a host behind put last is what is left, and what the copy begins with."""
    saver, config = D1Saver(embedded), config_for(thread_id)
    for seconds in (3_600, 0):
        host_clock["ahead"] = timedelta(seconds=seconds)
        graph = linear_graph(D1Saver(embedded))
        state = await graph.aget_state(config)
        await graph.ainvoke(say_yes(*state.interrupts) if state.interrupts else {"visited": []}, config)
    await saver.acopy_thread(thread_id, "copy")
    await saver.aprune([thread_id])
    for kept in (config, config_for("copy")):
        assert (await values_of(saver, kept))["visited"] == ["a", "b", "c:yes", "d", "e"]
    assert (await rows_of(embedded, thread_id))["checkpoints"] == 1


@pytest.mark.req("RUN-R18")
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
async def test_a_saver_told_so_keeps_one_checkpoint(embedded: MeteredDatabase, thread_id: str, durability: Any) -> None:
    """After every run there is one checkpoint with its own writes and blobs, and a graph that waits twice ends as ever."""
    ended = []
    for name, saver in (("all", D1Saver(embedded)), (thread_id, D1Saver(embedded, keep_latest=True))):
        graph, config = parallel_graph(saver), config_for(name)
        given: Any = None
        while True:
            await graph.ainvoke(given or {"visited": ["x" * 9_000]}, config, durability=durability)
            state = await graph.aget_state(config)
            if name == thread_id:
                rows = await rows_of(embedded, name)
                assert rows["checkpoints"] == 1
                assert rows["blobs"] <= 2
            if not state.interrupts:
                break
            given = say_yes(min(state.interrupts, key=lambda each: each.value))
        ended.append(state.values)
    assert ended[0] == ended[1]
    assert (await story_of(graph, config_for(thread_id)))[0] is not None


@pytest.mark.req("RUN-R18")
async def test_the_first_put_forgets_what_was_kept_before(embedded: MeteredDatabase, thread_id: str) -> None:
    """A thread of many checkpoints, resumed by a saver that keeps the latest alone, is one row afterwards."""
    config = config_for(thread_id)
    await linear_graph(D1Saver(embedded)).ainvoke({"visited": ["y" * 9_000]}, config)
    assert (await rows_of(embedded, thread_id))["checkpoints"] > 1
    graph = linear_graph(D1Saver(embedded, keep_latest=True))
    state = await graph.aget_state(config)
    await graph.ainvoke(say_yes(*state.interrupts), config, durability="exit")
    assert await rows_of(embedded, thread_id) == {"checkpoints": 1, "writes": 0, "blobs": 1}
