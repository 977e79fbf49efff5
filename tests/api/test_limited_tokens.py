"""An attacker holds a token that is limited to the campaign `open`, and tries every route on the campaign `vault`."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import httpx
import pytest

from backend.domain.access import Reach
from tests.api.door import Door
from tests.api.routes import OTHERS, ROUTES, Route
from tests.northwind import CAMPAIGN_BODY, contact_body

FLAGS = {"GET /flags", "PUT /flags/{flag}", "GET /flags/{flag}/history"}
SENDS = {"GET /sends", "POST /sends/{send_id}/resolve"}
REFUSED = {"POST /contacts", "POST /campaigns", "POST /cron/resume", "POST /stops", *FLAGS, *SENDS}
"""What reaches beyond any campaign."""
LISTS = {"GET /campaigns", "GET /drafts", "GET /threads/parked", "GET /threads/held", "GET /stops"}
"""What names nothing, and shows what it may."""
NAMED = {
    "GET /campaigns/{campaign_id}/contacts",
    "GET /campaigns/{campaign_id}/threads",
    "POST /campaigns/{campaign_id}/enrolments",
    "GET /campaigns/{campaign_id}/threads/{contact_id}",
    "POST /campaigns/{campaign_id}/threads/{contact_id}/requeue",
    "POST /campaigns/{campaign_id}/threads/{contact_id}/stop",
    "POST /campaigns/{campaign_id}/threads/{contact_id}/stops",
    "POST /campaigns/{campaign_id}/stops",
    "GET /drafts/{draft_id}",
    "GET /drafts/{draft_id}/preview",
    "POST /drafts/{draft_id}/approve",
    "POST /drafts/{draft_id}/edit",
    "POST /drafts/{draft_id}/regenerate",
    "POST /drafts/{draft_id}/reject",
    "POST /drafts/{draft_id}/stop",
    "POST /emails",
}
"""What names a campaign, in its path or its body."""
TOGETHER = {"POST /drafts/bulk"}
"""What names several campaigns, and answers for each."""
PUBLIC = {"GET /healthz", "GET /readyz"}
SECRETS = ("vault", "wren", "Wrenfield", "Vaulted")
"""Ids and words of the campaign outside, and of whoever is enrolled in it."""

State = Literal["waiting", "blocked", "parked"]


@dataclass(frozen=True)
class Attacker:
    """Holds a token of a role that is limited to the campaign `open`."""

    door: Door
    role: str

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Make a request."""
        return await self.door.ask(method, path, f"limited {self.role}", **({} if body is None else {"json": body}))

    def pairs(self, route: Route) -> list[tuple[str, str]]:
        """Ids outside that the route can be asked about: of a campaign, and where it names one, of a contact."""
        names_contact = "contact_id" in f"{route.path}{route.body}" or "draft_id" in route.path
        return [("vault", "wren"), ("vault", "bob"), *([("open", "wren")] if names_contact else [])]

    async def name(self, route: Route, campaign_id: str, contact_id: str) -> httpx.Response:
        """Make the route's request about this campaign and contact, wherever it names them."""
        ids = {"campaign_id": campaign_id, "contact_id": contact_id, "draft_id": f"{campaign_id}:{contact_id}:0:1"}
        named = {key: ids[key] for key in ids.keys() & (route.body or {}).keys()}
        path = route.path.format(**ids, **OTHERS)
        return await self.ask(route.method, path, route.body and {**route.body, **named})


async def attack(door: Door) -> list[Attacker]:
    """Let `vault` have `wren` and `open` have `bob`, and hand out limited tokens."""
    contacts = [contact_body("wren", name="Ada Wrenfield", title="Vaulted"), contact_body("bob")]
    assert (await door.post("/contacts", {"contacts": contacts})).status_code == 200
    for campaign_id, contact_id in (("vault", "wren"), ("open", "bob")):
        campaign = {**CAMPAIGN_BODY, "campaign_id": campaign_id, "name": f"The campaign {campaign_id}"}
        assert (await door.post("/campaigns", campaign)).status_code == 201
        assert (await door.post(f"/campaigns/{campaign_id}/enrolments", {"contact_id": contact_id})).status_code == 201
    await door.sweep()
    assert await door.rows.pending() == ["open:bob:0:1", "vault:wren:0:1"]
    await limit(door, "rep")
    await limit(door, "operator")
    return [Attacker(door, "rep"), Attacker(door, "operator")]


