"""The records of contacts, as statements that fit into any batch, however many contacts, and a reader of their results."""

import json
from collections.abc import Iterable, Sequence

from backend.d1.statements import Result, Row, Statement
from backend.domain.campaign import CAMPAIGN_OPTIONS, Campaign, Company, Contact, Dossier, Memory, PastTouch
from backend.domain.facts import MAX_COMPANY_FACTS, Fact
from backend.errors import UnknownCampaign, UnknownContact
from backend.store.blocked import ADDRESS_FLAGS

MAX_PAST_TOUCHES = 6
MAX_MEMORIES = 20

# ?1 is a JSON array of ids. CROSS JOIN keeps the order in which tables are named.

_CAMPAIGNS = "SELECT campaigns.* FROM json_each(?1) AS wanted CROSS JOIN campaigns ON campaign_id = wanted.value"
_CONTACTS = f"""
SELECT contacts.*, suppressions.address_sha256 IS NOT NULL AS suppressed, {ADDRESS_FLAGS}
FROM json_each(?1) AS wanted CROSS JOIN contacts ON contacts.contact_id = wanted.value
CROSS JOIN contacts AS same ON same.address_sha256 = contacts.address_sha256
LEFT JOIN suppressions ON suppressions.address_sha256 = contacts.address_sha256
GROUP BY contacts.contact_id"""
_COMPANIES = """
SELECT contact_id, companies.* FROM json_each(?1) AS wanted CROSS JOIN contacts ON contact_id = wanted.value
CROSS JOIN companies ON companies.company_id = contacts.company_id"""
# Of facts, sends and memories the subquery takes the first few of an index, so that what lies behind them is not read.
_FACTS = """
SELECT contact_id, facts.field, facts.value, facts.confidence, facts.source, facts.observed_at
FROM json_each(?1) AS wanted CROSS JOIN contacts ON contact_id = wanted.value
CROSS JOIN company_facts AS facts ON facts.company_id = contacts.company_id AND (facts.field, facts.source) IN (
  SELECT field, source FROM company_facts AS known WHERE known.company_id = contacts.company_id
  ORDER BY confidence DESC, field, source LIMIT ?2
) ORDER BY contact_id, facts.confidence DESC, facts.field, facts.source"""
_HISTORY = """
SELECT sent.contact_id, sent.step, sent.envelope, COALESCE(approved_subject, subject) AS subject,
  COALESCE(approved_body, body) AS body
FROM json_each(?1) AS wanted CROSS JOIN send_ledger AS sent ON (sent.thread_id, sent.step) IN (
  SELECT thread_id, step FROM send_ledger AS known WHERE known.contact_id = wanted.value AND known.state = 'sent'
  ORDER BY reserved_at DESC LIMIT ?2
) CROSS JOIN drafts USING (thread_id, step, version) ORDER BY sent.contact_id, sent.reserved_at"""
_MEMORIES = """
SELECT memories.contact_id, memories.kind, memories.text
FROM json_each(?1) AS wanted CROSS JOIN memories ON memories.contact_id = wanted.value AND (memories.kind, memories.text) IN (
  SELECT kind, text FROM memories AS known WHERE known.contact_id = wanted.value
  ORDER BY created_at DESC, kind, text LIMIT ?2
) ORDER BY memories.contact_id, memories.created_at, memories.kind DESC, memories.text DESC"""


def select_dossiers(campaign_ids: Iterable[str], contact_ids: Iterable[str]) -> list[Statement]:
    """Return the statements that `take_dossier` reads the results of."""
    campaigns, contacts = (json.dumps(list(dict.fromkeys(ids))) for ids in (campaign_ids, contact_ids))
    return [
        Statement(_CAMPAIGNS, (campaigns,)),
        Statement(_CONTACTS, (contacts,)),
        Statement(_COMPANIES, (contacts,)),
        Statement(_FACTS, (contacts, MAX_COMPANY_FACTS)),
        Statement(_HISTORY, (contacts, MAX_PAST_TOUCHES)),
        Statement(_MEMORIES, (contacts, MAX_MEMORIES)),
    ]


DOSSIER_RESULTS = 6
"""The number of results that `take_dossier` reads."""


def take_dossier(results: Sequence[Result], campaign_id: str, contact_id: str) -> tuple[Campaign, Dossier]:
    """Read one campaign and one contact from the results of `select_dossiers`.

    Raises:
        UnknownCampaign, UnknownContact: there is none with this id.
    """
    campaigns = [row for row in results[0].rows if row["campaign_id"] == campaign_id]
    contacts, companies, facts, history, memories = (
        [row for row in result.rows if row["contact_id"] == contact_id] for result in results[1:DOSSIER_RESULTS]
    )
    if not campaigns:
        raise UnknownCampaign(campaign_id)
    if not contacts:
        raise UnknownContact(contact_id)
    dossier = Dossier(
        contact=_contact(contacts[0]),
        company=_company(companies[0]) if companies else None,
        facts=[_fact(row) for row in facts],
        history=[_past_touch(row) for row in history],
        memories=[Memory(kind=row["kind"], text=row["text"]) for row in memories],
        suppressed=bool(contacts[0]["suppressed"]),
    )
    return campaign_of(campaigns[0]), dossier


def campaign_of(row: Row) -> Campaign:
    """Read a row of `campaigns`."""
    campaign = Campaign(
        campaign_id=row["campaign_id"],
        name=row["name"],
        offer=row["offer"],
        sender_name=row["sender_name"],
        sender_address=row["sender_address"],
        allowed_links=json.loads(row["allowed_links"]),
        reply_to=row["reply_to"],
        postal_address=row["postal_address"],
    )
    for option in CAMPAIGN_OPTIONS:
        if row[option] is not None:
            campaign[option] = row[option]
    return campaign


def _contact(row: Row) -> Contact:
    return Contact(
        contact_id=row["contact_id"],
        company_id=row["company_id"],
        address=row["address"],
        name=row["name"],
        title=row["title"],
        time_zone=row["time_zone"],
        do_not_contact=bool(row["any_do_not_contact"]),
        bounced=bool(row["any_bounced"]),
        unsubscribed=bool(row["any_unsubscribed"]),
        replied=bool(row["any_replied"]),
    )


def _company(row: Row) -> Company:
    company = Company(company_id=row["company_id"], name=row["name"], domain=row["domain"])
    if row["time_zone"] is not None:
        company["time_zone"] = row["time_zone"]
    return company


def _fact(row: Row) -> Fact:
    return Fact(
        field=row["field"],
        value=row["value"],
        confidence=row["confidence"],
        source=row["source"],
        observed_at=row["observed_at"],
    )


def _past_touch(row: Row) -> PastTouch:
    sent_at = json.loads(row["envelope"])["sent_at"]
    return PastTouch(step=row["step"], subject=row["subject"], body=row["body"], sent_at=sent_at)
