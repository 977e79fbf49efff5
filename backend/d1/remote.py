"""D1 over HTTP: the bridge Worker and Cloudflare's REST API speak one protocol.

A request is a POST of `{"sql", "params"}` or of `{"batch": [{"sql", "params"}, …]}`. An answer is `{"success": true, "errors":
[], "result": [{"results": …, "success": true, "meta": {…}}, …]}`; `results` is `{"columns": […], "rows": [[…], …]}` or a list
of objects. Anything else is a failure, never an empty result.
"""

import asyncio
import json
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import httpx

from backend.d1 import limits
from backend.d1.failures import Failure, classify
from backend.d1.meter import Meter
from backend.d1.statements import Result, Row, Statement
from backend.egress import trusted_tls
from backend.errors import DatabaseUnreachable, RequestNotTaken, StatementFailed

KEEP_ALIVE_S = 60.0


@dataclass(frozen=True, slots=True)
class HttpPolicy:
    """The bounds within which one batch is tried. A wait is drawn at random below a bound that doubles with each try."""

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
        limits.check_request(body)
        tries = _Tries()
        try:
            async with asyncio.timeout(self._policy.deadline_s):
                return await self._answer(body, len(statements), tries)
        except TimeoutError:
            what = f"no answer within {self._policy.deadline_s:g} s; before that, {tries.last}"
            raise DatabaseUnreachable(what, tries.made) from None

    async def _answer(self, body: bytes, expected: int, tries: "_Tries") -> list[Result]:
        while True:
            tries.made += 1
            self.meter.count_request(statements=expected, bytes_sent=len(body))
            answer = await self._post(body, expected)
            if not isinstance(answer, Failure):
                self.meter.count_results(answer)
                return answer
            tries.last = answer.message
            if answer.turned_away:
                raise RequestNotTaken(answer.turned_away, answer.message)
            if not answer.may_retry:
                raise StatementFailed(answer.message)
            wait_s = self._wait_s(answer, tries.made)
            if tries.made == self._policy.tries or wait_s >= self._policy.deadline_s:
                raise DatabaseUnreachable(answer.message, tries.made)
            await asyncio.sleep(wait_s)

    async def _post(self, body: bytes, expected: int) -> list[Result] | Failure:
        try:
            response = await self._client.post(self._endpoint, content=body)
        except httpx.RequestError as error:
            return Failure(f"{type(error).__name__} {error}".strip(), may_retry=True)
        try:
            answer: Any = response.json()
        except ValueError:
            answer = None
        if response.is_success and isinstance(answer, dict) and answer.get("success") is True:
            return _decode(cast("dict[str, Any]", answer), expected)
        return classify(response.status_code, _message_of(answer, response.status_code), response.headers)

    def _wait_s(self, failure: Failure, tries_made: int) -> float:
        if failure.retry_after_s is not None:
            return failure.retry_after_s
        first = self._policy.overload_wait_s if failure.overloaded else self._policy.first_wait_s
        return random.uniform(0, first * 2 ** (tries_made - 1))  # noqa: S311  # jitter keeps no secret


@dataclass(slots=True)
class _Tries:
    made: int = 0
    last: str = "no answer at all"


@asynccontextmanager
async def open_http(endpoint: str, token: str | None, policy: HttpPolicy) -> AsyncGenerator[HttpDatabase, None]:
    """Open one pool of connections to `endpoint`, reused by every request and closed on leaving.

    Raises:
        SettingRefused: `SSL_CERT_FILE` names no certificates; nothing was opened.
    """
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    client = httpx.AsyncClient(
        headers=headers,
        timeout=policy.deadline_s,
        limits=httpx.Limits(keepalive_expiry=KEEP_ALIVE_S),
        verify=trusted_tls(),
        trust_env=False,  # a proxy of the environment would be handed the bearer token
    )
    async with client:
        yield HttpDatabase(client, endpoint, policy)


def _encode(statements: Sequence[Statement]) -> bytes:
    batch = [{"sql": statement.sql, "params": list(statement.params)} for statement in statements]
    body: Any = batch[0] if len(batch) == 1 else {"batch": batch}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _decode(answer: dict[str, Any], expected: int) -> list[Result] | Failure:
    try:
        results = [_decode_result(result) for result in answer["result"]]
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return Failure("an answer that is not D1's", may_retry=True)
    if len(results) != expected:
        return Failure(f"{len(results)} results for {expected} statements", may_retry=True)
    return results


def _decode_result(result: dict[str, Any]) -> Result:
    if result["success"] is not True:
        message = "a result without success"
        raise ValueError(message)
    meta: dict[str, Any] = result["meta"]
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
        messages = [str(error["message"]) for error in answer["errors"]]
    except (KeyError, TypeError):
        messages = []
    return "; ".join(messages) or f"HTTP {status} that is not D1's answer"
