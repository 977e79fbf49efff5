"""A parked thread goes back to the sweep, by an operator's word."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from backend.errors import AgenticSalesError
from backend.store.requeue import D1Requeue
from tests.api.door import Door
from tests.fakes.wavering_database import WaveringDatabase
from tests.northwind import CONTACT_BODY

REQUEUE = "/campaigns/close/threads/ada/requeue"


async def thread(door: Door) -> dict[str, Any]:
    """The one thread's row."""
    return await door.rows.thread()


async def park_refused(door: Door) -> None:
    """Approve the draft of a contact whose address the provider refuses."""
    draft_id = await door.held_draft()
    door.mailer.refuse()
    assert (await door.post(f"/drafts/{draft_id}/approve")).json()["status"] == "parked"


async def assert_refused(door: Door, kind: str) -> None:
    """The request is 409 of this kind, and nothing changed by it."""
    before = await thread(door), await door.rows.sends(), await door.rows.audit()
    answer = await door.post(REQUEUE)
    assert (answer.status_code, answer.json()["type"]) == (409, f"urn:agentic-sales:{kind}")
    assert (await thread(door), await door.rows.sends(), await door.rows.audit()) == before


@pytest.mark.req("RUN-R21")
async def test_what_was_given_up_is_listed(door: Door) -> None:
    """With why, though its checkpoint is damaged; a page of one goes on after it, and a rep may not ask."""
    assert await door.read("/threads/parked", role="operator") == {"threads": [], "next_cursor": None}
    await park_refused(door)
    await door.rows.damage_checkpoints()
    page = await door.read("/threads/parked", role="operator", limit=1)
    (parked,) = page["threads"]
    assert (parked["thread_id"], parked["campaign_id"], parked["contact_id"]) == ("close:ada", "close", "ada")
    assert parked["status_reason"]
    assert page["next_cursor"] is None
    assert (await door.read("/threads/parked", role="operator", cursor="close:ada"))["threads"] == []
    assert (await door.ask("GET", "/threads/parked", "rep")).status_code == 403


@pytest.mark.req("API-R20", "API-R22")
async def test_a_refused_send_is_tried_again(door: Door) -> None:
    """The decision stands: the sweep after it sends the approved text, once, and the audit trail says who put it back."""
    await park_refused(door)
    door.clock.advance(timedelta(hours=1))
    answer = await door.post(REQUEUE)
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "thread_id": "close:ada",
            "campaign_id": "close",
            "contact_id": "ada",
            "status": "decided",
            "step": 0,
            "next_touch_at": "2026-11-23T10:00:00.000Z",
        },
    )
    row = await thread(door)
    assert (row["attempts"], row["status_reason"]) == (0, "requeued by the-operator")
    assert await door.rows.sends() == []
    (audit,) = await door.rows.audit(action="requeue")
    assert (audit["principal"], audit["at"]) == ("the-operator", "2026-11-23T10:00:00.000Z")
    assert (await door.sweep())["counts"]["sent"] == 1
    assert len(door.mailer.delivered) == 1
    assert (await thread(door))["step"] == 1


@pytest.mark.req("API-R20")
async def test_a_thread_without_a_decision_is_drafted_anew(door: Door) -> None:
    """Given up before its draft was written, it is due at once; at the second touch too, after the first's decision."""
    await door.seed("ada")
    for step in (0, 1):
        await door.rows.set_threads(status="parked", next_touch_at=None, attempts=5)
        back = (await door.post(REQUEUE)).json()
        assert (back["status"], back["step"], back["next_touch_at"] is None) == ("scheduled", step, False)
        await door.sweep()
        await door.post(f"/drafts/{await door.pending()}/approve")
    assert len(door.mailer.delivered) == 2


@pytest.mark.req("API-R22")
@pytest.mark.parametrize("state", ["reserved", "unknown"])
async def test_an_email_that_may_have_left_is_repeated_under_its_key_while_the_provider_knows_it(
    door: Door, state: str
) -> None:
    """Within the window the repeat delivers at most once; past it the thread is parked again and nothing is posted."""
    await park_refused(door)
    await door.rows.set_sends(state=state)
    door.clock.advance(door.mailer.replay_window)
    attempts = door.mailer.attempts.total()
    await door.post(REQUEUE)
    assert (await door.sweep())["counts"]["sent"] == 0
    assert (await thread(door))["status"] == "parked"
    assert door.mailer.attempts.total() == attempts
    door.clock.advance(-timedelta(hours=1))
    await door.post(REQUEUE)
    assert (await door.sweep())["counts"]["sent"] == 1
    assert set(door.mailer.deliveries.values()) == {1}


@pytest.mark.req("API-R23")
async def test_a_thread_that_is_not_parked_is_left_alone(door: Door) -> None:
    """Scheduled, waiting or stopped: there is nothing to put back; an operator who comes second learns so."""
    await door.seed("ada")
    assert (await door.post(REQUEUE)).json()["thread_status"] == "scheduled"
    await assert_refused(door, "thread-not-parked")
    await door.sweep()
    await assert_refused(door, "thread-not-parked")
    await door.rows.set_threads(status="parked")
    answers = await asyncio.gather(door.post(REQUEUE), door.post(REQUEUE))
    assert sorted(answer.status_code for answer in answers) == [200, 409]


@pytest.mark.req("API-R21")
async def test_a_batch_sent_twice_puts_back_once(door: Door) -> None:
    """It is one request; at once or only after the thread was given up again, a repeat changes nothing and has its answer."""
    await park_refused(door)
    wavering = WaveringDatabase(door.service.database, times=2)
    await D1Requeue(wavering).requeue("close", "ada", principal="op")
    assert len(wavering.batches) == 1
    door.mailer.refuse()
    await door.sweep()
    parked = await thread(door)
    assert parked["status"] == "parked"
    repeated = await door.service.database.batch(wavering.batches[0])
    assert repeated[-1].rows[0]["requeued"]
    assert await thread(door) == parked
    assert await door.rows.send_states() == ["failed"]
    assert len(await door.rows.audit(action="requeue")) == 1


@pytest.mark.req("API-R23")
@pytest.mark.parametrize(
    ("campaign_id", "contact_id", "kind"),
    [("open", "ada", "Campaign"), ("close", "eve", "Contact"), ("close", "bob", "Thread")],
)
async def test_what_is_not_there_is_named(door: Door, campaign_id: str, contact_id: str, kind: str) -> None:
    """404 says whether the campaign, the contact or the enrolment is missing."""
    await door.seed("ada")
    await door.post("/contacts", {"contacts": [{**CONTACT_BODY, "contact_id": "bob"}]})
    assert (await door.post(f"/campaigns/{campaign_id}/threads/{contact_id}/requeue")).status_code == 404
    with pytest.raises(AgenticSalesError) as missing:
        await door.service.parked.requeue(campaign_id, contact_id, principal="op")
    assert type(missing.value).__name__ == f"Unknown{kind}"
