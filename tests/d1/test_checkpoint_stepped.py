"""A run whose steps are made by different tasks, as a timeout for each step makes them: the fence holds all the same."""

import asyncio
from typing import Any

import pytest

from backend.checkpointer.fence import Head
from backend.checkpointer.heads import MAX_PLACES
from backend.checkpointer.saver import D1Saver
from backend.d1.meter import MeteredDatabase
from backend.errors import ThreadMovedOn
from tests.d1.graphs import config_for, linear_graph, put, say_yes, values_of

DURABILITIES = pytest.mark.parametrize("durability", ["sync", "async"])


async def stepped(
    saver: D1Saver, asked: Any, thread_id: str, durability: Any, after: dict[int, Any] | None = None
) -> list[Any]:
    """Run the linear graph with a task for each step, and await what `after` has for a step."""
    stream = linear_graph(saver).astream(asked, config_for(thread_id), stream_mode="updates", durability=durability)
    updates: list[Any] = []
    try:
        while True:
            updates.append(await asyncio.wait_for(anext(stream), 60))
            if after and len(updates) in after:
                await asyncio.create_task(after[len(updates)])
    except StopAsyncIteration:
        return updates


@pytest.mark.req("D1-R16")
@DURABILITIES
async def test_a_stepped_run_is_no_obstacle_to_itself(embedded: MeteredDatabase, thread_id: str, durability: Any) -> None:
    """It waits, is resumed and ends, each step in a task of its own."""
    saver = D1Saver(embedded)
    [*_, waits] = await stepped(saver, {"visited": []}, thread_id, durability)
    await stepped(saver, say_yes(*waits["__interrupt__"]), thread_id, durability)
    assert (await values_of(saver, config_for(thread_id)))["visited"] == ["a", "b", "c:yes", "d", "e"]


@pytest.mark.req("D1-R16")
@pytest.mark.parametrize("savers", [1, 2], ids=["one process", "two processes"])
@pytest.mark.parametrize("step", [1, 2])
async def test_a_stepped_run_raises_when_another_committed(
    embedded: MeteredDatabase, thread_id: str, savers: int, step: int
) -> None:
    """Between two of its steps another run takes the thread to its end: that one stands."""
    saver = D1Saver(embedded)
    other = saver if savers == 1 else D1Saver(embedded)
    [*_, waits] = await stepped(saver, {"visited": []}, thread_id, "sync")
    answer = say_yes(*waits["__interrupt__"])
    intruder = linear_graph(other).ainvoke({"visited": ["intruder"]}, config_for(thread_id), durability="sync")
    with pytest.raises(ThreadMovedOn):
        await stepped(saver, answer, thread_id, "sync", {step: intruder})
    assert (await values_of(D1Saver(embedded), config_for(thread_id)))["visited"][-3:] == ["intruder", "a", "b"]


@pytest.mark.req("D1-R16")
async def test_of_two_that_build_on_one_checkpoint_in_other_tasks_one_commits(saver: D1Saver, thread_id: str) -> None:
    """Neither task read the thread itself, and the one that did is fenced too: only the first may write."""
    first = await put(saver, thread_id, {"channel": 0})
    read, written = asyncio.Event(), asyncio.Event()

    async def reads_and_writes_later() -> None:
        await saver.aget_tuple(config_for(thread_id))
        read.set()
        await written.wait()
        await put(saver, thread_id, {"channel": 3}, parent=first)

    reader = asyncio.create_task(reads_and_writes_later())
    await read.wait()
    await asyncio.create_task(put(saver, thread_id, {"channel": 1}, parent=first))
    with pytest.raises(ThreadMovedOn):
        await asyncio.create_task(put(saver, thread_id, {"channel": 2}, parent=first))
    written.set()
    with pytest.raises(ThreadMovedOn):
        await reader
    assert await values_of(saver, config_for(thread_id)) == {"channel": 1}


async def test_what_a_saver_remembers_is_bounded(saver: D1Saver) -> None:
    """However many threads it reads, the places of the latest are kept."""
    heads = saver._core._heads
    for number in range(MAX_PLACES + 5):
        heads.read(Head((f"thread-{number}", ""), "id", set()), "id")
    assert len(heads._entries) == MAX_PLACES
