"""Encryption at rest: nothing readable, nothing plain accepted."""

import sys
from typing import Any

import pytest

from backend.checkpointer.saver import D1Saver
from backend.d1.meter import MeteredDatabase
from backend.d1.statements import Statement
from backend.errors import CheckpointTampered, SettingRefused
from tests.d1.graphs import chat_graph, config_for, put, values_of

KEY = "a key of at least 32 characters."
SECRET = "Ada Lovelace of Example GmbH"
TABLES = ("checkpoints", "checkpoint_writes", "checkpoint_blobs", "checkpoint_runs")


async def every_text(database: MeteredDatabase) -> str:
    """All that the checkpointer's tables hold."""
    results = await database.batch([Statement(f"SELECT * FROM {table}") for table in TABLES])  # noqa: S608  # names from above
    return "\n".join(str(result.rows) for result in results)


@pytest.fixture
def encrypted(embedded: MeteredDatabase) -> D1Saver:
    """A saver with a key."""
    return D1Saver(embedded, KEY)


@pytest.mark.req("D1-R20")
async def test_nothing_of_a_conversation_is_readable(encrypted: D1Saver, embedded: MeteredDatabase, thread_id: str) -> None:
    """Messages, writes, blobs and metadata are all under the key; equal texts do not show as equal bodies."""
    graph, config = chat_graph(encrypted, f"{SECRET} " * 500), config_for(thread_id, metadata={"who": SECRET})
    for _ in range(2):
        await graph.ainvoke({"messages": [("user", SECRET)]}, config)
    assert SECRET not in await every_text(embedded)
    found = await embedded.batch([Statement(f"SELECT body FROM {table}") for table in TABLES[:3]])  # noqa: S608  # names
    texts = [row["body"] for result in found for row in result.rows]
    assert all(text.split(":")[0].endswith("+aes") for text in texts)
    assert len(set(texts)) == len(texts)
    assert SECRET in str((await graph.aget_state(config)).values)


@pytest.mark.req("D1-R20")
async def test_the_same_conversation_without_a_key_is_readable(
    saver: D1Saver, embedded: MeteredDatabase, thread_id: str
) -> None:
    """The control: metadata is compared in the open, and what shows with a key set would show here."""
    await put(saver, thread_id, {"who": SECRET})
    assert "+aes" not in await every_text(embedded)
    assert await values_of(D1Saver(embedded), config_for(thread_id)) == {"who": SECRET}


@pytest.mark.req("D1-R20")
async def test_a_row_without_encryption_is_refused_under_a_key(
    saver: D1Saver, encrypted: D1Saver, embedded: MeteredDatabase, thread_id: str
) -> None:
    """A plain body put in the place of an encrypted one is not read, nor is a plain write, nor a plain blob."""
    config = await put(saver, thread_id, {"channel": "x" * 9_000})
    await saver.aput_writes(config, [("channel", "planted")], "task")
    with pytest.raises(CheckpointTampered, match=thread_id):
        await encrypted.aget_tuple(config)
    plain = await embedded.batch([Statement(f"SELECT body FROM {table}") for table in TABLES[:3]])  # noqa: S608  # names
    for table, result in zip(TABLES[:3], plain, strict=True):
        await encrypted.adelete_thread(thread_id)
        sealed = await put(encrypted, thread_id, {"channel": "x" * 9_000})
        await encrypted.aput_writes(sealed, [("channel", "y" * 9_000)], "task")
        await embedded.batch([Statement(f"UPDATE {table} SET body = ?1", (result.rows[0]["body"],))])  # noqa: S608  # a name
        with pytest.raises(CheckpointTampered, match=r"'(raw|zip)' stands where only raw\+aes or zip\+aes"):
            await encrypted.aget_tuple(config_for(thread_id))


@pytest.mark.req("D1-R20")
async def test_another_key_opens_nothing(encrypted: D1Saver, embedded: MeteredDatabase, thread_id: str) -> None:
    """Neither a wrong key nor none gives anything away."""
    await put(encrypted, thread_id, {"who": SECRET})
    for key in ("b" + KEY[1:], None):
        with pytest.raises(CheckpointTampered, match=f"'{thread_id}'") as refused:
            await D1Saver(embedded, key).aget_tuple(config_for(thread_id))
        assert SECRET not in str(refused.value)


@pytest.mark.req("D1-R20")
async def test_filters_work_under_a_key(encrypted: D1Saver, thread_id: str) -> None:
    """Metadata is found by equality although only digests of it can be seen."""
    config = config_for(thread_id, metadata={"who": SECRET, "score": 42})
    await chat_graph(encrypted, "hello").ainvoke({"messages": [("user", "hi")]}, config)
    wanted: dict[str, Any] = {"who": SECRET, "score": 42, "source": "input"}
    assert len([found async for found in encrypted.alist(None, filter=wanted)]) == 1
    assert [found async for found in encrypted.alist(None, filter={"who": "Somebody Else"})] == []


@pytest.mark.req("D1-R20")
@pytest.mark.parametrize("key", ["", "short", "x" * 31])
def test_a_short_key_does_not_start(embedded: MeteredDatabase, key: str) -> None:
    """The variable is named, the key is not shown."""
    with pytest.raises(SettingRefused, match=f"CHECKPOINT_KEY is {len(key)} characters long"):
        D1Saver(embedded, key)


@pytest.mark.req("D1-R20")
def test_a_key_without_the_extra_does_not_start(embedded: MeteredDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `cryptography` is not installed a key is refused, rather than ignored."""
    for name in ["cryptography", *(name for name in sys.modules if name.startswith("cryptography."))]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SettingRefused, match=r"CHECKPOINT_KEY needs the extra agentic-sales\[encryption\]"):
        D1Saver(embedded, KEY)
