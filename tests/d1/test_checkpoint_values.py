"""Values of any size: read back equal in one request, and sent once."""

import random
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.base import CheckpointMetadata, empty_checkpoint

from backend.checkpointer.chunks import MAX_INLINE_BYTES, cut_chunks
from backend.checkpointer.rows import Blob
from backend.checkpointer.saver import D1Saver
from backend.checkpointer.sql import PUT_BLOB, statement
from backend.d1.limits import MAX_VALUE_BYTES
from backend.d1.meter import MeteredDatabase
from backend.d1.statements import Statement
from backend.errors import StatementRefused
from tests.d1.graphs import chat_graph, config_for, put, values_of

NOISE = random.Random(7)  # noqa: S311  # texts, not secrets
PARTS = "SELECT part, length(body) AS n FROM checkpoint_blobs WHERE thread_id = ?1 ORDER BY blob_id, part"


def noise(size: int) -> bytes:
    """Bytes that do not compress."""
    return NOISE.randbytes(size)


VALUES: dict[str, Any] = {
    "empty": "",
    "just inline": "x" * (MAX_INLINE_BYTES - 10),
    "just a blob": "x" * (MAX_INLINE_BYTES + 1),
    "fact text of 200 KB": "".join(chr(97 + byte % 26) for byte in noise(200_000)),
    "state of 5 MB": {"documents": [noise(1_000_000) for _ in range(5)]},
    "list of 5 MB": [noise(10_000) for _ in range(500)],
    "list of small things": list(range(20_000)),
    "list of mixed sizes": ["x" * (n * 37 % 9_000) for n in range(300)],
    "bytearray": bytearray(noise(10_000)),
    "none": None,
}


@pytest.mark.req("D1-R17")
@pytest.mark.parametrize("database", ["embedded", "worker"], indirect=True)
@pytest.mark.parametrize("name", VALUES)
async def test_a_value_comes_back_equal_in_one_request(database: MeteredDatabase, thread_id: str, name: str) -> None:
    """As a channel's value and as a task's write, whatever its size; equal with its type."""
    saver, value = D1Saver(database), VALUES[name]
    config = await put(saver, thread_id, {"channel": value, "other": "beside it"})
    await saver.aput_writes(config, [("channel", value)], "task")
    before = database.meter.copy()
    found = await saver.aget_tuple(config_for(thread_id))
    assert database.meter.since(before).requests == 1
    assert found is not None
    assert found.checkpoint["channel_values"] == {"channel": value, "other": "beside it"}
    assert found.pending_writes == [("task", "channel", value)]
    assert type(found.checkpoint["channel_values"]["channel"]) is type(value)


@pytest.mark.req("D1-R17")
async def test_a_large_value_is_parts_before_its_checkpoint(saver: D1Saver, embedded: MeteredDatabase, thread_id: str) -> None:
    """No row is larger than D1 takes, and the checkpoint's row comes after the parts it needs."""
    await put(saver, thread_id, {"channel": noise(5_000_000)})
    [parts] = await embedded.batch([Statement(PARTS, (thread_id,))])
    assert [row["part"] for row in parts.rows] == [0, 1, 2, 3]
    assert max(row["n"] for row in parts.rows) < MAX_VALUE_BYTES


@pytest.mark.req("D1-R17")
async def test_a_blob_is_whole_or_not_there(saver: D1Saver, embedded: MeteredDatabase, thread_id: str) -> None:
    """A blob of as many parts as an older compression made stays; what is left of a broken one is replaced."""
    value = noise(3_000_000)
    await put(saver, thread_id, {"channel": value})
    [more] = await embedded.batch([Statement(PARTS, (thread_id,))])
    other = {**Blob(thread_id, "id", value, saver._core.codec).rows[0], "part": 3}
    await embedded.batch([statement(PUT_BLOB, thread_id, await blob_id(embedded), 3, other["body"])])
    [same] = await embedded.batch([Statement(PARTS, (thread_id,))])
    assert same.rows == more.rows
    await embedded.batch(
        [Statement("UPDATE checkpoint_blobs SET body = 'broken'"), Statement("DELETE FROM checkpoint_blobs WHERE part = 0")]
    )
    await put(saver, thread_id, {"channel": value})
    assert await values_of(saver, config_for(thread_id)) == {"channel": value}


async def blob_id(database: MeteredDatabase) -> str:
    """The id of the only blob."""
    [found] = await database.batch([Statement("SELECT DISTINCT blob_id FROM checkpoint_blobs")])
    return str(found.rows[0]["blob_id"])


@pytest.mark.req("D1-R17")
async def test_a_checkpoint_of_many_values_is_larger_than_a_row(saver: D1Saver, thread_id: str) -> None:
    """A thousand small values are 4 MB in one body, which is then stored in parts itself."""
    values = {f"channel-{number}": noise(4_000) for number in range(1_000)}
    await put(saver, thread_id, values)
    assert await values_of(saver, config_for(thread_id)) == values


