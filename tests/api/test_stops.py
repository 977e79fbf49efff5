"""An operator pauses, resumes and cancels over HTTP and from a terminal."""

import pytest
from typer.testing import CliRunner

from backend.cli.commands import app
from tests.api.door import Door
from tests.api.test_limited_tokens import attack

WAYS = {
    "/campaigns/close/threads/ada/stops": "thread:close:ada",
    "/campaigns/close/stops": "campaign:close",
    "/stops mailbox:ben@vendor.example": "mailbox:ben@vendor.example",
    "/stops everything": "everything",
}


@pytest.mark.req("STOP-R10")
@pytest.mark.parametrize(("way", "scope"), WAYS.items(), ids=WAYS.values())
async def test_an_operator_pauses_between_approval_and_send_and_resumes(door: Door, way: str, scope: str) -> None:
    """The approval is taken and waits, the list says who and why, and after the resume the email leaves."""
    draft_id = await door.held_draft()
    path, _, named = way.partition(" ")
    body = {"why": "a complaint", **({"scope": named} if named else {})}
    assert (await door.post(path, {"action": "pause", **body}, role="rep")).status_code == 403
    said = await door.post(path, {"action": "pause", **body})
    assert (said.status_code, said.json()["scope"]) == (200, scope)
    answer = (await door.post(f"/drafts/{draft_id}/approve", role="rep")).json()
    assert (answer["status"], answer["sent"]) == ("decided", False)
    (stop,) = (await door.read("/stops", role="operator"))["stops"]
    assert (stop["scope"], stop["said_by"], stop["why"], stop["threads"]) == (scope, "the-operator", "a complaint", 1)
    waiting = (await door.read("/campaigns/close/threads/ada"))["waiting_because"]
    assert (waiting["code"], waiting["until"]) == ("paused", None)
    assert (await door.sweep())["runs"] == []
    await door.post(path, {"action": "resume", **body})
    await door.sweep()
    assert len(door.mailer.delivered) == 1
    assert (await door.read("/stops", role="operator"))["stops"] == []


@pytest.mark.req("STOP-R10")
async def test_a_limited_token_stops_its_own_campaigns_and_lists_no_others(door: Door) -> None:
    """A pause of another campaign, of a mailbox or of everything is neither said nor shown."""
    attackers = await attack(door)
    await door.post("/campaigns/vault/stops", {"action": "pause"})
    await door.post("/stops", {"action": "pause", "scope": "everything"})
    operator = attackers[1]
    said = await operator.ask("POST", "/campaigns/open/stops", {"action": "pause"})
    thread = await operator.ask("POST", "/campaigns/open/threads/bob/stops", {"action": "pause"})
    assert (said.status_code, thread.status_code) == (200, 200)
    shown = (await operator.ask("GET", "/stops")).json()["stops"]
    assert [stop["scope"] for stop in shown] == ["campaign:open", "thread:open:bob"]
    assert (await operator.ask("POST", "/stops", {"action": "cancel", "scope": "everything"})).status_code == 403


@pytest.mark.req("STOP-R10")
def test_a_terminal_pauses_lists_and_resumes() -> None:
    """Each word says what it did; a scope that is none is refused with what it may be."""
    run = CliRunner()
    assert run.invoke(app, ["migrate"]).exit_code == 0
    paused = run.invoke(app, ["stops", "say", "pause", "everything", "--by", "op", "--why", "an audit"])
    assert (paused.exit_code, paused.stdout.partition(",")[0]) == (0, "everything is paused")
    listed = run.invoke(app, ["stops", "list"])
    assert [word in listed.stdout for word in ("everything", "op", "an audit")] == [True] * 3
    resumed = run.invoke(app, ["stops", "say", "resume", "everything", "--by", "op"])
    assert resumed.stdout.startswith("everything is resumed, by op at ")
    refused = run.invoke(app, ["stops", "say", "pause", "close"])
    assert (refused.exit_code, "is neither everything, mailbox:ADDRESS" in refused.stderr) == (1, True)
