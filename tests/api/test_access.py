"""Who may ask for what."""

from datetime import timedelta
from inspect import iscoroutinefunction

import pytest
from fastapi.routing import APIRoute

from backend.api.app import _NOUNS
from backend.api.security import get_principal, get_service
from tests.api.door import CRON_SECRETS, Door
from tests.api.routes import ROUTES, Route

ROLES = ("rep", "operator", "cron")


@pytest.mark.req("API-R1", "API-R2")
@pytest.mark.parametrize("route", ROUTES, ids=str)
async def test_a_route_is_for_its_roles_and_for_nobody_else(door: Door, route: Route) -> None:
    """No token is 401, another role 403, and both change nothing; a role that may is served."""
    path = route.at(await door.held_draft())
    before = await door.rows.audit()
    refused = await door.ask(route.method, path, None, json=route.body)
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    for role in set(ROLES) - route.roles:
        assert (await door.ask(route.method, path, role, json=route.body)).status_code == 403, role
    assert await door.rows.audit() == before
    first, *others = sorted(route.roles)
    if route.parked:
        await door.rows.set_threads(status="parked")
    if route.unknown:
        door.mailer.lose_answer()
        await door.post("/drafts/close:ada:0:1/approve")
    assert (await door.ask(route.method, path, first, json=route.body)).status_code in {200, 201, 202}
    for role in others:
        assert (await door.ask(route.method, path, role, json=route.body)).status_code in {200, 201, 202, 409}, role


@pytest.mark.req("API-R2")
async def test_the_document_states_the_roles_that_are_enforced(door: Door) -> None:
    """Every operation of the OpenAPI document is in the table of this suite with the very roles, or is for anybody."""
    document = door.app.openapi()
    stated = {
        (method.upper(), path): frozenset(entry["x-roles"])
        for path, methods in document["paths"].items()
        for method, entry in methods.items()
    }
    public = {("GET", "/healthz"): frozenset[str](), ("GET", "/readyz"): frozenset[str]()}
    assert stated == {(route.method, route.path): route.roles for route in ROUTES} | public


@pytest.mark.req("API-R1")
@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer as_rep_of-nobody", "Basic cmVwOnJlcA==", "as_rep_x", "Bearer \xe9\xff", "Bearer a b"],
)
async def test_what_is_no_live_token_is_401(door: Door, header: str) -> None:
    """A missing, malformed, unknown or undecodable token is the same refusal."""
    answer = await door.client.get("/drafts", headers={b"Authorization": header.encode("latin-1")})
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:agentic-sales:token-missing")


@pytest.mark.req("API-R1")
async def test_a_stranger_learns_nothing_from_a_body(door: Door) -> None:
    """Without a token even a body that is no JSON is 401, because nothing of it was read."""
    headers = {"Content-Type": "application/json"}
    assert (await door.ask("POST", "/contacts", None, content=b"{", headers=headers)).status_code == 401
    assert (await door.ask("POST", "/contacts", "rep", content=b"{", headers=headers)).status_code == 403


@pytest.mark.req("API-R3")
@pytest.mark.parametrize("secret", CRON_SECRETS)
async def test_either_cron_secret_is_the_role_cron(door: Door, secret: str) -> None:
    """During a rotation both secrets resume, and neither may do anything else; letters beyond ASCII are compared too."""
    headers = {b"Authorization": f"Bearer {secret}".encode()}
    assert (await door.client.post("/cron/resume", headers=headers)).status_code == 202
    assert (await door.client.get("/drafts", headers=headers)).status_code == 403


@pytest.mark.req("API-R4")
async def test_a_token_ends_when_it_expires_or_is_revoked(door: Door) -> None:
    """A token works until its time is over, and not a moment after it was revoked."""
    assert (await door.ask("GET", "/drafts", "rep")).status_code == 200
    await door.service.tokens.revoke("the-rep", now=door.clock.now())
    assert (await door.ask("GET", "/drafts", "rep")).status_code == 401
    door.clock.advance(timedelta(days=365))
    assert (await door.ask("GET", "/drafts", "operator")).status_code == 401


@pytest.mark.req("SERVE-R5")
def test_no_dependency_of_a_route_takes_a_thread() -> None:
    """FastAPI runs a plain function in a thread, and hopping there and back takes as long as a read."""
    routes = [route for noun in _NOUNS for route in noun.router.routes if isinstance(route, APIRoute)]
    needed = {depended.call for route in routes for depended in route.dependant.dependencies if depended.call}
    assert {get_service, get_principal} <= needed
    assert [call for call in needed if not iscoroutinefunction(call)] == []
