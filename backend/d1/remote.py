"""D1 over HTTP: the bridge Worker and Cloudflare's REST API speak the same protocol.

A request is `POST` with `{"sql", "params"}` or `{"batch": [{"sql", "params"}, …]}`; an answer is
`{"success": true, "errors": [], "result": [{"results": …, "success": true, "meta": {…}}, …]}`, where `results` is a list of objects
or `{"columns": […], "rows": [[…], …]}`.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import httpx

from backend.d1 import limits
from backend.d1.failures import Failure, classify
from backend.d1.meter import Meter
from backend.errors import DatabaseUnreachable, StatementFailed
from backend.ports import Result, Row, Statement


@dataclass(frozen=True, slots=True)
class HttpPolicy:
    """How long and how often one batch is tried. Times are seconds; a wait is drawn at random up to its bound, which doubles."""

    tries: int = 5
    deadline_s: float = 30.0
    first_wait_s: float = 0.1
    overload_wait_s: float = 1.0


class HttpDatabase:
    """The two HTTP transports; made by `open_http`."""

    def __init__(self, client: httpx.AsyncClient, endpoint: str, policy: HttpPolicy) -> None:
        self.meter = Meter()
        self._client = client
        self._endpoint = endpoint
        self._policy = policy

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """Run `statements` as one transaction; see `Database.batch`."""
        limits.check_statements(statements)
        if not statements:
            return []
        body = _encode(statements)
        last = "the deadline passed"
        tried = 0
        try:
            async with asyncio.timeout(self._policy.deadline_s):
                while tried < self._policy.tries:
                    tried += 1
                    self.meter.count_request(statements=len(statements), bytes_sent=len(body))
                    answer = await self._post(body, expected=len(statements))
                    if not isinstance(answer, Failure):
                        self.meter.count_results(answer)
                        return answer
                    if not answer.may_retry:
                        raise StatementFailed(answer.message)
                    last = answer.message
                    if tried < self._policy.tries:
                        await asyncio.sleep(self._wait_s(answer, tried))
        except TimeoutError:
            last = f"no answer within {self._policy.deadline_s:g} s ({last})"
        raise DatabaseUnreachable(last, tries=tried)

    async def _post(self, body: bytes, expected: int) -> list[Result] | Failure:
        try:
            response = await self._client.post(self._endpoint, content=body)
        except httpx.HTTPError as error:
            return Failure(f"{type(error).__name__}: {error}", may_retry=True)
        try:
            answer: Any = response.json()
        except ValueError:
            return classify(response.status_code, f"HTTP {response.status_code} without JSON", response.headers)
        if response.is_success and isinstance(answer, dict) and answer.get("success") is True:
            return _decode(cast("dict[str, Any]", answer), expected)
        return classify(response.status_code, _message_of(answer, response.status_code), response.headers)

    def _wait_s(self, failure: Failure, tried: int) -> float:
        if failure.retry_after_s is not None:
            return failure.retry_after_s
        first = self._policy.overload_wait_s if failure.overloaded else self._policy.first_wait_s
        return random.uniform(0, first * 2 ** (tried - 1))  # noqa: S311  # jitter keeps no secret


@asynccontextmanager
async def open_http(endpoint: str, token: str | None, policy: HttpPolicy) -> AsyncIterator[HttpDatabase]:
    """Open one pool of connections to `endpoint`, which is reused until it is closed on leaving."""
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    async with httpx.AsyncClient(headers=headers, timeout=policy.deadline_s) as client:
        yield HttpDatabase(client, endpoint, policy)


def _encode(statements: Sequence[Statement]) -> bytes:
    batch = [{"sql": statement.sql, "params": list(statement.params)} for statement in statements]
    body: Any = batch[0] if len(batch) == 1 else {"batch": batch}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _decode(answer: dict[str, Any], expected: int) -> list[Result] | Failure:
    try:
        results = [_decode_result(result) for result in answer["result"]]
    except (KeyError, TypeError, ValueError, AttributeError):
        return Failure("an answer that is not D1's", may_retry=True)
    if len(results) != expected:
        return Failure(f"{len(results)} results for {expected} statements", may_retry=True)
    return results


def _decode_result(result: dict[str, Any]) -> Result:
    if result["success"] is not True:
        message = "a statement without success"
        raise ValueError(message)
    meta: dict[str, Any] = result.get("meta") or {}
    return Result(
        rows=_rows_of(result["results"]),
        rows_read=int(meta.get("rows_read", 0)),
        rows_written=int(meta.get("rows_written", 0)),
    )


def _rows_of(results: Any) -> list[Row]:
    if isinstance(results, dict):
        table = cast("dict[str, Any]", results)
        return [dict(zip(table["columns"], values, strict=True)) for values in table["rows"]]
    return [dict(row) for row in results]


def _message_of(answer: Any, status: int) -> str:
    try:
        return "; ".join(str(error["message"]) for error in answer["errors"]) or f"HTTP {status} without success"
    except (KeyError, TypeError):
        return f"HTTP {status} without success"