async def limit(door: Door, role: Literal["rep", "operator"], *campaign_ids: str) -> None:
    """Make a token with a limit, known as the role with `limited` before it."""
    name, reach = f"limited-{role}", Reach(campaign_ids or ("open",))
    make = door.service.tokens.create(name, role, now=door.clock.now(), expires_in=timedelta(days=9), reach=reach)
    door.tokens[f"limited {role}"] = await make


async def world(door: Door) -> Any:
    """All that is stored."""
    return await door.rows.everything(), await door.rows.checkpoints()


@pytest.mark.req("ACCESS-R8")
async def test_every_route_is_classified_and_states_its_class(door: Door) -> None:
    """A route of the document that is in no class here, or in two, fails; and a class is what the document says."""
    stated = {
        f"{method.upper()} {path}": entry.get("x-within-reach")
        for path, methods in door.app.openapi()["paths"].items()
        for method, entry in methods.items()
    }
    classes = {True: LISTS | NAMED | TOGETHER, False: REFUSED, None: PUBLIC}
    assert sum(map(len, classes.values())) == len(stated)
    assert stated == {route: states for states, routes in classes.items() for route in routes}
    assert {str(route) for route in ROUTES} == stated.keys() - PUBLIC


@pytest.mark.req("ACCESS-R4", "ACCESS-R5", "ACCESS-R6", "ACCESS-R7")
@pytest.mark.parametrize("state", ["waiting", "blocked", "parked"])
async def test_what_lies_outside_does_not_exist(door: Door, state: State) -> None:
    """Whatever state its thread is in, the answer is the unknown id's to the byte, and not one row is another afterwards."""
    attackers = await attack(door)
    if state == "blocked":
        await door.rows.raise_flag("wren", "replied")
    if state == "parked":
        await door.rows.set_threads(status="parked", next_touch_at=None)
    before = await world(door)
    for attacker in attackers:
        for route in ROUTES:
            if str(route) not in NAMED or attacker.role not in route.roles:
                continue
            for campaign_id, contact_id in attacker.pairs(route):
                outside = await attacker.name(route, campaign_id, contact_id)
                unknown = await attacker.name(route, campaign_id.replace("vault", "vaunt"), contact_id.replace("wren", "wrex"))
                assert outside.status_code == 404, (str(route), campaign_id, contact_id)
                assert outside.text.replace("vault", "vaunt").replace("wren", "wrex") == unknown.text
                assert (unknown.status_code, unknown.headers) == (404, outside.headers)
    assert await world(door) == before


@pytest.mark.req("ACCESS-R4", "ACCESS-R5")
async def test_of_many_drafts_those_outside_do_not_exist(door: Door) -> None:
    """One outside and one nobody knows get the same answer, the one within is decided, and nothing outside is another."""
    rep, _ = await attack(door)
    vault = await door.rows.drafts(thread_id="vault:wren"), await door.rows.threads(thread_id="vault:wren")
    ids = ("vault:wren:0:1", "vaunt:wrex:0:1", "open:bob:0:1")
    answer = await rep.ask("POST", "/drafts/bulk", {"decisions": [{"draft_id": each, "decision": "stop"} for each in ids]})
    outside, unknown, within = (result["problem"] for result in answer.json()["results"])
    assert (within, outside["status"]) == (None, 404)
    assert json.dumps(outside).replace("vault", "vaunt").replace("wren", "wrex") == json.dumps(unknown)
    assert (await door.rows.drafts(thread_id="vault:wren"), await door.rows.threads(thread_id="vault:wren")) == vault


@pytest.mark.req("ACCESS-R9")
@pytest.mark.parametrize("route", [route for route in ROUTES if str(route) in REFUSED], ids=str)
async def test_what_reaches_beyond_any_campaign_is_refused(door: Door, route: Route) -> None:
    """403, also where it names the token's own campaign; nothing is written."""
    _, operator = await attack(door)
    before = await world(door)
    for campaign_id, contact_id in (("vault", "wren"), ("open", "bob")):
        answer = await operator.name(route, campaign_id, contact_id)
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:agentic-sales:token-limited")
    assert await world(door) == before


