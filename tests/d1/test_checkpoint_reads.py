"""Reading: how many requests, and which checkpoints."""

import pytest

from backend.checkpointer.saver import PAGE_SIZE, D1Saver
from backend.checkpointer.sql import Place, select_ancestors
from backend.d1.meter import MeteredDatabase
from tests.d1.graphs import config_for, delta_graph, put


async def steps(saver: D1Saver, thread_id: str, count: int) -> None:
    """A thread of that many checkpoints."""
    parent = None
    for _ in range(count):
        parent = await put(saver, thread_id, {"text": "x" * 5_000}, parent=parent)


@pytest.mark.req("D1-R23")
@pytest.mark.parametrize("database", ["embedded", "worker"], indirect=True)
async def test_the_history_of_a_delta_channel_is_one_request(database: MeteredDatabase, thread_id: str) -> None:
    """Its state is two requests, the checkpoint and its ancestors, after one turn as after eight."""
    saver = D1Saver(database)
    graph = delta_graph(saver)
    spent: list[int] = []
    for turn in range(8):
        await graph.ainvoke({"log": [f"turn {turn}"]}, config_for(thread_id), durability="sync")
        before = database.meter.copy()
        assert len((await graph.aget_state(config_for(thread_id))).values["log"]) == 2 * turn + 2
        spent.append(database.meter.since(before).requests)
    assert max(spent) == 2
    before = database.meter.copy()
    history = await saver.aget_delta_channel_history(config=config_for(thread_id), channels=["log", "unknown"])
    assert history["log"]["writes"]
    assert history["unknown"] == {"writes": []}
    assert database.meter.since(before).requests == 2


@pytest.mark.req("D1-R23")
@pytest.mark.parametrize("database", ["embedded", "worker"], indirect=True)
async def test_the_ancestors_of_the_latest_are_found_without_its_id(database: MeteredDatabase, thread_id: str) -> None:
    """The statements find the latest themselves, and read the same as when they are given its id."""
    saver = D1Saver(database)
    await steps(saver, thread_id, 3)
    latest = await saver.aget_tuple(config_for(thread_id))
    assert latest is not None
    named = await database.batch(select_ancestors(Place(thread_id, "", latest.checkpoint["id"]), '["unknown"]'))
    found = await database.batch(select_ancestors(Place(thread_id, ""), '["unknown"]'))
    assert [result.rows for result in found] == [result.rows for result in named]
    assert len(found[0].rows) == 2


@pytest.mark.req("D1-R23")
async def test_no_channels_have_no_history(saver: D1Saver, embedded: MeteredDatabase, thread_id: str) -> None:
    """Nothing is asked for them; an unknown thread has none either."""
    before = embedded.meter.copy()
    assert await saver.aget_delta_channel_history(config=config_for(thread_id), channels=[]) == {}
    assert embedded.meter.since(before).requests == 0
    assert await saver.aget_delta_channel_history(config=config_for(thread_id), channels=["log"]) == {"log": {"writes": []}}


@pytest.mark.req("D1-R24")
@pytest.mark.parametrize(("count", "requests"), [(0, 1), (20, 1), (PAGE_SIZE, 2), (60, 3)])
async def test_a_history_is_read_in_pages(
    saver: D1Saver, embedded: MeteredDatabase, thread_id: str, count: int, requests: int
) -> None:
    """Twenty checkpoints are one request; sixty are three, newest first, none twice and none left out."""
    await steps(saver, thread_id, count)
    await steps(saver, "another", 3)
    before = embedded.meter.copy()
    ids = [found.checkpoint["id"] async for found in saver.alist(config_for(thread_id))]
    assert embedded.meter.since(before).requests == requests
    assert (len(ids), ids) == (count, sorted(set(ids), reverse=True))


async def test_a_limit_is_the_most_there_is(saver: D1Saver, embedded: MeteredDatabase, thread_id: str) -> None:
    """A limit past a page is kept over pages; a limit of zero lists nothing and asks nothing."""
    await steps(saver, thread_id, 40)
    for limit in (1, 24, PAGE_SIZE, 30, 40, 99):
        found = [each async for each in saver.alist(config_for(thread_id), limit=limit)]
        assert len(found) == min(limit, 40)
    before = embedded.meter.copy()
    assert [each async for each in saver.alist(config_for(thread_id), limit=0)] == []
    assert embedded.meter.since(before).requests == 0


async def test_pages_go_over_threads_that_share_their_ids(saver: D1Saver, thread_id: str) -> None:
    """A copied thread has the ids of its source; listed together, each of both is there once."""
    await steps(saver, thread_id, 30)
    await saver.acopy_thread(thread_id, "copy")
    found = [(each.config.get("configurable", {})["thread_id"], each.checkpoint["id"]) async for each in saver.alist(None)]
    assert len(found) == len(set(found)) == 60


@pytest.mark.req("D1-R21")
async def test_a_filter_compares_as_python_does(saver: D1Saver, thread_id: str) -> None:
    """1.0 is 1, None is absent, long texts and nested values count whole; True is not "true"."""
    long = "a text longer than a tag is kept as itself"
    config = config_for(thread_id, metadata={"score": 1, "long": long, "yes": True})
    await put(saver, thread_id, {}, parent=config)

    async def found(**wanted: object) -> int:
        return len([each async for each in saver.alist(config_for(thread_id), filter=wanted)])

    assert [await found(score=1.0), await found(long=long), await found(yes=True), await found(missing=None)] == [1, 1, 1, 1]
    assert await found(parents={}, source="loop", step=0) == 1
    assert [await found(score="1"), await found(long=long[:-1]), await found(yes="true"), await found(score=None)] == [0] * 4
