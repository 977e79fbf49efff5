"""Failures as RFC 9457 problem documents: the status stands on the error's class, its facts are members, its words the detail.

Nothing a request held is echoed: a refused field is named, never shown. What was not foreseen is answered without internals.
"""

import json
import re
import traceback
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.api.fields import PATTERNS_IN_WORDS
from backend.domain.text import cut_on_word, one_line
from backend.errors import AgenticSalesError, BadRequest, public_sentence

MEDIA_TYPE = "application/problem+json"
MAX_NAMED_FIELDS = 20
MAX_WHERE_CHARS = 120

_HEADERS = {HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"}, HTTPStatus.REQUEST_TIMEOUT: {"Connection": "close"}}

_log = structlog.get_logger()


class RefusedField(BaseModel):
    """One field that was not taken: where it stands in the request, and why."""

    where: str = Field(max_length=MAX_WHERE_CHARS)
    why: str


class Problem(BaseModel):
    """A failure in the form of RFC 9457; further members hold the facts of the failure."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="names the kind of failure", pattern="^(about:blank|urn:agentic-sales:[a-z-]+)$")
    title: str = Field(min_length=1)
    status: int = Field(ge=400, le=599)
    detail: str = Field(min_length=1, description="what happened, what was not written, what to do")
    errors: list[RefusedField] = Field([], max_length=MAX_NAMED_FIELDS, description="of a 422 alone: what was not taken")


def install_problems(app: FastAPI) -> None:
    """Answer every failure of `app` with a problem document."""
    app.add_exception_handler(AgenticSalesError, _answer_ours)
    app.add_exception_handler(RequestValidationError, _answer_refused_input)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_middleware(LastResort)


def kind_of(error: type[AgenticSalesError]) -> str:
    """The `type` member of this class of error."""
    return f"urn:agentic-sales:{'-'.join(_words(error)).lower()}"


def document_of(error: AgenticSalesError) -> dict[str, Any]:
    """The members of a failure's document: its kind, its words, its facts."""
    title = " ".join(_words(type(error))).capitalize()
    return _document(error.status, public_sentence(error), kind_of(type(error)), title, getattr(error, "facts", None))


def problem(  # noqa: PLR0913  # one argument a member of RFC 9457
    status: int,
    detail: str,
    *,
    kind: str = "about:blank",
    title: str = "",
    headers: Mapping[str, str] | None = None,
    members: Mapping[str, Any] | None = None,
) -> Response:
    """Build the answer; without a title it bears the status' own phrase."""
    return _answer(status, _document(status, detail, kind, title or HTTPStatus(status).phrase, members), headers)


def _document(status: int, detail: str, kind: str, title: str, members: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"type": kind, "title": title, "status": status, "detail": detail, **(members or {})}


def _answer(status: int, document: Mapping[str, Any], headers: Mapping[str, str] | None) -> Response:
    # In ASCII, because a detail may quote half of a surrogate pair.
    return Response(json.dumps(document), status, dict(headers or {}), MEDIA_TYPE)


async def _answer_ours(request: Request, error: Exception) -> Response:
    ours = cast("AgenticSalesError", error)
    if ours.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("request.failed", method=request.method, path=_template(request.scope), error=type(ours).__name__)
    return _answer(ours.status, document_of(ours), _HEADERS.get(HTTPStatus(ours.status)))


async def _answer_refused_input(request: Request, error: Exception) -> Response:
    found = cast("Sequence[dict[str, Any]]", cast("RequestValidationError", error).errors())
    errors = [_refused_field(item, is_json=_is_json(request)) for item in found]
    more = f" ({len(errors) - MAX_NAMED_FIELDS} more)" if len(errors) > MAX_NAMED_FIELDS else ""
    detail = f"The request does not hold what it must: {errors[0]['where']}: {errors[0]['why']}{more}. Nothing was written."
    return _refuse_input(detail, errors[:MAX_NAMED_FIELDS])


async def _answer_http(_request: Request, error: Exception) -> Response:
    refusal = cast("HTTPException", error)
    if refusal.status_code == HTTPStatus.BAD_REQUEST:
        return _refuse_input("The body cannot be read as JSON. Nothing was written.", [])
    details = {
        HTTPStatus.NOT_FOUND: "There is nothing at this path; GET /openapi.json lists what there is.",
        HTTPStatus.METHOD_NOT_ALLOWED: "This path does not take this method.",
    }
    detail = details.get(HTTPStatus(refusal.status_code), str(refusal.detail))
    return problem(refusal.status_code, detail, headers=refusal.headers)


def _refused_field(item: Mapping[str, Any], *, is_json: bool) -> dict[str, str]:
    location, kind = item["loc"], item["type"]
    if kind == "json_invalid":
        return {"where": "body", "why": f"is not JSON from character {location[1] + 1} on"}
    if location == ("body",) and kind != "missing" and not is_json:
        return {"where": "body", "why": "is not read without the header Content-Type: application/json"}
    pattern = item.get("ctx", {}).get("pattern")
    return {"where": _where(location), "why": PATTERNS_IN_WORDS.get(pattern) or item["msg"].removeprefix("Value error, ")}


def _is_json(request: Request) -> bool:
    """Tell whether the body is one that is read as JSON, by what its sender says of it."""
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _refuse_input(detail: str, errors: list[dict[str, str]]) -> Response:
    title = " ".join(_words(BadRequest)).capitalize()
    return problem(BadRequest.status, detail, kind=kind_of(BadRequest), title=title, members={"errors": errors})


class LastResort:
    """Answers what nobody foresaw with 500 and no internals, and logs where it happened without what it said."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = False

        async def note_start(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, note_start)
        except Exception as error:
            if scope["type"] != "http" or started:
                raise
            frames = traceback.extract_tb(error.__traceback__)
            places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
            asked = {"method": scope["method"], "path": _template(scope)}
            _log.error("request.crashed", error=type(error).__name__, exception=places, **asked)
            answer = problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something unforeseen happened; the log says where.")
            await answer(scope, receive, send)


def _template(scope: Scope) -> str:
    """The path as it is declared, so that no id reaches a log."""
    return str(getattr(scope.get("route"), "path", "unknown"))


def _where(location: Sequence[str | int]) -> str:
    return cut_on_word(one_line(".".join(map(str, location))), MAX_WHERE_CHARS)


def _words(error: type[AgenticSalesError]) -> list[str]:
    return re.findall(r"[A-Z][a-z]+", error.__name__)
