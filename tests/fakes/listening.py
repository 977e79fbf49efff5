"""A server on loopback for as long as a block lasts; no conversation outlives it."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass

Converse = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Conversations:
    """The port that listens; `ended` is what the conversations came to, known when the block has ended."""

    port: int
    ended: Sequence[BaseException | None] = ()


@contextlib.asynccontextmanager
async def listening(converse: Converse, tls: ssl.SSLContext | None = None) -> AsyncGenerator[Conversations, None]:
    """Answer each connection to a free port with `converse`, over TLS with a context."""
    tasks: set[asyncio.Task[None]] = set()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await converse(reader, writer)

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(hold(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    open_port = Conversations(server.sockets[0].getsockname()[1])
    try:
        yield open_port
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        open_port.ended = await asyncio.gather(*tasks, return_exceptions=True)
