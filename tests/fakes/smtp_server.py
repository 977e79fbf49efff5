"""An SMTP server on loopback that answers each step as it is told: a reply, silence, or the end of the connection."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.fakes.listening import listening

CUT: Final = "cut"
HANG: Final = "hang"
_ANSWERS: Final[Mapping[str, str]] = {
    "connect": "220 ready",
    "EHLO": "250-here\r\n250 8BITMIME",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go on",
    ".": "250 2.0.0 queued as {count}",
    "QUIT": "221 bye",
}


@dataclass
class SmtpStandIn:
    """`says` replaces the answer to a step; `accepted` are the texts it took. "text" is cut before the dot is read."""

    says: dict[str, str] = field(default_factory=dict[str, str])
    accepted: list[bytes] = field(default_factory=list[bytes])
    port: int = 0

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncGenerator["SmtpStandIn", None]:
        """Serve on a free port until the block ends."""
        async with listening(self._converse) as conversations:
            self.port = conversations.port
            yield self

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._answer(writer, "connect")
            while line := await reader.readline():
                word = line.split()[0].decode().upper()
                await self._answer(writer, word)
                if word == "DATA" and self.says.get("DATA", "354").startswith("354"):
                    await self._take(reader, writer)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        text = b""
        while (line := await reader.readline()) != b".\r\n":
            text += line
            if self.says.get("text") == CUT:
                writer.transport.abort()
                raise ConnectionAbortedError
        if self.says.get(".", "250").startswith(("250", CUT, HANG)):
            self.accepted.append(text)
        await self._answer(writer, ".")

    async def _answer(self, writer: asyncio.StreamWriter, step: str) -> None:
        said = self.says.get(step, _ANSWERS.get(step, "502 what"))
        if said == HANG:
            await asyncio.Event().wait()
        if said == CUT:
            writer.transport.abort()
            raise ConnectionAbortedError
        writer.write(f"{said.replace('{count}', str(len(self.accepted)))}\r\n".encode())
        await writer.drain()