@pytest.mark.req("D1-R17")
async def test_500_pending_writes_come_back(saver: D1Saver, embedded: MeteredDatabase, thread_id: str) -> None:
    """Five hundred tasks of one step, each with its write, are read in one request and in order."""
    config = await put(saver, thread_id, {})
    for number in range(500):
        await saver.aput_writes(config, [("channel", number)], f"task-{number:03}", "~path")
    before = embedded.meter.copy()
    found = await saver.aget_tuple(config)
    assert embedded.meter.since(before).requests == 1
    assert found is not None
    assert found.pending_writes == [(f"task-{number:03}", "channel", number) for number in range(500)]


@pytest.mark.req("D1-R18")
async def test_a_value_is_sent_once(saver: D1Saver, embedded: MeteredDatabase, thread_id: str) -> None:
    """A task's write and the checkpoint after it share one copy, and what did not change is not sent again."""
    big, config = noise(100_000).hex(), config_for(thread_id)
    first = await put(saver, thread_id, {"other": 1})
    assert await saver.aget_tuple(config) is not None
    before = embedded.meter.copy()
    await saver.aput_writes(first, [("channel", big)], "task")
    second = await put(saver, thread_id, {"channel": big}, parent=first)
    third = await put(saver, thread_id, {"channel": big, "other": 1}, parent=second)
    assert embedded.meter.since(before).bytes_sent < 1.6 * len(big)
    assert (await values_of(saver, second), await values_of(saver, third)) == ({"channel": big}, {"channel": big, "other": 1})


@pytest.mark.req("D1-R18")
async def test_a_conversation_that_grew_sends_what_it_grew_by(
    saver: D1Saver, embedded: MeteredDatabase, thread_id: str
) -> None:
    """The tenth turn sends about as much as the second, although five times as much was said by then."""
    graph, sent = chat_graph(saver, noise(5_000).hex()), []
    for turn in range(10):
        before = embedded.meter.copy()
        await graph.ainvoke({"messages": [("user", f"{turn} {noise(1_000).hex()}")]}, config_for(thread_id))
        sent.append(embedded.meter.since(before).bytes_sent)
    assert sent[9] < 1.5 * sent[1]
    assert len((await graph.aget_state(config_for(thread_id))).values["messages"]) == 20


@pytest.mark.req("D1-R18")
@given(st.lists(st.integers(1, 9_000), min_size=1, max_size=200), st.integers(1, 199))
def test_chunks_stay_as_they_are_when_the_list_grows(sizes: list[int], shorter: int) -> None:
    """Chunks cover the list without a gap; all chunks but the last of a shorter list are chunks of the longer one."""
    chunks = cut_chunks(sizes)
    assert [index for chunk in chunks for index in chunk] == list(range(len(sizes)))
    *complete, _ = cut_chunks(sizes[:shorter])
    assert chunks[: len(complete)] == complete


@given(st.lists(st.integers(1, 9_000), max_size=500))
def test_chunks_are_few(sizes: list[int]) -> None:
    """However long the list, its small elements make no more chunks than grow by an eighth each."""
    small = [size for size in sizes if size <= MAX_INLINE_BYTES]
    assert len(cut_chunks(small)) <= 64


HALF = "half a \ud83c balloon, in a text longer than a tag"


@pytest.mark.req("D1-R2")
@pytest.mark.parametrize("key", [None, "a key of at least 32 characters."], ids=["plain", "encrypted"])
async def test_half_a_surrogate_pair_is_refused_by_name(embedded: MeteredDatabase, thread_id: str, key: str | None) -> None:
    """In a thread's id, a blob's thread or a filter's value: one error, and nothing is written."""
    saver = D1Saver(embedded, key)
    for values in ({}, {"channel": "x" * 9_000}):
        with pytest.raises(StatementRefused, match="UTF-8"):
            await put(saver, HALF, values)
    with pytest.raises(StatementRefused, match="UTF-8"):
        [_ async for _ in saver.alist(config_for(thread_id), filter={"who": HALF})]
    assert [found async for found in saver.alist(None)] == []


@pytest.mark.req("D1-R22")
@pytest.mark.parametrize("run_id", [UUID(int=7), 7, "seven"])
async def test_a_run_is_deleted_by_the_text_of_its_id(saver: D1Saver, thread_id: str, run_id: object) -> None:
    """LangGraph takes a UUID or a number as well; the checkpoint is written, and found by its text."""
    config = config_for(thread_id)
    await saver.aput(config, empty_checkpoint(), cast("CheckpointMetadata", {"source": "loop", "run_id": run_id}), {})
    await saver.adelete_for_runs([str(run_id)])
    assert await saver.aget_tuple(config) is None
