"""Contacts, campaigns and enrolments coming in."""

import asyncio
from typing import Any

import pytest

from backend.domain.facts import Fact
from backend.domain.incoming import NewCompany, NewContact
from backend.domain.suppression import address_sha256
from backend.store.intake import CHUNK_BYTES, D1Intake
from tests.api.door import Door
from tests.northwind import CAMPAIGN_BODY, COMPANY_BODY, CONTACT_BODY, FACT, FACT_BODY

AT = "2026-11-23T09:00:00.000Z"


async def put(door: Door, **changes: Any) -> dict[str, int]:
    """Put one contact with these changes; None leaves a key out."""
    contact = {key: value for key, value in {**CONTACT_BODY, **changes}.items() if value is not None}
    answer = await door.post("/contacts", {"contacts": [contact]})
    assert answer.status_code == 200, answer.text
    counts: dict[str, int] = answer.json()
    return counts


async def stored(door: Door) -> dict[str, Any]:
    """The one contact's row."""
    (row,) = await door.rows.all("contacts")
    return row


@pytest.mark.req("API-R9")
async def test_what_a_contact_leaves_out_stays(door: Door) -> None:
    """Title, zone, company and flags outlive a request that does not know them; what is named is replaced."""
    assert await put(door, replied=True) == {"created": 1, "updated": 0, "unchanged": 0}
    before = await stored(door)
    assert await put(door, title=None, time_zone=None, company=None) == {"created": 0, "updated": 0, "unchanged": 1}
    assert await stored(door) == before
    door.clock.advance(door.mailer.replay_window)
    assert await put(door, title="CEO", replied=False) == {"created": 0, "updated": 1, "unchanged": 0}
    changed = {"title": "CEO", "replied": 0, "updated_at": "2026-11-24T09:00:00.000Z"}
    assert await stored(door) == {**before, **changed}


@pytest.mark.req("API-R9")
async def test_a_fact_replaces_the_one_of_its_field_and_source(door: Door) -> None:
    """The same field from the same source is one fact, from another source another; a company keeps an unnamed domain."""
    await put(door)
    newer = {**FACT_BODY, "value": "Its close takes two days", "confidence": 1}
    elsewhere = {**FACT_BODY, "source": "a podcast"}
    company = {key: value for key, value in COMPANY_BODY.items() if key != "domain"}
    await put(door, company={**company, "name": "Northwind Ltd", "facts": [newer, elsewhere]})
    known = {"company_id": "northwind", **FACT}
    assert await door.rows.all("company_facts") == [
        {**known, "source": "a podcast"},
        {**known, "value": newer["value"], "confidence": 1},
    ]
    expected = {"company_id": "northwind", "name": "Northwind Ltd", "domain": "northwind.example", "time_zone": None}
    assert await door.rows.all("companies") == [expected]


@pytest.mark.req("API-R9")
async def test_text_is_cleaned_on_its_way_in(door: Door) -> None:
    """Invisible characters and line breaks in names are gone before anything is stored."""
    hidden = "Ada\u200b\U000e0041 \n Ngata"
    company = {**COMPANY_BODY, "name": "North\u2060wind", "facts": [{**FACT_BODY, "value": " three\u200d days\x07 "}]}
    await put(door, name=hidden, title=hidden, company=company)
    row = await stored(door)
    assert (row["name"], row["title"]) == ("Ada Ngata", "Ada Ngata")
    assert [stored["name"] for stored in await door.rows.all("companies")] == ["Northwind"]
    assert [stored["value"] for stored in await door.rows.all("company_facts")] == ["three days"]


@pytest.mark.req("API-R9")
async def test_contacts_go_in_with_one_request_however_large(door: Door) -> None:
    """500 contacts whose facts fill several values of D1 are one batch."""
    facts = [Fact(field=f"field {n}", value="é" * 1000, confidence=0.5, source="s", observed_at=AT) for n in range(5)]
    contacts = [
        NewContact(
            contact_id=f"c{n}",
            address=f"c{n}@x.example",
            name="N",
            company=NewCompany(company_id=f"k{n}", name="K", facts=facts),
        )
        for n in range(500)
    ]
    before = door.service.database.meter.copy()
    counts = await D1Intake(door.service.database).add_contacts(contacts)
    spent = door.service.database.meter.since(before)
    assert (counts.created, spent.requests) == (500, 1)
    assert spent.bytes_sent > 2 * CHUNK_BYTES
    assert len(await door.rows.all("company_facts")) == 2500


@pytest.mark.req("API-R9")
async def test_one_bad_contact_keeps_all_out(door: Door) -> None:
    """A request is all or none."""
    bad = {"contacts": [CONTACT_BODY, {**CONTACT_BODY, "contact_id": "bob", "address": "nowhere"}]}
    assert (await door.post("/contacts", bad)).status_code == 422
    assert await door.rows.all("contacts") == []


