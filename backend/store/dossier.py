"""What is known of one contact, as statements that fit into any batch and a reader of their results."""

import json
from collections.abc import Sequence

from backend.d1.statements import Result, Row, Statement
from backend.domain.campaign import Campaign, Company, Contact, Dossier, Memory, PastTouch
from backend.domain.facts import MAX_COMPANY_FACTS, Fact
from backend.errors import UnknownCampaign, UnknownContact

MAX_PAST_TOUCHES = 6
MAX_MEMORIES = 20

_CAMPAIGN = "SELECT * FROM campaigns WHERE campaign_id = ?1"
_CONTACT = """
SELECT contacts.*, suppressions.address_sha256 IS NOT NULL AS suppressed
FROM contacts LEFT JOIN suppressions USING (address_sha256) WHERE contact_id = ?1"""
_COMPANY = """
SELECT companies.* FROM contacts JOIN companies USING (company_id) WHERE contact_id = ?1"""
_FACTS = """
SELECT field, value, confidence, company_facts.source AS source, observed_at
FROM contacts JOIN company_facts USING (company_id) WHERE contact_id = ?1
ORDER BY confidence DESC, field, company_facts.source LIMIT ?2"""
_HISTORY = """
SELECT step, email FROM send_ledger WHERE contact_id = ?1 AND state = 'sent' ORDER BY reserved_at DESC LIMIT ?2"""
_MEMORIES = """
SELECT kind, text FROM memories WHERE contact_id = ?1 ORDER BY created_at DESC, kind, text LIMIT ?2"""


def read_brief(campaign_id: str, contact_id: str) -> list[Statement]:
    """The statements `take_brief` reads the results of."""
    return [
        Statement(_CAMPAIGN, (campaign_id,)),
        Statement(_CONTACT, (contact_id,)),
        Statement(_COMPANY, (contact_id,)),
        Statement(_FACTS, (contact_id, MAX_COMPANY_FACTS)),
        Statement(_HISTORY, (contact_id, MAX_PAST_TOUCHES)),
        Statement(_MEMORIES, (contact_id, MAX_MEMORIES)),
    ]


def take_brief(results: Sequence[Result], campaign_id: str, contact_id: str) -> tuple[Campaign, Dossier]:
    """Read the results of `read_brief`, which come first in `results`.

    Raises:
        UnknownCampaign, UnknownContact: there is none with this id.
    """
    campaigns, contacts, companies, facts, history, memories = (result.rows for result in results[:6])
    if not campaigns:
        raise UnknownCampaign(campaign_id)
    if not contacts:
        raise UnknownContact(contact_id)
    dossier = Dossier(
        contact=_contact(contacts[0]),
        company=_company(companies[0]) if companies else None,
        facts=[_fact(row) for row in facts],
        history=[_past_touch(row) for row in reversed(history)],
        memories=[Memory(kind=row["kind"], text=row["text"]) for row in reversed(memories)],
        suppressed=bool(contacts[0]["suppressed"]),
    )
    return _campaign(campaigns[0]), dossier


def _campaign(row: Row) -> Campaign:
    return Campaign(
        campaign_id=row["campaign_id"],
        name=row["name"],
        offer=row["offer"],
        sender_name=row["sender_name"],
        sender_address=row["sender_address"],
        allowed_links=json.loads(row["allowed_links"]),
    )


def _contact(row: Row) -> Contact:
    return Contact(
        contact_id=row["contact_id"],
        company_id=row["company_id"],
        address=row["address"],
        name=row["name"],
        title=row["title"],
        time_zone=row["time_zone"],
        do_not_contact=bool(row["do_not_contact"]),
        bounced=bool(row["bounced"]),
        unsubscribed=bool(row["unsubscribed"]),
        replied=bool(row["replied"]),
    )


def _company(row: Row) -> Company:
    return Company(company_id=row["company_id"], name=row["name"], domain=row["domain"])


def _fact(row: Row) -> Fact:
    return Fact(
        field=row["field"],
        value=row["value"],
        confidence=row["confidence"],
        source=row["source"],
        observed_at=row["observed_at"],
    )


def _past_touch(row: Row) -> PastTouch:
    email = json.loads(row["email"])
    return PastTouch(step=row["step"], subject=email["subject"], body=email["body"], sent_at=email["sent_at"])
