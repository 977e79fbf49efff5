"""Bodies that are too large, too slow, too deep or too wide: a small answer, and little work."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from backend.api import bodies
from tests.api.door import Door
from tests.api.routes import ROUTES, Route

JSON = {"Content-Type": "application/json"}
BODIES = [route for route in ROUTES if route.body is not None]
SECRET = "the words of the customer"


async def in_parts(size: int) -> AsyncIterator[bytes]:
    """So many blanks, without a declared length."""
    for _ in range(size // 4096 + 1):
        yield b" " * 4096


@pytest.mark.req("API-R7")
@pytest.mark.parametrize("route", BODIES, ids=str)
async def test_a_body_over_the_bound_of_its_route_is_413(door: Door, route: Route) -> None:
    """The document states the bound, and so does the answer; declared or streamed, one byte more is refused."""
    most = door.app.openapi()["paths"][route.path][route.method.lower()]["x-max-body-bytes"]
    path, role = route.at("close:ada:0:1"), min(route.roles)
    declared = await door.ask(route.method, path, role, content=b" " * (most + 1), headers=JSON)
    streamed = await door.ask(route.method, path, role, content=in_parts(most), headers=JSON)
    within = await door.ask(route.method, path, role, content=b" " * most, headers=JSON)
    for answer in (declared, streamed):
        assert (answer.status_code, answer.json()["max_body_bytes"]) == (413, most)
        assert f"at most {most} bytes" in answer.json()["detail"]
    assert within.status_code == 422


@pytest.mark.req("API-R7")
async def test_a_decision_takes_less_than_an_import(door: Door) -> None:
    """A rep's body is bounded at 64 kB, unless it holds an email."""
    paths = door.app.openapi()["paths"]
    stated = {path: paths[path]["post"]["x-max-body-bytes"] for path in ("/drafts/{draft_id}/approve", "/emails", "/contacts")}
    assert list(stated.values()) == [64 * 1024, 256 * 1024, 1024 * 1024]


@pytest.mark.req("API-R7")
async def test_a_body_that_trickles_is_408(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has not arrived whole by the deadline is not waited for, and the connection is to be closed."""
    monkeypatch.setattr(bodies, "BODY_DEADLINE_S", 0.05)

    async def trickle() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    answer = await door.ask("POST", "/contacts", content=trickle(), headers=JSON)
    assert (answer.status_code, answer.headers["Connection"]) == (408, "close")
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_a_client_that_leaves_within_its_body_is_no_crash(door: Door) -> None:
    """Nobody reads the answer, and nothing is logged as unforeseen."""
    headers = [(b"authorization", f"Bearer {door.tokens['operator']}".encode()), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/contacts", "headers": headers, "query_string": b"", "root_path": ""}
    sent: list[Any] = []

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    with capture_logs() as logs:
        await door.app(scope, receive, send)
    assert sent[0]["status"] == 408
    assert logs == []


@pytest.mark.req("API-R5", "API-R6")
async def test_unknown_keys_are_counted_and_never_repeated(door: Door) -> None:
    """Thousands of them are one sentence, which says what the body may hold instead."""
    wide = {"version": 0, **{f"{SECRET} {number}": number for number in range(1_500)}}
    answer = await door.post("/drafts/close:ada:0:1/approve", wide)
    (refused,) = answer.json()["errors"]
    assert (answer.status_code, refused["where"]) == (422, "body")
    assert refused["why"].startswith("has 1500 unknown keys; what it may hold is version")
    assert SECRET not in answer.text


MANY_ERRORS: list[tuple[str, Any, str]] = [
    ("/contacts", {"contacts": [{"company": {"facts": [{}] * 40}}] * 500}, "body.contacts.0"),
    ("/campaigns/close/enrolments", {"contact_ids": [1] * 20_000}, "body.contact_ids.0"),
    ("/campaigns", {"allowed_links": ["no link"] * 5_000}, "body.allowed_links.0"),
]


@pytest.mark.req("API-R6")
@pytest.mark.parametrize(
    ("path", "body", "where"),
    MANY_ERRORS,
)
async def test_the_first_bad_item_of_a_list_is_enough(door: Door, path: str, body: Any, where: str) -> None:
    """Nothing after it is looked at, so a long list of mistakes costs no more than a short one."""
    answer = await door.post(path, body)
    named = [error["where"] for error in answer.json()["errors"]]
    assert [name for name in named if name.startswith(where)]
    assert [name for name in named if ".1" in name] == []
    assert len(named) <= 15


@pytest.mark.req("API-R6")
@pytest.mark.parametrize("depth", [10, 500, 900, 990, 1_500, 12_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"version":', "}")])
async def test_a_deep_body_is_422(door: Door, depth: int, opening: str, closing: str) -> None:
    """However deep, closed or left open, in itself or below a field: the sender's mistake, and no crash."""
    for deep in (opening * depth, opening * depth + "1" + closing * depth):
        for content in (deep, json.dumps({"version": 1})[:-1] + f', "recipient": {deep}}}'):
            answer = await door.ask(
                "POST", "/drafts/close:ada:0:1/approve", "rep", content=content.encode()[:65_536], headers=JSON
            )
            assert answer.status_code == 422, (depth, answer.text)
