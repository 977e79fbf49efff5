"""The one invented campaign of the tests: Ben offers Ada of Northwind a shorter month-end close."""

from typing import Any

from backend.domain.campaign import Campaign, Company, Contact, Email
from backend.domain.closing import OPT_OUT_LINE
from backend.domain.facts import Fact
from backend.domain.incoming import NewCompany, NewContact
from backend.store.intake import D1Intake

PLAN: dict[str, Any] = {
    "angle": "a shorter month-end close",
    "tone": "direct",
    "cadence_days": [0, 3, 5],
    "max_touches": 3,
    "stop_criteria": "Stop when a meeting is booked.",
}
EMAIL = {"subject": "Your month-end close", "body": "Hello Ada, three days are a long close. Shall we talk?"}
MINE = Email(subject="Mine", body=f"My own words.\n\n{OPT_OUT_LINE}")
"""What a person writes instead of a draft."""
SCRIPT: dict[str, Any] = {
    "campaign:coach_plan": PLAN,
    "email:compose": EMAIL,
    "email:reply": {**EMAIL, "learned": []},
    "email:role_plan": {"roles": ["researcher", "composer", "reviewer"]},
}
"""What a scripted model answers, by prompt path."""

LINK = "https://vendor.example/close"
FACT = Fact(
    field="close_days",
    value="Its month-end close takes three days",
    confidence=0.9,
    source="the 2025 annual report",
    observed_at="2026-09-30T11:00:00.000Z",
)
COMPANY = Company(company_id="northwind", name="Northwind", domain="northwind.example")
CAMPAIGN = Campaign(
    campaign_id="close",
    name="Close",
    offer="We shorten the close.",
    sender_name="Ben Ortiz",
    sender_address="ben@vendor.example",
    allowed_links=[LINK],
)
CONTACT = Contact(
    contact_id="ada",
    company_id="northwind",
    address="ada@northwind.example",
    name="Ada Ngata",
    title="CFO",
    time_zone="Pacific/Auckland",
    do_not_contact=False,
    bounced=False,
    unsubscribed=False,
    replied=False,
)

FACT_BODY: dict[str, Any] = {
    "field": FACT["field"],
    "value": FACT["value"],
    "confidence": FACT["confidence"],
    "source": FACT["source"],
    "date": "2026-10-01T00:00:00+13:00",
}
COMPANY_BODY: dict[str, Any] = {**COMPANY, "facts": [FACT_BODY]}
CONTACT_BODY: dict[str, Any] = {
    **{key: CONTACT[key] for key in ("contact_id", "address", "name", "title", "time_zone")},
    "company": COMPANY_BODY,
}
CAMPAIGN_BODY: dict[str, Any] = {
    **{key: CAMPAIGN[key] for key in ("campaign_id", "name", "offer", "allowed_links")},
    "sender": {"name": CAMPAIGN["sender_name"], "address": CAMPAIGN["sender_address"]},
}
"""The same over HTTP."""


def contact_body(contact_id: str, **changes: Any) -> dict[str, Any]:
    """A colleague of Ada's, of the same name, as a request's body holds her."""
    return {**CONTACT_BODY, "contact_id": contact_id, "address": f"{contact_id}@northwind.example", **changes}


def new_contact(contact_id: str = "ada", *, facts: list[Fact] | None = None) -> NewContact:
    """The same colleague as she comes in; Northwind is known by its one fact unless others are given."""
    company = NewCompany(
        company_id="northwind", name="Northwind", domain="northwind.example", facts=[FACT] if facts is None else facts
    )
    return NewContact(
        contact_id=contact_id,
        address=f"{contact_id}@northwind.example",
        name="Ada Ngata",
        title="CFO",
        time_zone="Pacific/Auckland",
        company=company,
    )


async def settle(intake: D1Intake, *contact_ids: str) -> None:
    """Add the campaign and these contacts of Northwind."""
    await intake.add_campaign(CAMPAIGN)
    await intake.add_contacts([new_contact(contact_id) for contact_id in contact_ids])
