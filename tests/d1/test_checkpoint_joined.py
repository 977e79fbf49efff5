"""The saver inside a run's transaction: no request of its own, its own writes read back, one commit."""

import contextlib
from typing import Any

import pytest

from backend.checkpointer.saver import D1Saver
from backend.d1.meter import MeteredDatabase
from backend.d1.statements import Statement
from backend.d1.transaction import Transaction
from backend.errors import LeaseLost
from tests.d1.graphs import chat_graph, config_for, delta_graph, linear_graph, parallel_graph, put, say_yes, story_of, values_of
from tests.fakes.killer import Killed, KillingDatabase, Moment

BREAKS = Statement("INSERT INTO guards (lease_held) VALUES (0)")


async def opened(saver: D1Saver, database: MeteredDatabase, thread_id: str) -> Transaction:
    """A transaction whose opening batch read the thread."""
    transaction = Transaction()
    saver.prefetch(transaction, thread_id, await database.batch(saver.latest_statements(thread_id)))
    return transaction


@pytest.mark.req("D1-R9")
@pytest.mark.parametrize("database", ["embedded", "worker"], indirect=True)
async def test_a_run_is_two_requests(database: MeteredDatabase, thread_id: str) -> None:
    """One to read, one to commit; the run between them makes none, however often it looks at its own state."""
    saver = D1Saver(database)
    graph, config = linear_graph(saver), config_for(thread_id)
    given: Any = {"visited": []}
    for expected in (["a", "b"], ["a", "b", "c:yes", "d", "e"]):
        before = database.meter.copy()
        transaction = await opened(saver, database, thread_id)
        with transaction.opened():
            ended = await graph.ainvoke(given, config, durability="exit")
            state = await graph.aget_state(config)
            assert (ended["visited"], state.values["visited"]) == (expected, expected)
            assert await values_of(saver, state.config) == state.values | await values_of(saver, state.config)
            given = say_yes(*state.interrupts)
            await transaction.commit(database)
        spent = database.meter.since(before)
        assert spent.requests == 2
        assert spent.rows_written <= 3
    assert (await graph.aget_state(config)).values["visited"] == ["a", "b", "c:yes", "d", "e"]


@pytest.mark.req("D1-R9")
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
async def test_a_joined_graph_is_as_an_unjoined_one(embedded: MeteredDatabase, durability: Any) -> None:
    """A graph that waits twice, each run in a transaction of its own: the same story, with large values too."""
    saver = D1Saver(embedded)
    graph, stories = parallel_graph(saver), []
    for thread_id, joined in (("alone", False), ("joined", True)):
        config, command = config_for(thread_id), None
        while True:
            transaction = await opened(saver, embedded, thread_id)
            if joined:
                with transaction.opened():
                    state = await graph.ainvoke(command or {"visited": ["x" * 9_000]}, config, durability=durability)
                    await transaction.commit(embedded)
            else:
                state = await graph.ainvoke(command or {"visited": ["x" * 9_000]}, config, durability=durability)
            if "__interrupt__" not in state:
                break
            first = min(state["__interrupt__"], key=lambda each: each.value)
            command = say_yes(first)
        stories.append(await story_of(graph, config))
    assert stories[0] == stories[1]


@pytest.mark.req("D1-R8", "D1-R9")
async def test_a_run_that_is_not_committed_never_was(embedded: MeteredDatabase, thread_id: str) -> None:
    """Left without a commit, or refused by a guard: the thread is as it was before."""
    saver = D1Saver(embedded)
    graph, config = chat_graph(saver, "hello"), config_for(thread_id)
    await graph.ainvoke({"messages": [("user", "hi")]}, config)
    for guarded in (False, True):
        transaction = await opened(saver, embedded, thread_id)
        with transaction.opened():
            assert len((await graph.ainvoke({"messages": [("user", "again")]}, config, durability="exit"))["messages"]) == 4
            if guarded:
                transaction.guard(BREAKS, constraint="lease_held", error=LeaseLost(thread_id))
                with pytest.raises(LeaseLost):
                    await transaction.commit(embedded)
        assert len((await graph.aget_state(config)).values["messages"]) == 2


