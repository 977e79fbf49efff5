"""Rows that somebody changed: refused with the thread's name, and nothing of them constructed."""

import base64
import random
from pathlib import Path
from typing import Any

import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.serde.jsonplus import EXT_CONSTRUCTOR_SINGLE_ARG, JsonPlusSerializer

from backend.checkpointer.codec import Codec, Packed, TextRefused, pack
from backend.checkpointer.rows import about_checkpoint
from backend.checkpointer.saver import D1Saver
from backend.d1.meter import MeteredDatabase
from backend.d1.statements import Statement
from backend.errors import BadRequest, CheckpointTampered
from tests.d1.graphs import config_for, put, values_of
from tests.strategies import examples

KEYS = pytest.mark.parametrize("key", [None, "a key of at least 32 characters."], ids=["plain", "encrypted"])
BIG = "x" * 9_000 + "unlike any other"


async def stored_thread(saver: D1Saver, thread_id: str) -> None:
    """A thread of two checkpoints with a blob and a write each."""
    first = await put(saver, thread_id, {"channel": BIG})
    second = await put(saver, thread_id, {"channel": BIG, "other": 1}, parent=first)
    for config in (first, second):
        await saver.aput_writes(config, [("channel", "small"), ("big", BIG)], "task")


FLIPPED = "substr(body, 1, 20) || CASE substr(body, 21, 1) WHEN 'A' THEN 'B' ELSE 'A' END || substr(body, 22)"
CHANGES = {
    "a checkpoint's body": "UPDATE checkpoints SET body = {flipped}",
    "a checkpoint's kind": "UPDATE checkpoints SET body = replace(body, 'raw', 'zip')",
    "a checkpoint cut short": "UPDATE checkpoints SET body = substr(body, 1, length(body) - 8)",
    "a checkpoint that is no base64": "UPDATE checkpoints SET body = body || '!'",
    "an empty checkpoint": "UPDATE checkpoints SET body = ''",
    "another checkpoint's body": "UPDATE checkpoints SET body = (SELECT body FROM checkpoints ORDER BY checkpoint_id LIMIT 1)",
    "a checkpoint's parent": "UPDATE checkpoints SET parent_id = 'another'",
    "a checkpoint of another thread": "UPDATE checkpoints SET thread_id = '{other}'",
    "a write's body": "UPDATE checkpoint_writes SET body = {flipped}",
    "a write of another task": "UPDATE checkpoint_writes SET task_id = 'another'",
    "a blob's body": "UPDATE checkpoint_blobs SET body = {flipped}",
    "a missing blob": "DELETE FROM checkpoint_blobs",
    "a blob in more parts": "INSERT INTO checkpoint_blobs SELECT thread_id, blob_id, 1, body FROM checkpoint_blobs",
    "a checkpoint's run": "UPDATE checkpoints SET run_id = 'another'",
    "a checkpoint's tags": "UPDATE checkpoints SET tags = '{{}}'",
    "a checkpoint's channels": "UPDATE checkpoints SET channels = '[]'",
    "a checkpoint's open deltas": "UPDATE checkpoints SET open_deltas = '[\"channel\"]'",
    "a checkpoint's refs": "UPDATE checkpoints SET refs = '['",
    "a write's refs": "UPDATE checkpoint_writes SET refs = '[]'",
    "a write's call": "UPDATE checkpoint_writes SET call_id = 'another'",
    "a body that is a missing blob": "UPDATE checkpoints SET body = '@nothing'",
}


@pytest.mark.req("D1-R19")
@KEYS
@pytest.mark.parametrize("change", CHANGES)
async def test_a_changed_row_is_refused(embedded: MeteredDatabase, thread_id: str, change: str, key: str | None) -> None:
    """Read alone, listed or copied: the error names the thread and says what is wrong."""
    saver, other = D1Saver(embedded, key), f"{thread_id}-other"
    await stored_thread(saver, thread_id)
    await embedded.batch([Statement(CHANGES[change].format(other=other, flipped=FLIPPED))])
    read = other if "{other}" in CHANGES[change] else thread_id
    with pytest.raises(CheckpointTampered, match=f"'{read}'"):
        await saver.aget_tuple(config_for(read))
    with pytest.raises(CheckpointTampered, match=f"'{read}'"):
        [_ async for _ in saver.alist(config_for(read))]


@pytest.mark.req("D1-R19")
@KEYS
async def test_a_body_in_a_blob_is_bound_to_its_row(embedded: MeteredDatabase, thread_id: str, key: str | None) -> None:
    """It is read and copied, and does not stand for another checkpoint's; its address without the mark is no body."""
    saver = D1Saver(embedded, key)
    many = {f"channel {number}": random.Random(number).randbytes(4_000) for number in range(400)}  # noqa: S311  # no secret
    first = await put(saver, thread_id, many)
    await put(saver, thread_id, {**many, "other": 1}, parent=first)
    [kept] = await embedded.batch([Statement("SELECT checkpoint_id, body FROM checkpoints")])
    assert all(row["body"].startswith("@") for row in kept.rows)
    await saver.acopy_thread(thread_id, "copy")
    assert await values_of(saver, config_for("copy")) == {**many, "other": 1}
    for body in (kept.rows[0]["body"], kept.rows[1]["body"][1:]):
        await embedded.batch([Statement("UPDATE checkpoints SET body = ?1 WHERE parent_id IS NOT NULL", (body,))])
        with pytest.raises(CheckpointTampered, match=f"'{thread_id}'"):
            await saver.aget_tuple(config_for(thread_id))


