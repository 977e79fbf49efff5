"""The OpenAPI document, the reference page made from it, and whether the answers keep to it."""

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from html import unescape
from typing import Any

import httpx
import pytest
import schemathesis
import schemathesis.checks
import uvicorn
from hypothesis import HealthCheck, given, strategies
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks as conformance

from backend.api.app import create_app
from backend.cli.connections import listen
from tests.api.door import Door, open_ready
from tests.api.routes import ROUTES, Route
from tests.fakes.clock import FixedClock
from tests.fakes.mailer import RecordingMailer
from tests.fakes.scripted_model import ScriptedLLM
from tests.northwind import CAMPAIGN_BODY, SCRIPT, contact_body
from tests.strategies import examples

SINCE = datetime(1970, 1, 2)  # noqa: DTZ001  # hypothesis adds the time zone
CHECKS: list[Any] = [
    schemathesis.checks.not_a_server_error,
    conformance.status_code_conformance,
    conformance.content_type_conformance,
    conformance.response_headers_conformance,
    conformance.response_schema_conformance,
    conformance.negative_data_rejection,
    conformance.positive_data_acceptance,
]
# What JSON Schema cannot say: of these formats only a part is made up here, and all of that part is taken.
schemathesis.openapi.format("email", strategies.from_regex(r"[a-z]{1,9}@[a-z]{1,9}\.example", fullmatch=True))
schemathesis.openapi.format("hours-of-a-day", strategies.sampled_from(["09:00-17:00", "00:00-24:00"]))
schemathesis.openapi.format("iana-time-zone", strategies.sampled_from(["Pacific/Auckland", "Europe/Lisbon", "UTC"]))
schemathesis.openapi.format("date-time", strategies.datetimes(SINCE, timezones=strategies.just(UTC)).map(datetime.isoformat))
CONTACTS = [f"c{n}" for n in range(40)]
FLAG = {"flag": "CAMPAIGN_COACH_ENABLED"}
KNOWN = {"campaign_id": "close", "contact_id": "c0"}
MEANT: dict[str, str | bool] = {**KNOWN, "override": True}
"""What a body holds that is valid beyond its shape: ids that exist, and a person who means the text as it stands."""


@dataclass(frozen=True)
class Served:
    """The application behind a port, seeded: a token for every role and drafts that wait."""

    url: str
    tokens: dict[str, str]
    drafts: list[str]

    def path_parameters(self, route: Route) -> dict[str, str]:
        """Ids that exist, for each id in the path; decisions take another draft each."""
        seeded = {**KNOWN, **FLAG, "draft_id": self.drafts[ROUTES.index(route)]}
        return {name: value for name, value in seeded.items() if f"{{{name}}}" in route.path}


