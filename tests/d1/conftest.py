"""One database over each transport, a saver on it, and keys no other test uses."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from backend.checkpointer.saver import D1Saver
from backend.d1.database import open_database
from backend.d1.embedded import open_embedded
from backend.d1.meter import MeteredDatabase
from backend.d1.remote import HttpPolicy
from tests.d1.wrangler import Edge
from tests.databases import place_migrated
from tests.fakes.loopback_d1 import LoopbackD1
from tests.fakes.wavering_database import WaveringDatabase

TRANSPORTS = ["embedded", "bridge", "rest", "worker"]
"""SQLite; the two HTTP clients over a loopback double; the bridge over real local D1."""

NO_WAITING = HttpPolicy(first_wait_s=0, overload_wait_s=0)


@pytest.fixture(params=TRANSPORTS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[MeteredDatabase, None]:
    """A migrated database over one transport; over the Worker other tests use it too."""
    async with AsyncExitStack() as stack:
        if request.param == "worker":
            edge: Edge = request.getfixturevalue("edge")
            yield await stack.enter_async_context(open_database(edge.url, edge.token))
            return
        await place_migrated(tmp_path / "d1.db")
        embedded = await stack.enter_async_context(open_database(f"sqlite:///{tmp_path}/d1.db"))
        if request.param == "embedded":
            yield embedded
            return
        server = await stack.enter_async_context(LoopbackD1(embedded).listening())
        url = server.url if request.param == "bridge" else "d1://account/database"
        yield await stack.enter_async_context(open_database(url, "token", policy=NO_WAITING, cloudflare_api=server.url))


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncGenerator[MeteredDatabase, None]:
    """A migrated SQLite file."""
    await place_migrated(tmp_path / "own.db")
    async with open_embedded(f"{tmp_path}/own.db") as database:
        yield database


@pytest.fixture
def wavering(embedded: MeteredDatabase) -> WaveringDatabase:
    """The embedded database, under control."""
    return WaveringDatabase(embedded)


@pytest.fixture
async def server(embedded: MeteredDatabase) -> AsyncGenerator[LoopbackD1, None]:
    """D1's REST on loopback, which fails as it is told."""
    async with LoopbackD1(embedded).listening() as listening:
        yield listening


@pytest.fixture
def saver(embedded: MeteredDatabase) -> D1Saver:
    """A saver without a key, alone on its database."""
    return D1Saver(embedded)


@pytest.fixture
def thread_id() -> str:
    """A thread no other test uses."""
    return uuid4().hex
