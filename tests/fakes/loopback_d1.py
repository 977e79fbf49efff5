"""Cloudflare's REST `/raw` on loopback, over any database: what the network and D1 may do to a request, done on purpose."""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, Literal

from backend.d1.statements import Database, Result, Statement
from backend.errors import StatementFailed
from tests.fakes.listening import listening


@dataclass(frozen=True)
class Answered:
    """D1 is not asked; this is the answer."""

    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict[str, str])


Fault = Answered | Literal["answer lost", "hung"]
"""`answer lost`: the batch is committed and the connection ends. `hung`: nothing comes, however long one waits."""


def refused(message: str, status: int = 400, **headers: str) -> Answered:
    """What D1's REST API answers when it refuses."""
    body = {"success": False, "errors": [{"code": 7500, "message": message}], "messages": [], "result": []}
    return Answered(status, json.dumps(body), headers)


@dataclass
class LoopbackD1:
    """Each request takes the next fault, or none when they are used up."""

    database: Database
    faults: deque[Fault] = field(default_factory=deque[Fault])
    requests: list[tuple[str, dict[str, str], Any]] = field(default_factory=list[tuple[str, dict[str, str], Any]])
    connections: int = 0
    url: str = ""

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncGenerator["LoopbackD1", None]:
        """Serve on a free port until the block ends."""
        async with listening(self._converse) as conversations:
            self.url = f"http://127.0.0.1:{conversations.port}"
            yield self
        assert [error for error in conversations.ended if isinstance(error, Exception)] == []

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await self._exchange(reader, writer):
                pass

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        request_line, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = json.loads(await reader.readexactly(int(headers["content-length"])))
        self.requests.append((request_line.split()[1], headers, body))
        fault = self.faults.popleft() if self.faults else None
        if fault == "hung":
            await reader.read()
            return False
        answer = fault if isinstance(fault, Answered) else await self._run(body)
        if fault == "answer lost":
            return False
        await _send(writer, answer)
        return True

    async def _run(self, body: Any) -> Answered:
        batch = [Statement(each["sql"], tuple(each["params"])) for each in body.get("batch", [body])]
        try:
            results = await self.database.batch(batch)
        except StatementFailed as failed:
            return refused(failed.message)
        return Answered(200, json.dumps({"success": True, "errors": [], "messages": [], "result": [*map(_shape, results)]}))


def _shape(result: Result) -> dict[str, Any]:
    columns = list(result.rows[0]) if result.rows else []
    rows = [list(row.values()) for row in result.rows]
    meta = {"rows_read": result.rows_read, "rows_written": result.rows_written, "changes": 0}
    return {"success": True, "results": {"columns": columns, "rows": rows}, "meta": meta}


async def _send(writer: asyncio.StreamWriter, answer: Answered) -> None:
    body = answer.body.encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), **answer.headers}
    lines = [f"HTTP/1.1 {answer.status} .", *(f"{name}: {value}" for name, value in headers.items())]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    await writer.drain()
