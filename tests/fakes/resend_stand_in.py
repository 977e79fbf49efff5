"""Resend's send call on loopback: it keeps keys with the bodies they came with, and answers as it is told to."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tests.fakes.listening import listening

Answer: TypeAlias = tuple[int, Any]
KEY_USED: Answer = (409, {"name": "invalid_idempotent_request", "message": "used before"})


@dataclass
class ResendStandIn:
    """`says` is told once a request: a status with a body, "cut" before the answer, or "cut after" it was accepted."""

    says: list[str | Answer] = field(default_factory=list["str | Answer"])
    headers: dict[str, str] = field(default_factory=dict[str, str])
    accepted: dict[str, bytes] = field(default_factory=dict[str, bytes])
    heads: list[bytes] = field(default_factory=list[bytes])
    port: int = 0

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncGenerator["ResendStandIn", None]:
        """Serve on a free port until the block ends."""
        async with listening(self._converse) as conversations:
            self.port = conversations.port
            yield self

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            fields = dict(line.split(": ", 1) for line in head.decode().splitlines()[1:] if ": " in line)
            fields = {name.lower(): value for name, value in fields.items()}
            body = await reader.readexactly(int(fields.get("content-length", "0")))
            self.heads.append(head)
            said = self.says.pop(0) if self.says else "accept"
            if said == "cut":
                return
            taken = self._take(fields["idempotency-key"], body) if isinstance(said, str) else said
            if said == "cut after":
                return
            status, answer = taken
            text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            lines = [f"HTTP/1.1 {status} so", f"Content-Length: {len(text)}", "Connection: close"]
            lines += [f"{name}: {value}" for name, value in self.headers.items()]
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + text)
            await writer.drain()

    def _take(self, key: str, body: bytes) -> Answer:
        if self.accepted.setdefault(key, body) != body:
            return KEY_USED
        return 200, {"id": f"id-of-{key}"}