@pytest.mark.req("ACCESS-R10")
@pytest.mark.parametrize("state", ["waiting", "parked"])
async def test_a_list_holds_what_lies_within(door: Door, state: State) -> None:
    """From its first page on and from any place, also one of another campaign; a campaign outside has no list."""
    attackers = await attack(door)
    if state == "parked":
        await door.rows.set_threads(status="parked", next_touch_at=None)
    for attacker in attackers:
        for route in ROUTES:
            if str(route) not in LISTS or attacker.role not in route.roles:
                continue
            for cursor in ("", "?cursor=vault", "?cursor=vault:wren", "?cursor=2026-11-01T00:00:00.000Z~vault:wren"):
                answer = await attacker.ask("GET", f"{route.path}{cursor}")
                assert not [secret for secret in SECRETS if secret in answer.text]
                shows = route.path in {"/campaigns", "/drafts"} or (route.path == "/threads/parked" and state == "parked")
                assert cursor or ("open" in answer.text) is shows
        outside, unknown = [await attacker.ask("GET", f"/drafts?campaign_id={name}") for name in ("vault", "vaunt")]
        assert (outside.status_code, outside.text.replace("vault", "vaunt")) == (404, unknown.text)


@pytest.mark.req("ACCESS-R4")
async def test_what_lies_within_is_served_as_to_a_token_without_a_limit(door: Door) -> None:
    """Every route that keeps within a limit, each on a thread of its own."""
    attackers = await attack(door)
    routes = sorted((route for route in ROUTES if str(route) in NAMED), key=lambda route: route.parked)
    contacts = [f"c{number}" for number in range(len(routes))]
    await door.post("/contacts", {"contacts": [contact_body(contact_id) for contact_id in contacts]})
    await door.post("/campaigns/open/enrolments", {"contact_ids": contacts})
    await door.sweep()
    for route, contact_id in zip(routes, contacts, strict=True):
        if route.parked:
            await door.rows.set_threads(status="parked", next_touch_at=None)
        (attacker,) = [one for one in attackers if one.role == max(route.roles)]
        answer = await attacker.name(route, "open", contact_id)
        assert answer.status_code in {200, 201}, (str(route), answer.text)


@pytest.mark.req("ACCESS-R6")
async def test_a_contact_lies_within_once_it_is_enrolled_there(door: Door) -> None:
    """Who has no limit enrols her; from then on she exists for the token, with her thread in `open` and no other."""
    rep, operator = await attack(door)
    thread = "/campaigns/open/threads/wren"
    assert (await operator.ask("POST", "/campaigns/open/enrolments", {"contact_id": "wren"})).status_code == 404
    assert (await rep.ask("GET", thread)).json()["type"] == "urn:agentic-sales:unknown-contact"
    await door.post("/campaigns/open/enrolments", {"contact_id": "wren"})
    assert (await rep.ask("GET", thread)).status_code == 200
    assert (await rep.ask("GET", "/campaigns/vault/threads/wren")).status_code == 404
    await door.service.tokens.revoke("limited-rep", now=door.clock.now())
    await limit(door, "rep", "open", "vault")
    assert (await rep.ask("GET", "/campaigns/vault/threads/bob")).json()["type"] == "urn:agentic-sales:unknown-thread"


@pytest.mark.req("ACCESS-R10")
async def test_pages_within_several_campaigns_show_each_draft_once_in_one_order(door: Door) -> None:
    """The oldest first over all of them, page by page, and none of a campaign beside them."""
    rep, _ = await attack(door)
    for number, campaign_id in enumerate(("a", "b", "a-b", "a", "c")):
        door.clock.advance(timedelta(seconds=1))
        await door.post("/campaigns", {**CAMPAIGN_BODY, "campaign_id": campaign_id})
        await door.post("/contacts", {"contacts": [contact_body(f"c{number}")]})
        await door.post(f"/campaigns/{campaign_id}/enrolments", {"contact_id": f"c{number}"})
        await door.sweep()
    await door.service.tokens.revoke("limited-rep", now=door.clock.now())
    await limit(door, "rep", "a", "a-b", "b")
    first = (await rep.ask("GET", "/drafts?limit=3")).json()
    second = (await rep.ask("GET", f"/drafts?limit=3&cursor={first['next_cursor']}")).json()
    found = [[draft["contact_id"] for draft in page["drafts"]] for page in (first, second)]
    assert found == [["c0", "c1", "c2"], ["c3"]]
    assert second["next_cursor"] is None


@pytest.mark.req("ACCESS-R11")
async def test_a_limit_costs_no_request_and_no_row(door: Door) -> None:
    """An approval over HTTP takes four requests with a limit too, and writes what one without writes."""
    await attack(door)
    costs: list[tuple[int, int]] = []
    for role, draft_id in (("limited rep", "open:bob:0:1"), ("rep", "vault:wren:0:1")):
        before = door.service.database.meter.copy()
        assert (await door.ask("POST", f"/drafts/{draft_id}/approve", role)).json()["sent"]
        spent = door.service.database.meter.since(before)
        costs.append((spent.requests, spent.rows_written))
    assert costs[0] == costs[1]
    assert costs[0][0] == 4