@pytest.mark.req("API-R10")
@pytest.mark.parametrize("flag", ["do_not_contact", "bounced", "unsubscribed"])
async def test_a_flag_suppresses_the_address_for_good(door: Door, flag: str) -> None:
    """The hash stays whatever comes in later; an answer of the contact is no reason to suppress."""
    await put(door, replied=True)
    assert await door.rows.all("suppressions") == []
    await put(door, **{flag: True})
    await put(door, **{flag: False})
    await put(door, address="other@northwind.example")
    (stored,) = await door.rows.all("suppressions")
    assert (stored["address_sha256"], stored["reason"]) == (address_sha256(CONTACT_BODY["address"]), flag)


@pytest.mark.req("API-R11")
async def test_a_campaign_is_created_once(door: Door) -> None:
    """The same again is 200 and the same campaign; another content under its id is 409; without an id it gets its own."""
    first, again = await door.post("/campaigns", CAMPAIGN_BODY), await door.post("/campaigns", CAMPAIGN_BODY)
    assert (first.status_code, first.json()) == (201, {"campaign_id": "close", "created": True})
    assert (again.status_code, again.json()) == (200, {"campaign_id": "close", "created": False})
    before = await door.rows.all("campaigns")
    differs = await door.post("/campaigns", {**CAMPAIGN_BODY, "allowed_links": []})
    assert (differs.status_code, differs.json()["type"]) == (409, "urn:agentic-sales:campaign-differs")
    assert await door.rows.all("campaigns") == before
    unnamed = {key: value for key, value in CAMPAIGN_BODY.items() if key != "campaign_id"}
    ids = {(await door.post("/campaigns", unnamed)).json()["campaign_id"] for _ in range(2)}
    assert len(ids | {"close"}) == 3


@pytest.mark.req("API-R12")
async def test_enrolling_again_answers_with_the_thread_that_exists(door: Door) -> None:
    """Also when both requests come at the same instant: one thread, made by one of them."""
    await door.post("/contacts", {"contacts": [CONTACT_BODY]})
    await door.post("/campaigns", CAMPAIGN_BODY)
    answers = await asyncio.gather(*(door.post("/campaigns/close/enrolments", {"contact_id": "ada"}) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 201]
    threads = [answer.json()["threads"][0] for answer in answers]
    assert len({thread.pop("created") for thread in threads}) == 2
    expected = {
        "thread_id": "close:ada",
        "campaign_id": "close",
        "contact_id": "ada",
        "status": "scheduled",
        "step": 0,
        "enrolled_at": AT,
        "next_touch_at": AT,
    }
    assert threads == [expected] * 3
    assert [row["principal"] for row in await door.rows.audit(action="enrol")] == ["the-operator"]


@pytest.mark.req("API-R12")
@pytest.mark.parametrize(("campaign_id", "contact_id", "kind"), [("open", "ada", "campaign"), ("close", "eve", "contact")])
async def test_an_unknown_campaign_or_contact_enrols_nobody(door: Door, campaign_id: str, contact_id: str, kind: str) -> None:
    """404 names what is unknown, and the contacts beside it are not enrolled either."""
    await door.post("/contacts", {"contacts": [CONTACT_BODY]})
    await door.post("/campaigns", CAMPAIGN_BODY)
    answer = await door.post(f"/campaigns/{campaign_id}/enrolments", {"contact_ids": ["ada", contact_id]})
    assert (answer.status_code, answer.json()["type"]) == (404, f"urn:agentic-sales:unknown-{kind}")
    assert await door.rows.threads() == []


@pytest.mark.req("WHEN-R4", "STOP-R8")
async def test_a_campaign_says_when_it_sends_and_what_a_colleagues_reply_does(door: Door) -> None:
    """What it says is stored and is part of its content: said again it is found, said otherwise it is refused."""
    wishes = {
        "send_days": "mon,wed",
        "send_hours": "08:30-12:00",
        "time_zone": "Europe/Berlin",
        "holiday_country": "DE",
        "on_colleague_reply": "hold",
    }
    body = {**CAMPAIGN_BODY, **wishes}
    assert [(await door.post("/campaigns", body)).status_code for _ in range(2)] == [201, 200]
    (row,) = await door.rows.all("campaigns")
    assert {name: row[name] for name in wishes} == wishes
    assert (await door.post("/campaigns", CAMPAIGN_BODY)).status_code == 409
    for name, wrong in (("send_days", "weekdays"), ("send_hours", "17:00-09:00"), ("holiday_country", "de")):
        assert (await door.post("/campaigns", {**body, "campaign_id": "x", name: wrong})).status_code == 422
