"""Clients that are slow, gone or too many, at a server's own sockets."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import h11
import pytest
from uvicorn.server import ServerState

from backend.cli import connections
from backend.cli.connections import DeadlineConnection, configure, listen

HEAD = b"POST / HTTP/1.1\r\nHost: door\r\nContent-Length: 5\r\n\r\n"
WHOLE = HEAD + b"12345"
DEADLINE_S = 0.2


@dataclass
class Served:
    """A server whose application answers 200, after `before_answer`, without reading a body."""

    port: int = 0
    state: ServerState = field(default_factory=ServerState)
    before_answer: Callable[[], Awaitable[Any]] = field(default=lambda: asyncio.sleep(0))
    writers: list[asyncio.StreamWriter] = field(default_factory=list[asyncio.StreamWriter])

    async def app(self, scope: Any, _receive: Any, send: Any) -> None:
        """Answer."""
        assert scope["type"] == "http"
        await self.before_answer()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers.append(writer)
        return reader, writer

    async def close(self) -> None:
        """Close every connection, at both ends."""
        for connection in list(self.state.connections):
            connection.transport.abort()
        for writer in self.writers:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@pytest.fixture
async def served(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Served]:
    """A server with short deadlines, for one connection."""
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 1)
    monkeypatch.setattr(connections, "DEADLINES_S", {h11.IDLE: DEADLINE_S, h11.SEND_BODY: DEADLINE_S})
    served = Served()
    config = configure(served.app)
    listener = listen("127.0.0.1", 0)
    served.port = listener.getsockname()[1]
    make = lambda: DeadlineConnection(config, served.state, {})  # noqa: E731  # as uvicorn makes its own
    async with await asyncio.get_running_loop().create_server(make, sock=listener):
        yield served
        await served.close()


async def is_closed(reader: asyncio.StreamReader) -> bool:
    """Read to the end of the connection, which comes by a close or by a reset."""
    with suppress(ConnectionError):
        while await reader.read(1024):
            pass
    return True


async def trickle(writer: asyncio.StreamWriter) -> None:
    """Send a letter now and then for as long as somebody takes them."""
    with suppress(ConnectionError):
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(DEADLINE_S / 5)


@pytest.mark.req("SERVE-R5")
async def test_an_answer_is_not_held_back_for_an_acknowledgement(served: Served) -> None:
    """An accepted socket has TCP_NODELAY: else the second part of an answer waits some 40 ms for the client's delayed ACK."""
    reader, writer = await served.connect()
    writer.write(WHOLE)
    await reader.readuntil(b"ok")
    (connection,) = served.state.connections
    accepted = connection.transport.get_extra_info("socket")
    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000


@pytest.mark.req("SERVE-R6")
@pytest.mark.parametrize("begun", [b"", b"GET / HTT", b"GET / HTTP/1.1\r\nX: "], ids=["nothing", "a line", "a header"])
async def test_a_head_that_does_not_end_is_closed(served: Served, begun: bytes) -> None:
    """Letters that keep coming do not put it off."""
    reader, writer = await served.connect()
    writer.write(begun)
    trickling = asyncio.create_task(trickle(writer) if begun else asyncio.sleep(0))
    assert await is_closed(reader)
    await trickling
    assert served.state.connections == set()


@pytest.mark.req("SERVE-R6")
async def test_a_body_that_does_not_end_is_closed(served: Served) -> None:
    """Even where the request was answered without it."""
    reader, writer = await served.connect()
    writer.write(HEAD.replace(b"5", b"5000"))
    await reader.readuntil(b"ok")
    trickling = asyncio.create_task(trickle(writer))
    assert await is_closed(reader)
    await trickling


@pytest.mark.req("SERVE-R6")
async def test_a_second_head_that_does_not_end_is_closed(served: Served) -> None:
    """A connection that behaved once is watched as before."""
    reader, writer = await served.connect()
    writer.write(WHOLE)
    await reader.readuntil(b"ok")
    trickling = asyncio.create_task(trickle(writer))
    assert await is_closed(reader)
    await trickling


@pytest.mark.req("SERVE-R6")
async def test_who_waits_for_an_answer_or_rests_is_not_cut_off(served: Served) -> None:
    """A request that is whole has no deadline here, and between two requests the keep-alive time holds."""
    served.before_answer = lambda: asyncio.sleep(2 * DEADLINE_S)
    reader, writer = await served.connect()
    for _ in range(2):
        writer.write(WHOLE)
        await reader.readuntil(b"ok")
        await asyncio.sleep(2 * DEADLINE_S)


@pytest.mark.req("SERVE-R7")
async def test_connections_beyond_the_bounds_are_answered_503_or_closed(served: Served) -> None:
    """One too many is told so at once; one beyond twice the bound is closed unread; those before go on."""
    connections.DEADLINES_S.clear()
    first_reader, first_writer = await served.connect()
    second_reader, second_writer = await served.connect()
    second_writer.write(WHOLE)
    assert (await second_reader.readline()).startswith(b"HTTP/1.1 503 ")
    assert await is_closed(second_reader)
    first_writer.write(WHOLE)
    await first_reader.readuntil(b"ok")
    resting, beyond = await served.connect(), await served.connect()
    assert await is_closed(beyond[0])
    assert not resting[0].at_eof()
