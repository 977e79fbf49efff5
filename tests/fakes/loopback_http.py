"""A server on loopback that answers every request alike and keeps what it was sent: a model's, D1's, or a proxy's stand-in."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.fakes.listening import listening

_PIECE_BYTES: Final = 65_536


def completion(content: str = "{}", **fields: Any) -> bytes:
    """The body of a chat completion with this text and these fields beside it."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
    return json.dumps({"object": "chat.completion", "model": "local", "choices": [choice], **fields}).encode()


@dataclass
class LoopbackHttp:
    """`requests` are whole requests as they came, `connections` counts also those that never sent one."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    requests: list[bytes] = field(default_factory=list[bytes])
    connections: int = 0
    port: int = 0

    @contextlib.asynccontextmanager
    async def listening(self, tls: ssl.SSLContext | None = None) -> AsyncGenerator["LoopbackHttp", None]:
        """Serve on a free port until the block ends, over TLS with a context."""
        async with listening(self._converse, tls) as conversations:
            self.port = conversations.port
            yield self

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            self.requests.append(head + await reader.readexactly(length))
            lines = ["HTTP/1.1 200 OK", "Content-Type: application/json", "Connection: close"]
            lines += [f"{name}: {value}" for name, value in self.headers.items()]
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
            for start in range(0, len(self.body), _PIECE_BYTES):
                writer.write(self.body[start : start + _PIECE_BYTES])
                await writer.drain()