# A request without a body and a parameter holds nothing that could be forbidden.
ASKED = [
    (route, mode)
    for route in ROUTES
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    if mode is GenerationMode.POSITIVE or str(route) != "GET /flags"
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server on loopback, in a thread of its own; its socket listens before it runs, so nobody waits for a start."""
    tokens: dict[str, str] = {}
    folder = tmp_path_factory.mktemp("served")
    clock, model, mailer = FixedClock(), ScriptedLLM(SCRIPT), RecordingMailer()
    app = create_app(partial(open_ready, folder, tokens, clock=clock, make_llm=model, mailer=mailer))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on"))
    with listen("127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield Served(url, tokens, _seed(url, tokens))
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def document(served: Served) -> Any:
    """What the server says of itself, read once; the token is always sent, so no request is to leave it out."""
    said = httpx.get(f"{served.url}/openapi.json").json()
    for route in ROUTES:
        said["paths"][route.path][route.method.lower()].pop("security")
    return schemathesis.openapi.from_dict(said)


def _seed(url: str, tokens: dict[str, str]) -> list[str]:
    """Enrol the contacts, let one sweep pass, and return the ids of the drafts that wait."""
    with httpx.Client(base_url=url, timeout=30) as client:
        client.get("/healthz")
        client.headers["Authorization"] = f"Bearer {tokens['operator']}"
        contacts = [contact_body(contact_id) for contact_id in CONTACTS]
        client.post("/contacts", json={"contacts": contacts}).raise_for_status()
        client.post("/campaigns", json=CAMPAIGN_BODY).raise_for_status()
        client.post("/campaigns/close/enrolments", json={"contact_ids": CONTACTS}).raise_for_status()
        client.post("/cron/resume", params={"wait": True}).raise_for_status()
        return [draft["draft_id"] for draft in client.get("/drafts", params={"limit": 100}).json()["drafts"]]


@pytest.mark.req("API-R8")
@pytest.mark.parametrize(
    ("route", "mode"), ASKED, ids=lambda each: each.value if isinstance(each, GenerationMode) else str(each)
)
def test_every_answer_keeps_to_the_document(served: Served, document: Any, route: Route, mode: GenerationMode) -> None:
    """Whatever the document allows or forbids in a request: a stated status and shape, what is forbidden refused, no 5xx."""
    operation = document[route.path][route.method]
    headers = {"Authorization": f"Bearer {served.tokens[min(route.roles)]}"}
    positive = mode is GenerationMode.POSITIVE
    ids = served.path_parameters(route) if positive else None
    may_be_meant = {"override"} if route.path.endswith("/edit") else set[str]()

    @examples(0.12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
    @given(case=operation.as_strategy(generation_mode=mode, path_parameters=ids))
    def keeps_to_the_document(case: schemathesis.Case[Any]) -> None:
        if positive and isinstance(case.body, dict):
            case.body.update({key: MEANT[key] for key in MEANT.keys() & {*case.body, *may_be_meant}})
        case.call_and_validate(base_url=served.url, headers=headers, checks=CHECKS)

    keeps_to_the_document()


@pytest.mark.req("API-R2")
def test_every_route_states_its_roles_and_its_failures() -> None:
    """In words, under `x-roles` and as a bearer scheme; each failure is a problem with a sentence of its own."""
    document = create_app().openapi()
    for route in ROUTES:
        entry = document["paths"][route.path][route.method.lower()]
        assert set(entry["x-roles"]) == route.roles
        assert entry["description"].endswith(f"Roles: {', '.join(entry['x-roles'])}.")
        assert entry["security"] == [{"bearer": []}]
        failures = {status: answer for status, answer in entry["responses"].items() if status >= "400"}
        assert {"401", "403", "422", "500", "503"} <= failures.keys()
        assert ("413" in failures) == ("requestBody" in entry)
        for answer in failures.values():
            assert answer["description"]
            assert answer["content"] == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


@pytest.mark.req("API-R2")
async def test_the_reference_page_shows_the_document(door: Door) -> None:
    """Every route, its roles and each of its answers are on the page, which loads nothing and runs nothing."""
    answer = await door.client.get("/docs")
    page = unescape(answer.text)
    for path, methods in door.app.openapi()["paths"].items():
        for method, entry in methods.items():
            section = page.partition(f"<h2><code>{method.upper()} {path}</code></h2>")[2].partition("</section>")[0]
            assert f"Roles: {', '.join(entry['x-roles']) or 'anybody'}" in section
            for status, said in entry["responses"].items():
                words = re.sub(r"`([^`]+)`", r"<code>\1</code>", said["description"])
                assert f"<code>{status}</code></td><td>{words}" in section
    for name, shape in door.app.openapi()["components"]["schemas"].items():
        section = page.partition(f'<section id="{name}">')[2].partition("</section>")[0]
        assert [field for field in shape.get("properties", {}) if f"<code>{field}</code>" not in section] == []
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "`" not in page
    assert "src=" not in page
    assert "<script" not in page


async def test_the_document_is_served(door: Door) -> None:
    """Anybody may read it."""
    served: dict[str, Any] = (await door.client.get("/openapi.json")).json()
    assert served == door.app.openapi()
