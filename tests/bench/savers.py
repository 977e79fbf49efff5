"""The savers that are measured: ours, the peer on D1, and LangGraph's own on SQLite, which is only timed."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from backend.checkpointer.saver import D1Saver
from backend.d1.database import open_database
from backend.d1.statements import Statement
from tests.bench.proxy import Proxy
from tests.bench.workloads import Saver

PEER = "langgraph-checkpoint-cloudflare-d1"


@asynccontextmanager
async def open_ours(proxy: Proxy) -> AsyncGenerator[Saver, None]:
    """`D1Saver` over the bridge."""
    async with open_database(proxy.url, proxy.edge.token) as database:
        saver = D1Saver(database)
        await saver.setup()
        yield saver


@asynccontextmanager
async def open_peer(proxy: Proxy) -> AsyncGenerator[Saver, None]:
    """The peer, whose REST endpoint becomes the proxy, in a database where the name of its table is free."""
    module: Any = import_module("langgraph_checkpoint_cloudflare_d1.aio")
    peer: AbstractAsyncContextManager[Any] = module.AsyncCloudflareD1Saver.from_connection_params(
        account_id="local", database_id="local", api_token=proxy.edge.token
    )
    async with peer as saver, open_database(proxy.url, proxy.edge.token) as database:
        await database.batch([Statement("DROP TABLE IF EXISTS checkpoints")])
        saver.base_url = proxy.url
        await saver.setup()
        yield saver


@asynccontextmanager
async def open_sqlite(folder: Path) -> AsyncGenerator[Saver, None]:
    """LangGraph's saver on a SQLite file of this machine: what it costs to have no network at all."""
    module: Any = import_module("langgraph.checkpoint.sqlite.aio")
    sqlite: AbstractAsyncContextManager[Any] = module.AsyncSqliteSaver.from_conn_string(str(folder / "reference.db"))
    async with sqlite as saver:
        yield saver


def peer_version() -> str:
    """Which version of the peer is installed."""
    return version(PEER)
