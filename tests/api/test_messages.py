"""What a message is made of comes in over HTTP, and is shown there: addresses, one-line texts, and the preview."""

from typing import Any

import pytest

from backend.mail.message import render
from tests.api.door import Door
from tests.mail.test_bad_input import BAD_ADDRESSES
from tests.northwind import CAMPAIGN_BODY

BAD_NAMES = ("=?utf-8?q?a?=", "x" * 201, "\u200b\x00")
REFUSED: list[dict[str, Any]] = [
    *({"reply_to": text} for text in BAD_ADDRESSES),
    *({"sender": {"name": "Ben", "address": text}} for text in BAD_ADDRESSES),
    *({"sender": {"name": text, "address": "ben@vendor.example"}} for text in BAD_NAMES),
    {"postal_address": "x" * 201},
    {"postal_address": " \r\n\x00\u200b"},
]
HOSTILE = "Vendor\r\nBcc: eve@evil.example\x00\u200b"


@pytest.mark.req("POST-R12")
async def test_a_campaign_whose_messages_would_be_malformed_is_refused(door: Door) -> None:
    """Each with the field's name, and nothing of what it held."""
    for change in REFUSED:
        answer = await door.post("/campaigns", {**CAMPAIGN_BODY, **change})
        assert (answer.status_code, len(answer.json()["errors"])) == (422, 1), change
        assert answer.json()["errors"][0]["where"].startswith(f"body.{next(iter(change))}")
        assert "evil" not in answer.text
    assert await door.rows.all("campaigns") == []


@pytest.mark.req("POST-R12", "POST-R13")
async def test_a_line_is_made_one_line(door: Door) -> None:
    """Line ends become blanks, and what cannot be seen is taken away; a domain beyond ASCII is taken as it is."""
    sender = {"name": HOSTILE, "address": "ben@förge.example"}
    body = {**CAMPAIGN_BODY, "sender": sender, "reply_to": "ben@förge.example", "postal_address": HOSTILE}
    assert (await door.post("/campaigns", body)).status_code == 201
    (row,) = await door.rows.all("campaigns")
    assert row["sender_name"] == row["postal_address"] == "Vendor Bcc: eve@evil.example"
    assert row["sender_address"] == row["reply_to"] == "ben@förge.example"


async def test_a_campaign_that_was_made_stays_as_it_is(door: Door) -> None:
    """Where answers go and the postal address are part of its content: the same again is found, another is 409."""
    body = {**CAMPAIGN_BODY, "reply_to": "answers@vendor.example", "postal_address": "Mill Lane 1"}
    assert [(await door.post("/campaigns", body)).status_code for _ in range(2)] == [201, 200]
    for change in ({"reply_to": None}, {"postal_address": "Mill Lane 2"}):
        assert (await door.post("/campaigns", {**body, **change})).status_code == 409


@pytest.mark.req("POST-R12")
async def test_a_persons_subject_is_held_to_it_too(door: Door) -> None:
    """At most 200 characters, something to see, and no encoded text."""
    draft_id = await door.held_draft()
    for subject, status in (("x" * 201, 422), ("=?utf-8?q?a?=", 422), ("\u200b", 422), ("x" * 200, 200)):
        edit = {"subject": subject, "body": "Hello", "override": True}
        assert (await door.post(f"/drafts/{draft_id}/edit", edit)).status_code == status


@pytest.mark.req("POST-R10")
async def test_a_preview_is_a_message(door: Door) -> None:
    """Its bytes as such, for whoever may read the draft; one that cannot leave says why, and shows nothing of it."""
    draft_id = await door.held_draft()
    answer = await door.ask("GET", f"/drafts/{draft_id}/preview", "rep")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "message/rfc822")
    assert answer.content == render(await door.service.previews.email(draft_id))
    assert (await door.ask("GET", "/drafts/close:ada:9:1/preview", "rep")).status_code == 404
    assert not door.mailer.attempts
    await door.rows.set_drafts(subject="a\r\nBcc: eve@evil.example")
    unfit = await door.ask("GET", f"/drafts/{draft_id}/preview", "rep")
    assert (unfit.status_code, unfit.json()["type"]) == (409, "urn:agentic-sales:draft-unfit")
    assert "eve@evil.example" not in unfit.text
