"""Stands where LangSmith would."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class LangSmithOnLoopback:
    """Stands where LangSmith would, and keeps every byte it is sent."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.url = ""

    async def keep(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Keep one request, whole, and accept it."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        self.received.append(head + await reader.readexactly(length))
        writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()


@asynccontextmanager
async def langsmith_on_loopback() -> AsyncGenerator[LangSmithOnLoopback, None]:
    """Serve on a free port until the block ends."""
    stand_in = LangSmithOnLoopback()
    async with await asyncio.start_server(stand_in.keep, "127.0.0.1", 0) as server:
        stand_in.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield stand_in
