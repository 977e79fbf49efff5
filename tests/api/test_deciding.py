"""Decisions over HTTP, and the email of the organised team."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from backend.domain.closing import OPT_OUT_LINE
from tests.api.door import Door, open_door
from tests.northwind import EMAIL, MINE

BODIES: dict[str, Any] = {
    "approve": None,
    "edit": {**MINE},
    "regenerate": {"feedback": "Shorter."},
    "reject": {"reason": "not now"},
    "stop": {"reason": "a customer already"},
}


@pytest.mark.req("API-R16")
@pytest.mark.parametrize(
    ("decision", "left"),
    [
        ("approve", {"status": "scheduled", "step": 1, "sent": True, "next_touch_at": "2026-11-26T09:00:00.000Z"}),
        ("edit", {"status": "scheduled", "step": 1, "sent": True, "next_touch_at": "2026-11-26T09:00:00.000Z"}),
        ("regenerate", {"status": "awaiting_approval", "step": 0, "sent": False, "next_touch_at": None}),
        ("reject", {"status": "scheduled", "step": 1, "sent": False, "next_touch_at": "2026-11-26T09:00:00.000Z"}),
        ("stop", {"status": "stopped", "step": 0, "sent": False, "next_touch_at": None}),
    ],
)
async def test_a_decision_is_answered_with_what_it_did(door: Door, decision: str, left: dict[str, Any]) -> None:
    """Each of the five says where the thread stands, whether the email left, and what comes next."""
    draft_id = await door.held_draft()
    answer = (await door.post(f"/drafts/{draft_id}/{decision}", BODIES[decision], role="rep")).json()
    waiting = [draft["draft_id"] for draft in (await door.read("/drafts"))["drafts"]]
    assert answer.pop("reason") or decision == "regenerate"
    assert answer == {
        "draft_id": draft_id,
        "decision": decision,
        "decided_by": "the-rep",
        "thread_id": "close:ada",
        "next_draft_id": waiting[0] if waiting else None,
        "error": "",
        **left,
    }
    assert bool(waiting) == (decision == "regenerate")
    assert len(door.mailer.delivered) == left["sent"]


@pytest.mark.req("API-R16")
async def test_an_edit_is_sent_as_the_person_wrote_it(door: Door) -> None:
    """Subject and body are theirs, cleaned of what cannot be seen; nothing of the draft is added."""
    draft_id = await door.held_draft()
    words = {"subject": "Mine\u200b \n and yours", "body": f"My own words.\r\nB.\n\n{OPT_OUT_LINE}\n"}
    await door.post(f"/drafts/{draft_id}/edit", words)
    (email,) = door.mailer.delivered
    assert (email.subject, email.body) == ("Mine and yours", f"My own words.\nB.\n\n{OPT_OUT_LINE}")


@pytest.mark.req("APPROVAL-R9")
async def test_what_is_wrong_with_an_edit_is_said_where_it_is_sent(door: Door) -> None:
    """The problem holds the faults and what to do; with `override` the same text is sent."""
    draft_id = await door.held_draft()
    words = {"subject": "Mine", "body": "My own words."}
    refused = await door.post(f"/drafts/{draft_id}/edit", words)
    assert (refused.status_code, len(refused.json()["faults"]), "override" in refused.json()["detail"]) == (422, 1, True)
    assert (await door.post(f"/drafts/{draft_id}/edit", {**words, "override": True})).json()["sent"]


@pytest.mark.req("API-R16")
async def test_a_decision_whose_run_fails_stands_and_says_so(door: Door) -> None:
    """The answer is 200 with the error and the time of the next try; nobody can decide again, and the email leaves once."""
    draft_id = await door.held_draft()
    door.mailer.lose_answer()
    answer = await door.post(f"/drafts/{draft_id}/approve")
    said = answer.json()
    assert (answer.status_code, said["status"], said["sent"]) == (200, "decided", False)
    assert (said["next_touch_at"], "no clear answer" in said["error"]) == ("2026-11-23T09:01:00.000Z", True)
    assert (await door.post(f"/drafts/{draft_id}/approve")).status_code == 409
    door.clock.advance(timedelta(minutes=1))
    assert (await door.sweep())["counts"]["sent"] == 1
    assert len(door.mailer.delivered) == 1


@pytest.mark.req("API-R17")
@pytest.mark.parametrize("second", BODIES)
async def test_of_two_decisions_at_once_one_wins(door: Door, second: str) -> None:
    """An approval and any other decision at the same instant: one 200, one 409 that names the winner, at most one email."""
    draft_id = await door.held_draft()
    answers = await asyncio.gather(
        door.post(f"/drafts/{draft_id}/approve", role="rep"),
        door.post(f"/drafts/{draft_id}/{second}", BODIES[second], role="operator"),
    )
    won, lost = sorted(answers, key=lambda answer: answer.status_code)
    assert (won.status_code, lost.status_code) == (200, 409)
    assert lost.json()["decided_by"] == won.json()["decided_by"]
    assert lost.json()["decision"] == won.json()["decision"]
    assert lost.json()["decided_at"] == "2026-11-23T09:00:00.000Z"
    assert len(door.mailer.delivered) == won.json()["sent"]


@pytest.mark.req("API-R24")
async def test_an_unknown_draft_and_a_stale_version_decide_nothing(door: Door) -> None:
    """404 for a draft that is none; 409 for the version before, and for a version of another number; then the right one."""
    first = await door.held_draft()
    assert (await door.post("/drafts/none/approve")).status_code == 404
    assert (await door.post(f"/drafts/{first}/approve", {"version": 2})).json()["current_version"] == 1
    second = (await door.post(f"/drafts/{first}/regenerate", {"feedback": "Shorter."})).json()["next_draft_id"]
    stale = await door.post(f"/drafts/{second}/approve", {"version": 1})
    assert (stale.status_code, stale.json()["type"]) == (409, "urn:agentic-sales:draft-version-stale")
    assert (await door.post(f"/drafts/{first}/approve")).status_code == 409
    assert door.mailer.delivered == []
    assert (await door.post(f"/drafts/{second}/approve", {"version": 2})).json()["sent"] is True


@pytest.mark.req("API-R24")
async def test_the_fifth_version_is_the_last(door: Door) -> None:
    """Regenerating once more is 409 and decides nothing; the version still waits for another decision."""
    draft_id = await door.held_draft()
    for _ in range(4):
        draft_id = (await door.post(f"/drafts/{draft_id}/regenerate", {"feedback": "Shorter."})).json()["next_draft_id"]
    refused = await door.post(f"/drafts/{draft_id}/regenerate", {"feedback": "Shorter."})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:agentic-sales:too-many-versions")
    assert (await door.post(f"/drafts/{draft_id}/approve", {"version": 5})).json()["sent"] is True


@pytest.mark.req("API-R18")
async def test_the_team_writes_and_nothing_is_sent(tmp_path: Path) -> None:
    """The draft comes back with the leader's roles and the reviewer's verdict; the outbox stays empty."""
    async with open_door(tmp_path, orchestrator_role_plan=True) as door:
        await door.seed("ada")
        answer = await door.post("/emails", {"campaign_id": "close", "contact_id": "ada"}, role="rep")
        said = answer.json()
        assert (answer.status_code, said["action"]) == (200, "compose")
        assert said["role_plan"]["roles"] == ["researcher", "composer", "reviewer"]
        assert said["draft"]["body"].startswith(EMAIL["body"])
        assert said["graph_meta"]["review_passed"] is True
        assert door.mailer.delivered == []


@pytest.mark.req("API-R18")
async def test_the_team_answers_what_came_in_and_skips_whom_it_may_not_write_to(door: Door) -> None:
    """An incoming email is replied to; for a suppressed contact the action is skip, and there is no draft."""
    await door.seed("ada")
    body: dict[str, Any] = {"campaign_id": "close", "contact_id": "ada"}
    reply = await door.post("/emails", {**body, "incoming": {"subject": "Re: close", "body": "Tell me more."}})
    assert (reply.json()["action"], reply.json()["role_plan"]) == ("reply", None)
    await door.rows.raise_flag("ada", "unsubscribed")
    skipped = (await door.post("/emails", body)).json()
    assert (skipped["action"], skipped["draft"]) == ("skip", None)
    assert "unsubscribed" in skipped["action_provenance"]["reason"]
    for unknown in ({"campaign_id": "open"}, {"contact_id": "eve"}):
        assert (await door.post("/emails", {**body, **unknown})).status_code == 404
