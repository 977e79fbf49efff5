"""Deleting and pruning: what goes goes whole, what is needed stays, and nothing is left that nobody needs."""

import asyncio

import pytest
from langchain_core.runnables import RunnableConfig

from backend.checkpointer.saver import D1Saver
from backend.d1.meter import MeteredDatabase
from backend.d1.statements import Statement
from tests.d1.graphs import chat_graph, config_for, delta_graph, put, values_of

ROWS = """
SELECT (SELECT count(*) FROM checkpoints) AS checkpoints, (SELECT count(*) FROM checkpoint_writes) AS writes,
  (SELECT count(DISTINCT blob_id) FROM checkpoint_blobs) AS blobs, (SELECT count(*) FROM checkpoint_runs) AS runs
"""
ORPHANS = """
SELECT blob_id FROM checkpoint_blobs AS b WHERE blob_id NOT IN (
  SELECT r.value FROM checkpoints AS c, json_each(c.refs) AS r WHERE c.thread_id = b.thread_id
  UNION SELECT r.value FROM checkpoint_writes AS w, json_each(w.refs) AS r WHERE w.thread_id = b.thread_id
)
"""


async def rows(database: MeteredDatabase) -> dict[str, int]:
    """How many rows there are, after making sure that none is an orphan."""
    counted, orphans = await database.batch([Statement(ROWS), Statement(ORPHANS)])
    assert orphans.rows == []
    return counted.rows[0]


def text(number: int) -> str:
    """A value that is a blob, different for each number."""
    return f"{number} " * 5_000


async def thread_of(saver: D1Saver, thread_id: str, *, checkpoints: int = 4) -> list[RunnableConfig]:
    """A thread whose every checkpoint has a blob of its own, a shared one, and a write with a third."""
    configs: list[RunnableConfig] = []
    for number in range(checkpoints):
        parent_id = configs[-1].get("configurable", {})["checkpoint_id"] if configs else None
        parent = config_for(thread_id, checkpoint_id=parent_id, run_id=f"run-{number}")
        configs.append(await put(saver, thread_id, {"own": text(number), "shared": text(99)}, parent=parent))
        await saver.aput_writes(configs[-1], [("own", text(1_000 + number))], "task")
    return configs


@pytest.mark.req("D1-R22")
async def test_pruning_keeps_the_latest_and_what_it_needs(saver: D1Saver, embedded: MeteredDatabase, thread_id: str) -> None:
    """Three of four checkpoints go with their writes, their own blobs and their runs; other threads keep everything."""
    await thread_of(saver, thread_id)
    await thread_of(saver, "another")
    assert await rows(embedded) == {"checkpoints": 8, "writes": 8, "blobs": 18, "runs": 8}
    before = embedded.meter.copy()
    await saver.aprune([thread_id])
    assert embedded.meter.since(before).requests == 1
    assert await rows(embedded) == {"checkpoints": 5, "writes": 5, "blobs": 12, "runs": 5}
    assert await values_of(saver, config_for(thread_id)) == {"own": text(3), "shared": text(99)}


@pytest.mark.req("D1-R22")
async def test_a_pruned_thread_goes_on(saver: D1Saver, embedded: MeteredDatabase, thread_id: str) -> None:
    """A conversation is the same after each turn is pruned, and its tables do not grow with its turns."""
    graph, config = chat_graph(saver, "hello " * 1_000), config_for(thread_id)
    for turn in range(1, 6):
        state = await graph.ainvoke({"messages": [("user", "hi " * 2_000)]}, config)
        assert len(state["messages"]) == 2 * turn
        await saver.aprune([thread_id])
    assert (await rows(embedded))["checkpoints"] == 1
    assert len((await graph.aget_state(config)).values["messages"]) == 10


@pytest.mark.req("D1-R22")
async def test_pruning_keeps_the_ancestors_of_a_delta_channel(
    saver: D1Saver, embedded: MeteredDatabase, thread_id: str
) -> None:
    """Back to the nearest snapshot and no further; pruned after every turn, the channel is still whole."""
    graph, config = delta_graph(saver), config_for(thread_id)
    expected: list[str] = []
    for turn in range(8):
        state = await graph.ainvoke({"log": [f"turn {turn}"]}, config, durability="sync")
        expected += [f"turn {turn}", f"noted {len(expected) + 1}"]
        assert state["log"] == expected
        await saver.aprune([thread_id])
        assert (await graph.aget_state(config)).values["log"] == expected
        assert (await rows(embedded))["checkpoints"] < 14


