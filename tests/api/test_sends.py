"""Emails nobody knows the outcome of: listed, and resolved by a person's word."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from backend.d1.statements import Result, Statement
from backend.store.sends import D1Sends
from tests.api.door import Door
from tests.fakes.passing_database import PassingDatabase
from tests.fakes.wavering_database import WaveringDatabase


@dataclass
class KeptDatabase(PassingDatabase):
    """Passes batches on and keeps them, to be delivered once more."""

    batches: list[Sequence[Statement]] = field(default_factory=list[Sequence[Statement]])

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """See `Database.batch`."""
        self.batches.append(statements)
        return await self.database.batch(statements)


async def lose_one(door: Door) -> dict[str, Any]:
    """Approve a draft whose answer from the provider is lost, let every retry pass, and return the send as it is listed."""
    door.mailer.replay_window = timedelta(0)
    draft_id = await door.held_draft()
    door.mailer.lose_answer()
    await door.post(f"/drafts/{draft_id}/approve")
    door.clock.advance(timedelta(minutes=2))
    await door.sweep()
    page = await door.read("/sends?state=unknown", role="operator")
    assert (len(page["sends"]), page["next_cursor"]) == (1, None)
    send: dict[str, Any] = page["sends"][0]
    return send


async def resolve(door: Door, send: dict[str, Any], *, delivered: bool) -> Any:
    """Say what became of it."""
    return await door.post(f"/sends/{send['send_id']}/resolve", {"delivered": delivered})


@pytest.mark.req("SEND-R10")
async def test_what_nobody_knows_is_listed(door: Door) -> None:
    """With the id to look it up by, who has it, and why; nothing before, and a page goes on after it."""
    assert await door.read("/sends?state=unknown", role="operator") == {"sends": [], "next_cursor": None}
    send = await lose_one(door)
    (row,) = await door.rows.sends()
    shown = ("thread_id", "campaign_id", "contact_id", "thread_status", "step", "provider", "message_id", "error")
    assert {name: send[name] for name in shown} == {
        **{name: row[name] for name in ("thread_id", "contact_id", "step", "provider", "message_id", "error")},
        "campaign_id": "close",
        "thread_status": "parked",
    }
    following = await door.read("/sends?state=unknown", role="operator", cursor=send["send_id"])
    assert following["sends"] == []


@pytest.mark.req("SEND-R11")
async def test_what_was_delivered_goes_on_as_sent(door: Door) -> None:
    """The provider is not asked again, and the next touch follows."""
    send = await lose_one(door)
    answer = await resolve(door, send, delivered=True)
    assert (answer.status_code, answer.json()["state"]) == (200, "sent")
    attempts = door.mailer.attempts.total()
    assert (await door.sweep())["counts"]["sent"] == 1
    assert (door.mailer.attempts.total(), len(door.mailer.delivered)) == (attempts, 1)
    assert (await door.rows.thread())["status"] == "scheduled"
    (said,) = await door.rows.audit(action="resolve as sent")
    assert said["principal"] == "the-operator"


@pytest.mark.req("SEND-R12")
async def test_what_was_not_delivered_is_sent_under_a_new_claim(door: Door) -> None:
    """One more attempt is made, and it is recorded as its own."""
    send = await lose_one(door)
    answer = await resolve(door, send, delivered=False)
    assert (answer.status_code, answer.json()["state"]) == (200, "not_delivered")
    attempts = door.mailer.attempts.total()
    assert (await door.sweep())["counts"]["sent"] == 1
    assert door.mailer.attempts.total() == attempts + 1
    (row,) = await door.rows.sends()
    assert (row["state"], f"close:ada:0:{row['attempt_id'].rpartition(':')[2]}" != send["send_id"]) == ("sent", True)


@pytest.mark.req("SEND-R13")
async def test_a_word_said_twice_is_refused_and_changes_nothing(door: Door) -> None:
    """Known is 409, another attempt or a made-up one is 404, and the rows stay as they were."""
    send = await lose_one(door)
    await resolve(door, send, delivered=True)
    before = await door.rows.everything()
    again = await resolve(door, send, delivered=False)
    assert (again.status_code, again.json()["type"]) == (409, "urn:agentic-sales:send-not-unknown")
    for other in ("close:ada:0:999", "close:bob:0:1"):
        assert (await resolve(door, {"send_id": other}, delivered=True)).status_code == 404
    assert await door.rows.everything() == before


@pytest.mark.req("SEND-R13")
async def test_a_word_that_comes_late_is_for_its_own_attempt(door: Door) -> None:
    """The batch of *not delivered* arrives again when the next attempt is unknown too: that one stays unknown."""
    send = await lose_one(door)
    kept = KeptDatabase(door.service.database)
    await D1Sends(kept).resolve(send["send_id"], delivered=False, principal="op")
    door.mailer.lose_answer()
    await door.sweep()
    assert await door.rows.send_states() == ["unknown"]
    before = await door.rows.everything()
    await kept.database.batch(kept.batches[0])
    assert await door.rows.everything() == before


async def test_a_word_whose_answer_was_lost_is_said_once(door: Door) -> None:
    """The batch is sent again by the client, and counts once."""
    send = await lose_one(door)
    outcome = await D1Sends(WaveringDatabase(door.service.database, times=2)).resolve(
        send["send_id"], delivered=True, principal="op"
    )
    assert outcome.state == "sent"
    assert len(await door.rows.audit(action="resolve as sent")) == 1
