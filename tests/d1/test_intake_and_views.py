"""What comes in through the doors and what is shown there reads the same over every transport."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import pytest

from backend.checkpointer.saver import D1Saver
from backend.d1.meter import MeteredDatabase
from backend.domain.access import Principal
from backend.domain.campaign import Campaign
from backend.domain.facts import Fact
from backend.domain.flags import Flags
from backend.domain.incoming import NewCompany, NewContact
from backend.errors import CampaignDiffers, TokenNameTaken
from backend.store.intake import D1Intake
from backend.store.threads import D1Threads
from backend.store.tokens import D1Tokens
from backend.store.views import D1Views
from tests.northwind import CAMPAIGN
from tests.rows import Rows

AT = "2026-11-23T09:00:00.000Z"
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.fixture
def name() -> str:
    """An id no other test uses; the Worker's database is shared."""
    return f"n{uuid4().hex}"


def contact(name: str, **known: Any) -> NewContact:
    """A contact of a company with one fact, and whatever else is known."""
    fact = Fact(field="size", value="Three hundred people", confidence=0.5, source="a podcast", observed_at=AT)
    company = NewCompany(company_id=name, name="Northwind", facts=[fact])
    given = {"contact_id": name, "address": f"{name}@x.example", "name": "Ada Ngata", "company": company, **known}
    return cast("NewContact", given)


async def campaign(database: MeteredDatabase, name: str, offer: str = "We shorten the close.") -> bool:
    """Add a campaign; says whether it is new."""
    content: Campaign = {**CAMPAIGN, "campaign_id": name, "offer": offer, "allowed_links": ["https://vendor.example/é"]}
    return await D1Intake(database).add_campaign(content)


@pytest.mark.req("API-R9", "API-R10", "API-R11")
async def test_what_comes_in_is_kept(database: MeteredDatabase, name: str) -> None:
    """Contacts are created, changed and left alone by what is given; a campaign is found again or refused."""
    intake = D1Intake(database)
    outcomes = [
        await intake.add_contacts([given])
        for given in (contact(name, title="CFO", bounced=True), contact(name), contact(name, title="CEO", bounced=False))
    ]
    assert [(found.created, found.updated, found.unchanged) for found in outcomes] == [(1, 0, 0), (0, 0, 1), (0, 1, 0)]
    (row,) = await Rows(database).all("contacts", contact_id=name)
    assert (row["title"], row["bounced"]) == ("CEO", 0)
    (suppression,) = await Rows(database).all("suppressions", address_sha256=row["address_sha256"])
    assert suppression["reason"] == "bounced"
    assert [await campaign(database, name), await campaign(database, name)] == [True, False]
    with pytest.raises(CampaignDiffers):
        await campaign(database, name, offer="Another one.")


@pytest.mark.req("API-R14", "API-R15")
async def test_what_is_shown_is_what_is_stored(database: MeteredDatabase, name: str) -> None:
    """A thread, the list and the card of its draft, in one request each."""
    await D1Intake(database).add_contacts([contact(name)])
    await campaign(database, name)
    saver = D1Saver(database)
    await D1Threads(database, saver, Flags()).enrol(name, [name], principal="op")
    origin = '{"confidence": 0.5, "reason": "r", "source": "rule", "evidence": []}'
    draft_id = await Rows(database).hold_draft(name, name, provenance=origin)
    views, before = D1Views(database, saver, Flags()), database.meter.copy()
    thread = await views.thread(name, name)
    page = await views.drafts(campaign_id=name)
    after = await views.drafts(campaign_id=name, cursor=f"{AT}~x", limit=1)
    card = await views.draft(draft_id)
    assert database.meter.since(before).requests == 4
    assert (thread.status, thread.plan, thread.plan_in_force, thread.touches[0].step) == ("scheduled", None, False, 0)
    assert thread.waiting_because
    assert thread.waiting_because.code == "sweep"
    assert [(found.draft_id, found.company_name, found.step) for found in page.drafts] == [(draft_id, "Northwind", 0)]
    assert (page.next_cursor, after.drafts) == (None, [])
    assert (card.contact.name, card.facts[0].confidence, card.provenance.source) == ("Ada Ngata", 0.5, "rule")


@pytest.mark.req("API-R4")
async def test_a_token_is_found_by_its_text(database: MeteredDatabase, name: str) -> None:
    """From its creation to its revocation, and its name is taken that long."""
    tokens = D1Tokens(database)
    token = await tokens.create(name, "rep", now=NOW, expires_in=timedelta(days=1))
    assert await tokens.find(token, NOW) == Principal(name, "rep")
    with pytest.raises(TokenNameTaken):
        await tokens.create(name, "rep", now=NOW, expires_in=timedelta(days=1))
    await tokens.revoke(name, now=NOW)
    assert await tokens.find(token, NOW) is None
    assert await tokens.create(name, "operator", now=NOW, expires_in=timedelta(days=1)) != token
    assert [row.role for row in await tokens.list() if row.name == name] == ["operator"]
