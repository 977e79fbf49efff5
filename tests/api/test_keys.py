"""A decision under an `Idempotency-Key`, and many decisions in one request."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from backend.api.schemas import MAX_BULK, MAX_BULK_REASON_CHARS
from backend.campaigns import LEASE
from backend.domain.access import Reach
from backend.domain.campaign import DecisionRequest
from tests.api.door import Door
from tests.northwind import CAMPAIGN_BODY, MINE

BODIES: dict[str, Any] = {
    "approve": {"version": 1},
    "edit": {**MINE},
    "regenerate": {"feedback": "Shorter."},
    "reject": {"reason": "not now"},
    "stop": {"reason": "a customer already"},
}


async def decide(door: Door, place: str, key: str, body: Any = None, role: str = "rep") -> httpx.Response:
    """Decide under a key; `place` is a draft's id and a decision."""
    path, sent = f"/drafts/{place}", BODIES[place.rpartition("/")[2]] if body is None else body
    return await door.ask("POST", path, role, json=sent, headers={"Idempotency-Key": key})


async def decide_together(door: Door, decisions: list[dict[str, Any]], key: str = "") -> Any:
    """Make decisions in one request, and be the sweep that it begins."""
    begun: list[int] = []
    door.app.state.sweeps.ask = lambda: begun.append(1)
    headers = {"Idempotency-Key": key} if key else {}
    answer = await door.ask("POST", "/drafts/bulk", "rep", json={"decisions": decisions}, headers=headers)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert len(begun) == bool(told["decided"])
    await door.sweep()
    return told


@pytest.mark.req("APPROVAL-R19")
@pytest.mark.parametrize("decision", BODIES)
async def test_the_same_request_under_its_key_is_answered_as_it_was_first(door: Door, decision: str) -> None:
    """At once, and after the thread went on: the bytes of the first answer, and nothing is decided, sent or asked again."""
    draft_id = await door.held_draft()
    first = await decide(door, f"{draft_id}/{decision}", "k1")
    assert first.status_code == 200
    before = await door.rows.everything(), len(door.model.asked)
    assert (await decide(door, f"{draft_id}/{decision}", "k1")).text == first.text
    assert (await door.rows.everything(), len(door.model.asked)) == before
    door.clock.advance(timedelta(days=5))
    await door.sweep()
    assert (await decide(door, f"{draft_id}/{decision}", "k1")).text == first.text
    assert len(door.mailer.delivered) == first.json()["sent"]


@pytest.mark.req("APPROVAL-R20")
async def test_a_key_is_for_one_request_of_one_person(door: Door) -> None:
    """Another body, decision or draft is 422; somebody else's same key is a request of its own, and comes too late."""
    draft_id = await door.held_draft()
    await door.seed("bob")
    await door.sweep()
    assert (await decide(door, f"{draft_id}/approve", "k1")).status_code == 200
    before = await door.rows.everything()
    others = [
        await decide(door, f"{draft_id}/approve", "k1", {}),
        await decide(door, f"{draft_id}/reject", "k1"),
        await decide(door, "close:bob:0:1/approve", "k1"),
    ]
    assert [(other.status_code, other.json()["type"]) for other in others] == [(422, "urn:agentic-sales:key-reused")] * 3
    assert (await decide(door, f"{draft_id}/approve", "k1", role="operator")).status_code == 409
    assert await door.rows.everything() == before


@pytest.mark.req("APPROVAL-R20")
@pytest.mark.parametrize("alone_first", [True, False])
async def test_one_decision_alone_and_in_a_list_of_one_are_two_requests(door: Door, alone_first: bool) -> None:  # noqa: FBT001  # a case
    """Whichever comes second under the key is 422 at once: the first has an answer of another kind."""
    draft_id = await door.held_draft()
    headers = {"Idempotency-Key": "k1"}
    body = {"decisions": [{"draft_id": draft_id, "decision": "approve", "version": 1}]}
    places = [(f"/drafts/{draft_id}/approve", BODIES["approve"]), ("/drafts/bulk", body)]
    first, second = places if alone_first else reversed(places)
    assert (await door.ask("POST", first[0], "rep", json=first[1], headers=headers)).status_code == 200
    refused = await door.ask("POST", second[0], "rep", json=second[1], headers=headers)
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:agentic-sales:key-reused")


@pytest.mark.req("APPROVAL-R20", "ACCESS-R3")
async def test_what_a_key_remembers_is_within_reach(door: Door) -> None:
    """A name that was free again comes back with a token for another campaign: what the first one did does not exist for it."""
    draft_id = await door.held_draft()
    assert (await decide(door, f"{draft_id}/approve", "k1")).status_code == 200
    await door.post("/campaigns", {**CAMPAIGN_BODY, "campaign_id": "open"})
    tokens, now = door.service.tokens, door.clock.now()
    await tokens.revoke("the-rep", now=now)
    lifetime, reach = timedelta(days=1), Reach(("open",))
    door.tokens["rep"] = await tokens.create("the-rep", "rep", now=now, expires_in=lifetime, reach=reach)
    assert (await decide(door, f"{draft_id}/approve", "k1")).status_code == 404


