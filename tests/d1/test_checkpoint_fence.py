"""Two runs on one thread: exactly one commits."""

import asyncio
from typing import Any

import pytest
from langgraph.types import Command

from backend.checkpointer.saver import D1Saver
from backend.d1.meter import MeteredDatabase
from backend.d1.transaction import Transaction
from backend.errors import ThreadMovedOn
from tests.d1.graphs import chat_graph, config_for, linear_graph, put, say_yes, step_of, values_of


async def waiting_thread(saver: D1Saver, thread_id: str) -> Command[Any]:
    """A thread that waits for an answer, and the answer."""
    started = await linear_graph(saver).ainvoke({"visited": []}, config_for(thread_id))
    return say_yes(*started["__interrupt__"])


@pytest.mark.req("D1-R16")
@pytest.mark.parametrize("database", ["embedded", "worker"], indirect=True)
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
@pytest.mark.parametrize("savers", [1, 2], ids=["one process", "two processes"])
async def test_of_two_runs_exactly_one_commits(database: MeteredDatabase, thread_id: str, durability: Any, savers: int) -> None:
    """Both resume the same interrupt at once; the loser raises, and the thread is as if it had never run."""
    workers = [D1Saver(database) for _ in range(savers)] * (3 - savers)
    answer = await waiting_thread(workers[0], thread_id)

    async def resume(saver: D1Saver) -> Any:
        return await linear_graph(saver).ainvoke(answer, config_for(thread_id), durability=durability)

    ended = await asyncio.gather(*map(resume, workers), return_exceptions=True)
    assert sorted(type(result).__name__ for result in ended) == ["ThreadMovedOn", "dict"]
    graph = linear_graph(workers[0])
    history = [step_of(state.metadata) async for state in graph.aget_state_history(config_for(thread_id))]
    assert len(history) == len(set(history))
    assert (await graph.aget_state(config_for(thread_id))).values["visited"] == ["a", "b", "c:yes", "d", "e"]


@pytest.mark.req("D1-R16")
async def test_of_two_transactions_exactly_one_commits(embedded: MeteredDatabase, thread_id: str) -> None:
    """Two runs that opened on the same checkpoint: the second commit fails whole, whatever else it staged."""
    saver = D1Saver(embedded)
    answer = await waiting_thread(saver, thread_id)
    runs = [Transaction(), Transaction()]
    for transaction in runs:
        saver.prefetch(transaction, thread_id, await embedded.batch(saver.latest_statements(thread_id)))
        with transaction.opened():
            await linear_graph(saver).ainvoke(answer, config_for(thread_id), durability="exit")
    await runs[0].commit(embedded)
    with pytest.raises(ThreadMovedOn, match=thread_id):
        await runs[1].commit(embedded)


@pytest.mark.req("D1-R16")
async def test_a_run_beside_a_deleted_thread_does_not_revive_it(embedded: MeteredDatabase, thread_id: str) -> None:
    """What a run read is gone when it writes; a checkpoint that leans on it would not be whole."""
    saver, other = D1Saver(embedded), D1Saver(embedded)
    parent = await put(saver, thread_id, {"channel": "x" * 9_000})
    assert await saver.aget_tuple(parent) is not None
    await other.adelete_thread(thread_id)
    with pytest.raises(ThreadMovedOn):
        await put(saver, thread_id, {"channel": "x" * 9_000}, parent=parent)
    assert await saver.aget_tuple(config_for(thread_id)) is None


@pytest.mark.req("D1-R16")
async def test_a_run_goes_on_beside_runs_of_other_threads(embedded: MeteredDatabase) -> None:
    """Fifty threads at once through one saver: nobody is in anybody's way."""
    saver = D1Saver(embedded)
    graph = chat_graph(saver, "hello")
    turns = [graph.ainvoke({"messages": [("user", "hi")]}, config_for(f"thread-{number}")) for number in range(50)]
    assert [len(state["messages"]) for state in await asyncio.gather(*turns)] == [2] * 50
    assert embedded.meter.requests < 150


@pytest.mark.req("D1-R16")
async def test_one_task_may_run_a_thread_again_and_again(saver: D1Saver, thread_id: str) -> None:
    """A run's own checkpoints are no obstacle to its next ones, nor to the next run, nor a look between two."""
    graph, config = chat_graph(saver, "hello"), config_for(thread_id)
    for turn in range(1, 4):
        await graph.ainvoke({"messages": [("user", "hi")]}, config, durability="sync")
        assert len((await graph.aget_state(config)).values["messages"]) == 2 * turn
        await graph.aupdate_state(config, {"messages": []})


@pytest.mark.req("D1-R16")
async def test_what_a_task_of_a_run_reads_does_not_move_its_fence(embedded: MeteredDatabase, thread_id: str) -> None:
    """A second writer commits, and a node looks at the thread: the run that read it before still raises."""
    saver, intruder, config = D1Saver(embedded), D1Saver(embedded), config_for(thread_id)
    first = await put(saver, thread_id, {"channel": 1})
    assert await values_of(saver, config) == {"channel": 1}

    async def node() -> None:
        await put(intruder, thread_id, {"channel": 2}, parent=first)
        assert await values_of(saver, config) == {"channel": 2}

    await asyncio.create_task(node())
    with pytest.raises(ThreadMovedOn):
        await put(saver, thread_id, {"channel": 3}, parent=first)
    assert await values_of(intruder, config) == {"channel": 2}
