"""What the server does once, when it begins to answer."""

import gc

import pytest
from fastapi import FastAPI

from backend.cli.connections import listen
from backend.cli.serve import _Server


@pytest.mark.req("SERVE-R5")
async def test_a_full_collection_passes_over_what_was_imported() -> None:
    """The objects of a million lines of packages are frozen: going through them would hold up every answer for 200 ms."""
    before = gc.get_freeze_count()
    try:
        with listen("127.0.0.1", 0) as listener:
            server = _Server(FastAPI(), lambda: setattr(server, "should_exit", True), tick_seconds=None)
            await server.serve(sockets=[listener])
        assert gc.get_freeze_count() - before > 10_000
    finally:
        gc.unfreeze()
