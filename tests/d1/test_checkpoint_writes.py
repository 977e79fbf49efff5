"""Pending writes: kept whole, in order, first or last as their channel says."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.base import WRITES_IDX_MAP
from langgraph.checkpoint.memory import InMemorySaver

from backend.checkpointer.saver import D1Saver
from backend.d1.embedded import open_embedded
from backend.d1.transaction import Transaction
from tests.d1.graphs import Saver, put
from tests.strategies import examples

Call = tuple[list[tuple[str, Any]], str, str]
"""Writes, task id, task path."""

CHANNELS = st.sampled_from(["a", "b", "branch:to:c", *WRITES_IDX_MAP])
VALUES = st.none() | st.integers(-9, 9) | st.just("x" * 5_000) | st.lists(st.text(max_size=3), max_size=2)
CALLS: st.SearchStrategy[list[Call]] = st.lists(
    st.tuples(
        st.lists(st.tuples(CHANNELS, VALUES), min_size=1, max_size=4),
        st.sampled_from(["task-1", "task-2", "task-3"]),
        st.sampled_from(["", "~__pregel_pull, a", "~__pregel_pull, b"]),
    ),
    min_size=1,
    max_size=6,
)


async def pending(saver: Saver, calls: list[Call]) -> list[Any]:
    """The pending writes of a checkpoint after some calls."""
    config = await put(saver, "thread", {})
    for writes, task_id, task_path in calls:
        await saver.aput_writes(config, writes, task_id, task_path)
    found = await saver.aget_tuple(config)
    assert found is not None
    return found.pending_writes or []


async def pending_in_d1(calls: list[Call], *, joined: bool) -> list[Any]:
    """The same over D1, alone or read back from a transaction before its commit."""
    async with open_embedded(":memory:") as database:
        saver = D1Saver(database)
        await saver.setup()
        if not joined:
            return await pending(saver, calls)
        with Transaction().opened():
            return await pending(saver, calls)


@pytest.mark.req("D1-R12")
@examples(0.6)
@given(calls=CALLS, joined=st.booleans())
def test_any_calls_merge_as_in_memory(calls: list[Call], joined: bool) -> None:  # noqa: FBT001  # drawn by hypothesis
    """Whatever a graph's tasks write, in whatever calls, None included: values and order are InMemorySaver's."""
    assert asyncio.run(pending_in_d1(calls, joined=joined)) == asyncio.run(pending(InMemorySaver(), calls))


@pytest.mark.req("D1-R12")
async def test_a_longer_list_of_the_same_task_extends(saver: D1Saver) -> None:
    """What was stored first stays, what is new is added, and a special channel is replaced."""
    first = [("a", 1), ("__interrupt__", "ask"), ("b", 2)]
    second = [("a", 9), ("__interrupt__", "ask again"), ("b", 9), ("c", 3)]
    assert await pending(saver, [(first, "task", ""), (second, "task", "")]) == [
        ("task", "__interrupt__", "ask again"),
        ("task", "a", 1),
        ("task", "b", 2),
        ("task", "c", 3),
    ]
