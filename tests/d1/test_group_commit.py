"""Writing outside a transaction: shared batches, durable returns, and failures that stay with their run."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import pytest

from backend.checkpointer.saver import D1Saver
from backend.d1.embedded import open_embedded
from backend.d1.statements import Statement
from backend.errors import DatabaseUnreachable, StatementFailed, ThreadMovedOn
from tests.d1.graphs import chat_graph, config_for, delta_graph, linear_graph, put, say_yes, story_of, values_of
from tests.fakes.passing_database import PassingDatabase
from tests.fakes.wavering_database import WaveringDatabase, turns

OVERLOAD, GONE = "D1 DB is overloaded", "Network connection lost"
DUMP = [
    Statement("SELECT * FROM checkpoints"),
    Statement("SELECT * FROM checkpoint_writes"),
    Statement("SELECT * FROM checkpoint_blobs"),
    Statement("SELECT * FROM checkpoint_runs"),
]


@pytest.mark.req("D1-R14")
async def test_calls_that_arrive_while_a_batch_is_in_flight_share_the_next(wavering: WaveringDatabase) -> None:
    """Of a hundred calls the first is a batch, all others are the next; never are two in flight."""
    saver = D1Saver(wavering)
    wavering.gate.clear()
    calls = [asyncio.create_task(put(saver, "thread-0", {}))]
    await turns()
    calls += [asyncio.create_task(put(saver, f"thread-{number}", {})) for number in range(1, 100)]
    await turns()
    assert len(wavering.batches) == 1
    wavering.gate.set()
    await asyncio.gather(*calls)
    assert [len(batch) for batch in wavering.batches] == [2, 198]
    assert wavering.most_in_flight == 1


@pytest.mark.req("D1-R13")
async def test_a_call_returns_when_its_rows_are_durable(wavering: WaveringDatabase, thread_id: str) -> None:
    """Neither a checkpoint nor writes return while their batch is in flight."""
    saver = D1Saver(wavering)
    config = await put(saver, thread_id, {})
    wavering.gate.clear()
    calls: list[asyncio.Task[Any]] = [asyncio.create_task(put(saver, thread_id, {}, parent=config))]
    calls.append(asyncio.create_task(saver.aput_writes(config, [("channel", None)], "task")))
    await turns()
    assert not any(call.done() for call in calls)
    wavering.gate.set()
    await asyncio.gather(*calls)
    assert [found async for found in D1Saver(wavering).alist(config)]


@pytest.mark.req("D1-R13")
async def test_an_inputs_checkpoint_is_durable_with_the_runs_next_call(wavering: WaveringDatabase, thread_id: str) -> None:
    """It returns at once; the call after it returns when both are durable, in one batch."""
    saver, config = D1Saver(wavering), config_for(thread_id)
    assert await saver.aget_tuple(config) is None
    wavering.batches.clear()
    first = await asyncio.create_task(put(saver, thread_id, {}, source="input"))
    await put(saver, thread_id, {}, parent=first)
    assert len(wavering.batches) == 1
    assert len([found async for found in D1Saver(wavering).alist(config)]) == 2


@pytest.mark.req("D1-R13")
async def test_an_inputs_checkpoint_is_durable_without_a_next_call(wavering: WaveringDatabase, thread_id: str) -> None:
    """A run that ends right after it has it stored all the same, and a reader through the same saver waits for it."""
    saver, config = D1Saver(wavering), config_for(thread_id)
    await saver.aget_tuple(config)
    await asyncio.create_task(put(saver, thread_id, {"channel": 1}, source="input"))
    assert await values_of(saver, config) == {"channel": 1}
    await asyncio.create_task(put(saver, thread_id, {"channel": 2}, source="input"))
    await turns()
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
    assert await values_of(D1Saver(wavering), config) == {"channel": 2}


@pytest.mark.req("D1-R13")
async def test_what_goes_wrong_with_an_inputs_checkpoint_is_raised_by_the_next_call(
    wavering: WaveringDatabase, thread_id: str
) -> None:
    """The run hears of it, even when its next call comes much later."""
    saver, other = D1Saver(wavering), D1Saver(wavering)
    await saver.aget_tuple(config_for(thread_id))
    await asyncio.create_task(put(other, thread_id, {"channel": "other"}))
    first = await asyncio.create_task(put(saver, thread_id, {}, source="input"))
    await turns()
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
    with pytest.raises(ThreadMovedOn):
        await put(saver, thread_id, {}, parent=first)
    assert await values_of(other, config_for(thread_id)) == {"channel": "other"}


def poison(statements: Sequence[Statement]) -> None:
    """Refuse a batch that has anything of the poisoned thread."""
    if any("poisoned" in each.params for each in statements):
        raise StatementFailed("poisoned")  # noqa: EM101  # D1's sentence


@pytest.mark.req("D1-R14")
async def test_who_fails_in_company_fails_alone(wavering: WaveringDatabase) -> None:
    """One call of a shared batch is refused; the others are durable, and only that one raises."""
    saver, wavering.fails = D1Saver(wavering), poison
    names = ["thread-1", "poisoned", "thread-2", "thread-3"]
    ended = await asyncio.gather(*(put(saver, name, {"name": name}) for name in names), return_exceptions=True)
    assert [type(result).__name__ for result in ended] == ["dict", "StatementFailed", "dict", "dict"]
    wavering.fails = lambda _: None
    assert [await values_of(saver, config_for(name)) for name in names if name != "poisoned"]
    assert await saver.aget_tuple(config_for("poisoned")) is None


@pytest.mark.req("D1-R14")
async def test_a_batch_too_much_for_d1_is_sent_in_smaller_ones(wavering: WaveringDatabase) -> None:
    """Where D1 is overloaded by the company, each run is sent alone, and all of them are durable."""
    saver = D1Saver(wavering)

    def overloaded(statements: Sequence[Statement]) -> None:
        if len(statements) > 2:
            raise DatabaseUnreachable(OVERLOAD, tries=5)

    wavering.fails = overloaded
    await asyncio.gather(*(put(saver, f"thread-{n}", {"n": n}) for n in range(5)))
    wavering.fails = lambda _: None
    assert [await values_of(saver, config_for(f"thread-{n}")) for n in range(5)] == [{"n": n} for n in range(5)]


@pytest.mark.req("D1-R14")
async def test_a_database_that_cannot_be_reached_fails_every_call(wavering: WaveringDatabase) -> None:
    """Nobody waits for ever, nothing is swallowed, and the next call is tried as if nothing had been."""
    saver = D1Saver(wavering)

    def unreachable(_: Sequence[Statement]) -> None:
        raise DatabaseUnreachable(GONE, tries=5)

    wavering.fails = unreachable
    ended = await asyncio.gather(*(put(saver, f"thread-{n}", {}) for n in range(3)), return_exceptions=True)
    assert [type(result).__name__ for result in ended] == ["DatabaseUnreachable"] * 3
    wavering.fails = lambda _: None
    await put(saver, "thread-0", {})


@pytest.mark.req("D1-R14")
async def test_a_cancelled_call_leaves_the_others_theirs(wavering: WaveringDatabase) -> None:
    """The one that was sending for all is cancelled; the others send again and return durable."""
    saver = D1Saver(wavering)
    wavering.gate.clear()
    sender = asyncio.create_task(put(saver, "cancelled", {}))
    others = [asyncio.create_task(put(saver, f"thread-{n}", {"n": n})) for n in range(3)]
    await turns()
    sender.cancel()
    wavering.gate.set()
    await asyncio.gather(*others)
    with contextlib.suppress(asyncio.CancelledError):
        await sender
    assert [await values_of(saver, config_for(f"thread-{n}")) for n in range(3)] == [{"n": n} for n in range(3)]


async def everything(saver: D1Saver) -> list[Any]:
    """Run one of each: a graph that waits, a chat, deltas, an update, a copy, a pruning, a deletion."""
    linear, config = linear_graph(saver), config_for("linear", metadata={"run_id": "run-1"})
    started = await linear.ainvoke({"visited": []}, config, durability="sync")
    await linear.ainvoke(say_yes(*started["__interrupt__"]), config, durability="async")
    await linear.aupdate_state(config, {"visited": ["by hand"]})
    chat = chat_graph(saver, "hello " * 1_000)
    for turn in range(3):
        await chat.ainvoke(
            {
                "messages": [
                    (
                        "user",
                        f"{turn} " * 3_000,
                    )
                ]
            },
            config_for("chat"),
            durability="exit",
        )
    deltas = delta_graph(saver)
    for turn in range(5):
        await deltas.ainvoke({"log": [str(turn)]}, config_for("deltas"))
    await saver.acopy_thread("linear", "copy")
    await saver.aprune(["deltas", "chat"])
    await saver.acopy_thread("chat", "gone")
    await saver.adelete_thread("gone")
    log = (await deltas.aget_state(config_for("deltas"))).values["log"]
    said = [message.content for message in (await chat.aget_state(config_for("chat"))).values["messages"]]
    return [await story_of(linear, config), await story_of(linear, config_for("copy")), log, said]


@pytest.mark.req("D1-R15")
async def test_every_batch_may_be_sent_twice(wavering: WaveringDatabase, tmp_path: Any) -> None:
    """All that the saver does, each batch sent twice: the same states, the same number of rows, and no run raises."""
    wavering.times = 2
    twice = await everything(D1Saver(wavering))
    async with open_embedded(f"{tmp_path}/once.db") as database:
        saver = D1Saver(database)
        await saver.setup()
        assert twice == await everything(saver)
        once, doubled = await database.batch(DUMP), await wavering.database.batch(DUMP)
    assert [len(result.rows) for result in doubled] == [len(result.rows) for result in once]


@pytest.mark.req("D1-R15")
async def test_a_batch_sent_again_leaves_every_byte(wavering: WaveringDatabase) -> None:
    """Each writing batch again right after itself: the tables hold the same rows, byte for byte."""
    saver, inner = D1Saver(wavering), wavering.database
    changed: list[str] = []

    class Again(PassingDatabase):
        """Sends a batch, dumps the tables, sends it again, and dumps them again."""

        async def batch(self, statements: Sequence[Statement]) -> Any:
            results = await inner.batch(statements)
            before = [result.rows for result in await inner.batch(DUMP)]
            await inner.batch(statements)
            after = [result.rows for result in await inner.batch(DUMP)]
            changed.extend(each.sql for each in statements if before != after)
            return results

    wavering.database = Again(inner)
    await everything(saver)
    assert changed == []


def test_copies_for_an_allow_list_share_all_that_changes(wavering: WaveringDatabase) -> None:
    """`compile` may copy the saver; what one copy has in flight the other must know."""
    saver = D1Saver(wavering)
    copy = saver.with_allowlist([("some.module", "Type")])
    assert copy is not saver
    assert isinstance(copy, D1Saver)
    assert copy._core is saver._core
    assert [name for name, value in vars(copy).items() if value is not vars(saver)[name]] == ["serde"]