@pytest.mark.req("D1-R19")
async def test_a_changed_row_is_not_copied(saver: D1Saver, embedded: MeteredDatabase, thread_id: str) -> None:
    """A copy would seal the change as if it were ours."""
    await stored_thread(saver, thread_id)
    await embedded.batch([Statement(CHANGES["a checkpoint's body"].format(flipped=FLIPPED))])
    with pytest.raises(CheckpointTampered, match=thread_id):
        await saver.acopy_thread(thread_id, "target")
    assert [found async for found in saver.alist(config_for("target"))] == []


@pytest.mark.req("D1-R19")
@KEYS
async def test_a_column_that_is_not_json_fails_no_read(embedded: MeteredDatabase, thread_id: str, key: str | None) -> None:
    """The database never says "malformed JSON" in place of the thread's name; a filter finds nothing in such tags."""
    saver = D1Saver(embedded, key)
    await stored_thread(saver, thread_id)
    latest = await saver.aget_tuple(config_for(thread_id))
    assert latest is not None
    await embedded.batch(
        [
            Statement("UPDATE checkpoints SET tags = '[', channels = '[', refs = '['"),
            Statement("UPDATE checkpoint_writes SET refs = '['"),
        ]
    )
    assert [found async for found in saver.alist(None, filter={"source": "loop"})] == []
    with pytest.raises(CheckpointTampered, match=f"'{thread_id}'"):
        await saver.aget_tuple(config_for(thread_id))
    with pytest.raises(CheckpointTampered, match=f"'{thread_id}'"):
        [_ async for _ in saver.alist(config_for(thread_id))]
    with pytest.raises(CheckpointTampered, match=f"'{thread_id}'"):
        await saver.aget_delta_channel_history(config=latest.config, channels=["channel"])


async def plant(embedded: MeteredDatabase, thread_id: str, kind: str, data: bytes) -> CheckpointTuple | None:
    """Put a value of our own bytes into a thread, sealed as whoever can write the database could, and read it."""
    saver, codec = D1Saver(embedded), Codec()
    await put(saver, thread_id, {"channel": "good"})
    [found] = await embedded.batch([Statement("SELECT * FROM checkpoints WHERE thread_id = ?1", (thread_id,))])
    row = found.rows[0]
    serde = JsonPlusSerializer(allowed_msgpack_modules=None)
    checkpoint, metadata = serde.dumps_typed({"id": "x", "channel_versions": {"channel": 1}}), serde.dumps_typed({})
    envelope = serde.dumps_typed([checkpoint, metadata, {"channel": [kind, data]}])[1]
    body = codec.seal(pack(envelope), about_checkpoint(row))
    await embedded.batch([Statement("UPDATE checkpoints SET body = ?1 WHERE thread_id = ?2", (body, thread_id))])
    return await saver.aget_tuple(config_for(thread_id))


def call(module: str, name: str, argument: Any) -> bytes:
    """Msgpack that makes a permissive reader call a function."""
    return ormsgpack.packb(ormsgpack.Ext(EXT_CONSTRUCTOR_SINGLE_ARG, ormsgpack.packb((module, name, argument))))


@pytest.mark.req("D1-R19")
async def test_a_crafted_value_calls_nothing(embedded: MeteredDatabase, thread_id: str, tmp_path: Path) -> None:
    """Strict reading is set in code: the argument comes back as data, where a permissive reader would make a folder."""
    control, target = tmp_path / "control", tmp_path / "target"
    JsonPlusSerializer(allowed_msgpack_modules=True).loads_typed(("msgpack", call("os", "mkdir", str(control))))
    assert control.exists()
    found = await plant(embedded, thread_id, "msgpack", call("os", "mkdir", str(target)))
    assert found is not None
    assert found.checkpoint["channel_values"] == {"channel": str(target)}
    assert not target.exists()


@pytest.mark.req("D1-R19")
@pytest.mark.parametrize("kind", ["json", "pickle", "unheard-of"])
async def test_a_type_that_is_never_written_is_refused(embedded: MeteredDatabase, thread_id: str, kind: str) -> None:
    """`json` would let the row name LangChain objects to revive, `pickle` anything."""
    with pytest.raises(CheckpointTampered, match=f"of type '{kind}'"):
        await plant(embedded, thread_id, kind, b'{"lc": 1, "type": "constructor"}')


@pytest.mark.req("D1-R19")
@examples(2)
@given(st.data())
def test_no_change_of_a_text_goes_unseen(data: st.DataObject) -> None:
    """Flip any bit of a sealed text, with a key or without: it does not open."""
    codec = Codec(data.draw(st.sampled_from([None, "a key of at least 32 characters."])))
    kind, _, encoded = codec.seal(Packed(zipped=False, data=b"what was agreed"), "place").partition(":")
    sealed = bytearray(base64.b64decode(encoded))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(TextRefused):
        codec.open(f"{kind}:{base64.b64encode(sealed).decode()}", "place")


@pytest.mark.req("D1-R21")
async def test_a_filter_is_no_way_into_the_sql(saver: D1Saver, embedded: MeteredDatabase, thread_id: str) -> None:
    """Keys are checked, and values are only ever compared."""
    await put(saver, thread_id, {"channel": 1})
    before = embedded.meter.copy()
    for key in ("source' OR '1'='1", 'a"b', "a.b", "a b", "", "$", "step)--"):
        with pytest.raises(BadRequest, match="metadata key"):
            [_ async for _ in saver.alist(None, filter={key: "loop"})]
    assert embedded.meter.since(before).requests == 0
    for value in ("loop' OR '1'='1", "%", "*", ["loop"], {"a": 1}):
        assert [found async for found in saver.alist(None, filter={"source": value})] == []
    assert await values_of(saver, config_for(thread_id)) == {"channel": 1}
