"""A scripted model behind the OpenAI protocol, on this machine's loopback: the demo's model without a key, and the suite's.

It answers `POST …/chat/completions` with what a function of the prompt returns, names its model "scripted", and keeps
every request. It also misbehaves on demand, as real servers do.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

_MAX_BODY_BYTES: Final = 10_000_000
_TRICKLE_GAP_S: Final = 0.01
_CHARS_A_TOKEN: Final = 4
_NAME_LINE: Final = "Prompt: "


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the server. `text` is the model's words; `raw` stands in for the whole response body.

    `trickles` sends blank lines after the headers and never ends; `delay_s` is seconds before the first byte.
    """

    text: str = ""
    status: int = 200
    raw: str | None = None
    delay_s: float = 0.0
    trickles: bool = False
    model: str = "scripted"
    cached_tokens: int = 0
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One request as it came in; `system` is without the line that names the prompt."""

    prompt_name: str
    system: str
    user: str
    body: dict[str, Any]


Script: TypeAlias = Callable[[str, str, str], str | Reply]
"""(prompt_name, system, user) -> what the model says, or a whole reply."""


class ScriptedModelServer:
    """Serves `script` on a free port of 127.0.0.1 inside `async with`; a script that raises shows when the block ends."""

    _server: asyncio.Server

    def __init__(self, script: Script) -> None:
        self.requests: list[ModelRequest] = []
        self.base_url = ""
        self._script = script
        self._connections: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        outcomes = await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()
        failures = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        if failures and error is None:
            raise failures[0]

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.append(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close; a client that hangs up early ends it quietly."""
        try:
            path, body = await _read_request(reader)
            await _write(writer, self._answer(path, body))
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    def _answer(self, path: str, body: bytes) -> Reply:
        if not path.endswith("/chat/completions"):
            return Reply(status=404, raw=_error(f"there is nothing at {path}"))
        request = _read_prompt(json.loads(body))
        self.requests.append(request)
        said = self._script(request.prompt_name, request.system, request.user)
        reply = said if isinstance(said, Reply) else Reply(said)
        if reply.raw is not None or reply.trickles:
            return reply
        raw = _completion(request, reply) if reply.status == HTTPStatus.OK else _error("scripted failure")
        return replace(reply, raw=raw)


async def _read_request(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    request_line, *header_lines = head.split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in header_lines)}
    length = min(int(headers.get("content-length", "0")), _MAX_BODY_BYTES)
    return request_line.split(" ")[1], await reader.readexactly(length)


async def _write(writer: asyncio.StreamWriter, reply: Reply) -> None:
    await asyncio.sleep(reply.delay_s)
    lines = [
        f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}",
        "Content-Type: application/json",
        "Connection: close",
    ]
    lines += [f"{name}: {value}" for name, value in reply.headers]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    await writer.drain()
    while reply.trickles:
        writer.write(b"\n")
        await writer.drain()
        await asyncio.sleep(_TRICKLE_GAP_S)
    writer.write((reply.raw or "").encode())
    await writer.drain()


def _read_prompt(body: dict[str, Any]) -> ModelRequest:
    """Tell the prompt path by the first line of the system message, `Prompt: campaign:coach_plan`."""
    texts = {message["role"]: str(message["content"]) for message in body["messages"]}
    system, user = texts.get("system", ""), texts.get("user", "")
    name_line, _, rules = system.partition("\n")
    if not name_line.startswith(_NAME_LINE):
        return ModelRequest("", system, user, body)
    return ModelRequest(name_line.removeprefix(_NAME_LINE).strip(), rules.strip(), user, body)


def _completion(request: ModelRequest, reply: Reply) -> str:
    asked = (len(request.system) + len(request.user)) // _CHARS_A_TOKEN
    said = len(reply.text) // _CHARS_A_TOKEN
    return json.dumps(
        {
            "id": "scripted",
            "object": "chat.completion",
            "created": 0,
            "model": reply.model,
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": reply.text}}],
            "usage": {
                "prompt_tokens": asked,
                "completion_tokens": said,
                "total_tokens": asked + said,
                "prompt_cache_hit_tokens": reply.cached_tokens,
            },
        }
    )


def _error(message: str) -> str:
    return json.dumps({"error": {"message": message, "type": "scripted"}})