@pytest.mark.req("D1-R22")
@pytest.mark.parametrize("how", ["adelete_thread", "aprune"])
async def test_a_deleted_thread_leaves_nothing(saver: D1Saver, embedded: MeteredDatabase, thread_id: str, how: str) -> None:
    """Not a checkpoint, a write, a blob or a run; a thread whose name needs quoting included."""
    for name in (thread_id, 'it\'s a "thread"'):
        await thread_of(saver, name)
        await (saver.adelete_thread(name) if how == "adelete_thread" else saver.aprune([name], strategy="delete"))
    assert await rows(embedded) == {"checkpoints": 0, "writes": 0, "blobs": 0, "runs": 0}


@pytest.mark.req("D1-R22")
async def test_a_deleted_run_takes_what_only_it_needs(saver: D1Saver, embedded: MeteredDatabase, thread_id: str) -> None:
    """Two of four runs go; the blob that all share stays for the others."""
    configs = await thread_of(saver, thread_id)
    await saver.adelete_for_runs(["run-1", "run-3", "unknown"])
    assert await rows(embedded) == {"checkpoints": 2, "writes": 2, "blobs": 5, "runs": 2}
    assert await saver.aget_tuple(configs[1]) is None
    assert await values_of(saver, configs[2]) == {"own": text(2), "shared": text(99)}


@pytest.mark.req("D1-R22")
async def test_a_deleted_thread_may_be_written_again(saver: D1Saver, thread_id: str) -> None:
    """By the saver that knew it, on a checkpoint that went with it: what was deleted on purpose is no conflict."""
    first = await asyncio.create_task(put(saver, thread_id, {"own": 1}))
    await asyncio.create_task(values_of(saver, first))
    await asyncio.create_task(saver.adelete_thread(thread_id))
    await asyncio.create_task(put(saver, thread_id, {"own": 2}, parent=first))
    assert await values_of(saver, config_for(thread_id)) == {"own": 2}


@pytest.mark.req("D1-R22")
async def test_a_copy_is_whole_and_its_own(saver: D1Saver, embedded: MeteredDatabase, thread_id: str) -> None:
    """Everything of a thread is copied in two requests, and outlives it; copying again changes nothing."""
    configs = await thread_of(saver, thread_id)
    before = embedded.meter.copy()
    await saver.acopy_thread(thread_id, "copy")
    assert embedded.meter.since(before).requests == 2
    copied = await rows(embedded)
    await saver.acopy_thread(thread_id, "copy")
    assert await rows(embedded) == copied
    originals = [found async for found in saver.alist(config_for(thread_id))]
    await saver.adelete_thread(thread_id)
    copies = [found async for found in saver.alist(config_for("copy"))]
    assert [found[1:3] + found[4:] for found in copies] == [found[1:3] + found[4:] for found in originals]
    assert len(copies) == len(configs)
    await saver.adelete_for_runs(["run-0", "run-1", "run-2", "run-3"])
    assert await rows(embedded) == {"checkpoints": 0, "writes": 0, "blobs": 0, "runs": 0}


async def test_an_unknown_strategy_deletes_nothing(saver: D1Saver, embedded: MeteredDatabase, thread_id: str) -> None:
    """A misspelt strategy is an error, not the default."""
    await thread_of(saver, thread_id)
    with pytest.raises(ValueError, match="keep_latest"):
        await saver.aprune([thread_id], strategy="keep_lastest")
    assert (await rows(embedded))["checkpoints"] == 4


async def test_no_threads_and_no_runs_are_no_request(saver: D1Saver, embedded: MeteredDatabase) -> None:
    """An empty list deletes nothing and sends nothing."""
    before = embedded.meter.copy()
    await saver.aprune([])
    await saver.adelete_for_runs([])
    assert embedded.meter.since(before).requests == 0
