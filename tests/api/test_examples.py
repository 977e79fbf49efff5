"""The examples of the document and of the reference page, tried out."""

import re
import shlex
from html import unescape
from pathlib import Path

import pytest

from backend.api.examples import BODIES, PLACES
from tests.api.door import Door
from tests.api.routes import ROUTES, Route

README = Path(__file__).parents[2] / "README.md"


async def lines_of(door: Door) -> dict[str, str]:
    """Each line of curl on the reference page, by the route it stands under."""
    page = (await door.client.get("/docs")).text
    found = re.findall(r"<h2><code>(\w+ \S+)</code></h2>.*?<pre>(.*?)</pre>", page, re.DOTALL)
    return {route: unescape(line) for route, line in found}


async def run(door: Door, line: str, role: str) -> int:
    """Make the request that a line of curl makes, and return its status."""
    command, url, *options = shlex.split(line.replace("$URL", "http://door").replace("$TOKEN", door.tokens[role]))
    assert command == "curl"
    given = dict(zip(options[::2], options[1::2], strict=True))
    headers = dict(option.split(": ", 1) for name, option in zip(options[::2], options[1::2], strict=True) if name == "-H")
    content = given.get("-d")
    method = given.get("-X") or ("GET" if content is None else "POST")
    return (await door.client.request(method, url, headers=headers, content=content)).status_code


@pytest.mark.req("DOC-R3")
@pytest.mark.parametrize("route", ROUTES, ids=str)
async def test_every_line_of_curl_on_the_reference_page_does_what_it_says(door: Door, route: Route) -> None:
    """Where the examples before it were run, each is taken: as it stands on the page, with a token of a role it names."""
    lines = await lines_of(door)
    for before in ("POST /contacts", "POST /campaigns", "POST /campaigns/{campaign_id}/enrolments"):
        assert await run(door, lines[before], "operator") in {200, 201, 202}
    await door.sweep()
    if route.parked:
        await door.rows.set_threads(status="parked")
    if route.unknown:
        door.mailer.lose_answer()
        await run(door, lines["POST /drafts/{draft_id}/approve"], "operator")
    assert await run(door, lines[str(route)], min(route.roles)) in {200, 201, 202}


@pytest.mark.req("DOC-R3")
async def test_the_document_has_an_example_of_every_body_and_of_every_place(door: Door) -> None:
    """The very ones of the one table."""
    shown = {
        path: content["example"]
        for path, methods in door.app.openapi()["paths"].items()
        for entry in methods.values()
        for content in entry.get("requestBody", {}).get("content", {}).values()
    }
    assert shown == BODIES
    names = {
        parameter["name"]: parameter["example"]
        for methods in door.app.openapi()["paths"].values()
        for entry in methods.values()
        for parameter in entry.get("parameters", [])
        if parameter["in"] == "path"
    }
    assert names == PLACES


async def test_a_request_that_takes_no_body_shows_none(door: Door) -> None:
    """What is only read is asked for by its address, though a body may be sent to the same path."""
    lines = await lines_of(door)
    assert [line for route, line in lines.items() if route.startswith("GET") and (" -d " in line or " -X " in line)] == []


async def test_the_readmes_first_campaign_ends_with_an_email_that_was_approved(door: Door) -> None:
    """Its lines of curl are the examples, in their order; each is taken, and the last one sends."""
    quoted = README.read_text("utf-8").split("<!-- first campaign -->")[1].split("<!-- /first")[0].splitlines()
    lines = [line for line in quoted if line.startswith("curl ")]
    shown = await lines_of(door)
    assert [line.replace("?wait=true", "") in shown.values() for line in lines] == [True] * 6
    for line in lines:
        assert await run(door, line, "operator") in {200, 201}
    assert [email.recipient_address for email in door.mailer.delivered] == ["ada@northwind.example"]