@pytest.mark.req("APPROVAL-R20")
@pytest.mark.parametrize("key", ["", " ", "two words", "é", "k" * 201])
async def test_a_key_is_visible_ascii(door: Door, key: str) -> None:
    """Anything else is 422 that says so, and nothing is decided."""
    draft_id = await door.held_draft()
    headers = [(b"Idempotency-Key", key.encode("latin-1")), (b"Authorization", f"Bearer {door.tokens['rep']}".encode())]
    answer = await door.client.post(f"/drafts/{draft_id}/approve", headers=headers)
    assert (answer.status_code, "visible ASCII" in answer.text) == (422, True)
    assert await door.pending() == draft_id


@pytest.mark.req("APPROVAL-R19")
async def test_what_decided_nothing_may_be_sent_again_under_its_key(door: Door) -> None:
    """A stale version is 409; the same key then decides with the right one."""
    draft_id = await door.held_draft()
    assert (await decide(door, f"{draft_id}/approve", "k1", {"version": 2})).status_code == 409
    assert (await decide(door, f"{draft_id}/approve", "k1")).json()["sent"]


@pytest.mark.req("APPROVAL-R19")
async def test_a_new_version_that_could_not_be_written_stays_so_under_its_key(door: Door) -> None:
    """The model is down: 409 twice, although it could be asked again by then."""
    draft_id = await door.held_draft()
    script, door.model.script = door.model.script, {}
    first = await decide(door, f"{draft_id}/regenerate", "k1")
    door.model.script = script
    again = await decide(door, f"{draft_id}/regenerate", "k1")
    assert (first.status_code, again.text) == (409, first.text)
    assert (await decide(door, f"{draft_id}/regenerate", "k2")).status_code == 200