@pytest.mark.req("D1-R9")
async def test_what_was_not_prefetched_is_read(embedded: MeteredDatabase, thread_id: str) -> None:
    """Another thread, and an older checkpoint of this one, cost a request each, and join the same commit."""
    saver = D1Saver(embedded)
    first = await put(saver, thread_id, {"channel": 1})
    second = await put(saver, thread_id, {"channel": 2}, parent=first)
    await put(saver, "another", {"channel": 3})
    transaction = await opened(saver, embedded, thread_id)
    before = embedded.meter.copy()
    with transaction.opened():
        assert [await values_of(saver, each) for each in (second, config_for(thread_id))] == [{"channel": 2}] * 2
        assert embedded.meter.since(before).requests == 0
        assert await values_of(saver, first) == {"channel": 1}
        assert await values_of(saver, config_for("another")) == {"channel": 3}
        assert embedded.meter.since(before).requests == 2
        await put(saver, "another", {"channel": 4})
        assert await values_of(saver, config_for("another")) == {"channel": 4}
        await transaction.commit(embedded)
    assert await values_of(saver, config_for("another")) == {"channel": 4}


@pytest.mark.req("D1-R9", "D1-R23")
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
async def test_a_delta_channel_is_rebuilt_from_staged_writes(
    embedded: MeteredDatabase, thread_id: str, durability: Any
) -> None:
    """Several runs share a transaction, then the next one; the channel is whole inside each and after it."""
    saver = D1Saver(embedded)
    graph, config = delta_graph(saver), config_for(thread_id)
    expected: list[str] = []
    for turn in range(6):
        transaction = await opened(saver, embedded, thread_id)
        with transaction.opened():
            for part in range(2):
                await graph.ainvoke({"log": [f"turn {turn}.{part}"]}, config, durability=durability)
                expected += [f"turn {turn}.{part}", f"noted {len(expected) + 1}"]
                assert (await graph.aget_state(config)).values["log"] == expected
            await transaction.commit(embedded)
        assert (await graph.aget_state(config)).values["log"] == expected


@pytest.mark.req("D1-R9")
async def test_a_node_that_fails_leaves_what_came_before_to_commit(embedded: MeteredDatabase, thread_id: str) -> None:
    """Under "exit" LangGraph stores the state up to the failure; it is staged, and committed with the count of attempts."""
    saver = D1Saver(embedded)
    graph, config = linear_graph(saver), config_for(thread_id)
    transaction = await opened(saver, embedded, thread_id)
    with transaction.opened():
        with pytest.raises(TypeError):
            await graph.ainvoke({"visited": 7}, config, durability="exit")
        await graph.ainvoke({"visited": ["in"]}, config, durability="exit")
        await transaction.commit(embedded)
    assert (await graph.aget_state(config)).values["visited"] == ["in", "a", "b"]


@pytest.mark.req("D1-R8")
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("at", [1, 2])
async def test_a_killed_run_never_was_or_is_whole(embedded: MeteredDatabase, thread_id: str, at: int, moment: Moment) -> None:
    """Killed before or after either of its two requests: the thread is as it was, or as the whole run leaves it."""
    saver, config = D1Saver(embedded), config_for(thread_id)
    await chat_graph(saver, "hello").ainvoke({"messages": [("user", "hi")]}, config)
    dying = KillingDatabase(embedded, at, moment)
    mortal = D1Saver(dying)
    with contextlib.suppress(Killed):
        transaction = Transaction()
        mortal.prefetch(transaction, thread_id, await dying.batch(mortal.latest_statements(thread_id)))
        with transaction.opened():
            await chat_graph(mortal, "hello").ainvoke({"messages": [("user", "again")]}, config, durability="exit")
            await transaction.commit(dying)
    state = await chat_graph(saver, "hello").aget_state(config)
    assert len(state.values["messages"]) == (4 if (at, moment) == (2, "after") else 2)


@pytest.mark.req("D1-R15")
async def test_a_commit_sent_again_changes_nothing(embedded: MeteredDatabase, thread_id: str) -> None:
    """The fence knows the batch's own checkpoint, so a second sending passes it and finds its work done."""
    saver = D1Saver(embedded)
    transaction = await opened(saver, embedded, thread_id)
    with transaction.opened():
        await linear_graph(saver).ainvoke({"visited": []}, config_for(thread_id), durability="exit")
    await _commit_twice(transaction, embedded)
    found = [each async for each in saver.alist(config_for(thread_id))]
    assert [len(each.pending_writes or []) for each in found] == [1]


async def _commit_twice(transaction: Transaction, database: MeteredDatabase) -> None:
    class Twice:
        """Loses the first answer."""

        async def batch(self, statements: Any) -> Any:
            await database.batch(statements)
            return await database.batch(statements)

    await transaction.commit(Twice())
