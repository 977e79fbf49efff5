"""Runs beside each other on one saver: a reader gets its turn, and an answer that was lost misleads nobody."""

import asyncio

import pytest

from backend.d1.checkpointer import D1Saver
from backend.d1.meter import MeteredDatabase
from tests.d1.graphs import config_for, put
from tests.fakes.wavering_database import WaveringDatabase


@pytest.mark.req("D1-R13")
async def test_a_reader_waits_only_for_what_came_before_it(embedded: MeteredDatabase) -> None:
    """Inputs of another thread keep arriving, one in each batch that is in flight: the read ends all the same."""
    wavering = WaveringDatabase(embedded)
    saver = D1Saver(wavering)
    await saver.aget_tuple(config_for("busy"))
    await asyncio.create_task(put(saver, "busy", {}, source="input"))
    reader = asyncio.create_task(saver.aget_tuple(config_for("idle")))
    for _ in range(50):
        sent = len(wavering.batches)
        await asyncio.create_task(put(saver, "busy", {}, source="input"))
        while len(wavering.batches) == sent:
            await asyncio.sleep(0)
    assert reader.done()
    await reader
    await saver.aget_tuple(config_for("busy"))