@pytest.mark.req("APPROVAL-R19")
async def test_a_decision_whose_process_was_killed_is_answered_under_its_key(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as nothing came of it the repeat is 409 and says that it is under way; then a sweep goes on, and it is told."""
    monkeypatch.setattr("backend.campaigns.ANSWER_WAITS_S", (0.0, 0.0))
    draft_id = await door.held_draft()
    request = DecisionRequest("approve", "the-rep", 1, key="k1")
    await door.service.campaigns.threads.decide(draft_id, request, owner="killed", lease=LEASE)
    under_way = await decide(door, f"{draft_id}/approve", "k1")
    assert (under_way.status_code, under_way.json()["type"]) == (409, "urn:agentic-sales:decision-under-way")
    door.clock.advance(LEASE)
    await door.sweep()
    answer = await decide(door, f"{draft_id}/approve", "k1")
    assert (answer.status_code, answer.json()["sent"], len(door.mailer.delivered)) == (200, True, 1)


@pytest.mark.req("APPROVAL-R19")
async def test_a_decision_whose_thread_was_ended_before_its_run_is_answered_with_the_end(door: Door) -> None:
    """Killed, and then an operator stopped the thread: no run will ever answer, so the repeat is told that it is stopped."""
    draft_id = await door.held_draft()
    request = DecisionRequest("approve", "the-rep", 1, key="k1")
    await door.service.campaigns.threads.decide(draft_id, request, owner="killed", lease=LEASE)
    await door.post("/campaigns/close/threads/ada/stop", {"reason": "a customer already"})
    for _ in range(2):
        told = (await decide(door, f"{draft_id}/approve", "k1")).json()
        assert (told["status"], told["sent"]) == ("stopped", False)
        assert "a customer already" in told["reason"]


@pytest.mark.req("APPROVAL-R21")
@pytest.mark.parametrize("keys", [1, 20])
async def test_of_twenty_approvals_at_once_one_email_leaves(door: Door, keys: int) -> None:
    """Under one key twenty equal answers; under twenty keys one 200 and nineteen 409."""
    draft_id = await door.held_draft()
    answers = await asyncio.gather(*(decide(door, f"{draft_id}/approve", f"k{number % keys}") for number in range(20)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == ([200] * 20 if keys == 1 else [200, *[409] * 19])
    assert len({answer.text for answer in answers}) == (1 if keys == 1 else 2)
    assert (len(door.mailer.delivered), door.mailer.attempts.total()) == (1, 1)


@pytest.mark.req("APPROVAL-R22", "APPROVAL-R23")
async def test_many_drafts_are_decided_in_one_request_each_for_itself(door: Door) -> None:
    """One approved, one rejected, one stopped, one stale, one unknown, one named twice; those that stand are acted on."""
    await door.seed("ada", "bob", "eve", "dan")
    await door.sweep()
    asked: list[dict[str, Any]] = [
        {"draft_id": "close:ada:0:1", "decision": "approve", "version": 1},
        {"draft_id": "close:bob:0:1", "decision": "reject", "reason": "on leave"},
        {"draft_id": "close:eve:0:1", "decision": "stop"},
        {"draft_id": "close:dan:0:1", "decision": "approve", "version": 2},
        {"draft_id": "none", "decision": "approve"},
        {"draft_id": "close:ada:0:1", "decision": "stop"},
    ]
    told = await decide_together(door, asked)
    kinds = [result["problem"] and result["problem"]["type"].removeprefix("urn:agentic-sales:") for result in told["results"]]
    assert kinds == [None, None, None, "draft-version-stale", "unknown-draft", "draft-named-twice"]
    assert (told["decided"], told["refused"]) == (3, 3)
    assert [email.recipient_address for email in door.mailer.delivered] == ["ada@northwind.example"]
    statuses = {row["contact_id"]: (row["status"], row["step"]) for row in await door.rows.threads()}
    assert statuses == {
        "ada": ("scheduled", 1),
        "bob": ("scheduled", 1),
        "eve": ("stopped", 0),
        "dan": ("awaiting_approval", 0),
    }


@pytest.mark.req("APPROVAL-R19", "APPROVAL-R20", "APPROVAL-R22")
async def test_many_decisions_under_a_key_are_made_once(door: Door) -> None:
    """Again: the same answer, nothing decided, also where what was refused could be decided by now; changed: 422."""
    await door.seed("ada", "bob")
    await door.sweep()
    await door.rows.raise_flag("bob", "replied")
    asked = [{"draft_id": f"close:{name}:0:1", "decision": "approve"} for name in ("ada", "bob")]
    first = await decide_together(door, asked, "k1")
    assert [result["problem"] is None for result in first["results"]] == [True, False]
    before = await door.rows.everything()
    assert await decide_together(door, asked, "k1") == first
    assert await door.rows.everything() == before
    changed = await door.ask("POST", "/drafts/bulk", "rep", json={"decisions": asked[:1]}, headers={"Idempotency-Key": "k1"})
    assert (changed.status_code, changed.json()["type"]) == (422, "urn:agentic-sales:key-reused")


@pytest.mark.req("APPROVAL-R22")
async def test_a_hundred_drafts_are_decided_in_one_request_to_the_database(door: Door) -> None:
    """One request says who asks, and one decides."""
    names = [f"c{number}" for number in range(100)]
    await door.seed(*names)
    await door.sweep()
    door.app.state.sweeps.ask = lambda: None
    before = door.service.database.meter.requests
    body = {"decisions": [{"draft_id": f"close:{name}:0:1", "decision": "approve"} for name in names]}
    told = (await door.post("/drafts/bulk", body, role="rep")).json()
    assert (told["decided"], told["refused"], door.service.database.meter.requests - before) == (100, 0, 2)


@pytest.mark.req("APPROVAL-R22")
@pytest.mark.parametrize("alias", ["close:ada:0:01", "close:ada:00:1"])
async def test_a_draft_has_one_name(door: Door, alias: str) -> None:
    """A number written otherwise names no draft: what is said to be unknown was not decided."""
    draft_id = await door.held_draft()
    told = await decide_together(door, [{"draft_id": alias, "decision": "stop"}])
    assert (told["decided"], await door.pending()) == (0, draft_id)
    both = [{"draft_id": alias, "decision": "stop"}, {"draft_id": draft_id, "decision": "approve"}]
    assert (await decide_together(door, both))["decided"] == 1
    assert len(door.mailer.delivered) == 1
    assert (await door.ask("GET", f"/drafts/{alias}", "rep")).status_code == 404


@pytest.mark.req("APPROVAL-R22")
async def test_the_largest_request_of_many_decisions_is_taken(door: Door) -> None:
    """A hundred reasons at their longest, each character escaped as JSON may: nothing of it is too large."""
    reason = "\N{GRINNING FACE}" * MAX_BULK_REASON_CHARS
    decisions = [
        {"draft_id": f"{number:064}:{'c' * 64}:0:1", "decision": "stop", "reason": reason} for number in range(MAX_BULK)
    ]
    body = json.dumps({"decisions": decisions})
    answer = await door.ask("POST", "/drafts/bulk", "rep", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["refused"]) == (200, MAX_BULK)


@pytest.mark.req("APPROVAL-R22")
@pytest.mark.parametrize("size", [0, 101])
async def test_no_decision_and_more_than_a_hundred_are_refused(door: Door, size: int) -> None:
    """422, and nothing is decided."""
    draft_id = await door.held_draft()
    body = {"decisions": [{"draft_id": draft_id, "decision": "approve"}] * size}
    assert (await door.post("/drafts/bulk", body, role="rep")).status_code == 422
    assert json.dumps(await door.pending()) == f'"{draft_id}"'
