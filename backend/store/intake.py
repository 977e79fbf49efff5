"""What comes in from outside, contacts and campaigns: cleaned here, and written in one batch or not at all."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from backend.d1.statements import Database, Statement
from backend.domain.campaign import Campaign
from backend.domain.incoming import IntakeCounts, NewCompany, NewContact
from backend.domain.suppression import CONTACT_FLAGS, ContactFlag, address_sha256
from backend.domain.text import clean, one_line
from backend.errors import CampaignDiffers, UnknownContact

CHUNK_BYTES = 1_900_000
"""Rows of one JSON parameter, in UTF-8. D1 limit: 2,000,000 bytes a value."""

_KNOWN = """
SELECT count(*) AS known FROM json_each(?1) AS given JOIN contacts ON contact_id = given.value ->> 'contact_id'"""
_PUT_CONTACTS = """
INSERT INTO contacts (contact_id, company_id, address, address_sha256, name, title, time_zone,
  do_not_contact, bounced, unsubscribed, replied, updated_at)
SELECT given.value ->> 'contact_id', COALESCE(given.value ->> 'company_id', known.company_id),
  given.value ->> 'address', given.value ->> 'address_sha256', given.value ->> 'name',
  COALESCE(given.value ->> 'title', known.title, ''), COALESCE(given.value ->> 'time_zone', known.time_zone),
  COALESCE(given.value ->> 'do_not_contact', known.do_not_contact, 0), COALESCE(given.value ->> 'bounced', known.bounced, 0),
  COALESCE(given.value ->> 'unsubscribed', known.unsubscribed, 0), COALESCE(given.value ->> 'replied', known.replied, 0), ?2
FROM json_each(?1) AS given LEFT JOIN contacts AS known ON known.contact_id = given.value ->> 'contact_id' WHERE true
ON CONFLICT (contact_id) DO UPDATE SET company_id = excluded.company_id, address = excluded.address,
  address_sha256 = excluded.address_sha256, name = excluded.name, title = excluded.title, time_zone = excluded.time_zone,
  do_not_contact = excluded.do_not_contact, bounced = excluded.bounced, unsubscribed = excluded.unsubscribed,
  replied = excluded.replied, updated_at = excluded.updated_at
WHERE (contacts.company_id, contacts.address, contacts.name, contacts.title, contacts.time_zone,
    contacts.do_not_contact, contacts.bounced, contacts.unsubscribed, contacts.replied)
  IS NOT (excluded.company_id, excluded.address, excluded.name, excluded.title, excluded.time_zone,
    excluded.do_not_contact, excluded.bounced, excluded.unsubscribed, excluded.replied)
RETURNING contact_id"""
_SUPPRESS = """
INSERT INTO suppressions (address_sha256, reason, created_at)
SELECT value ->> 'address_sha256',
  CASE WHEN value ->> 'do_not_contact' THEN 'do_not_contact' WHEN value ->> 'bounced' THEN 'bounced' ELSE 'unsubscribed' END, ?2
FROM json_each(?1) WHERE value ->> 'do_not_contact' OR value ->> 'bounced' OR value ->> 'unsubscribed'
ON CONFLICT DO NOTHING"""
_PUT_COMPANIES = """
INSERT INTO companies (company_id, name, domain)
SELECT value ->> 'company_id', value ->> 'name', value ->> 'domain' FROM json_each(?1) WHERE true
ON CONFLICT (company_id) DO UPDATE SET name = excluded.name, domain = COALESCE(excluded.domain, domain)
WHERE name <> excluded.name OR COALESCE(excluded.domain, domain) IS NOT domain"""
_PUT_FACTS = """
INSERT INTO company_facts (company_id, field, source, value, confidence, observed_at)
SELECT value ->> 'company_id', value ->> 'field', value ->> 'source', value ->> 'value', value ->> 'confidence',
  value ->> 'observed_at'
FROM json_each(?1) WHERE true
ON CONFLICT (company_id, field, source) DO UPDATE
SET value = excluded.value, confidence = excluded.confidence, observed_at = excluded.observed_at
WHERE (company_facts.value, confidence, observed_at) <> (excluded.value, excluded.confidence, excluded.observed_at)"""

_CONTACT = "SELECT * FROM contacts WHERE contact_id = ?1"
_MARK = {
    flag: f"UPDATE contacts SET {flag} = 1, updated_at = ?2 WHERE contact_id = ?1 AND {flag} = 0"  # noqa: S608  # our own names
    for flag in CONTACT_FLAGS
}
_SUPPRESS_CONTACT = """
INSERT INTO suppressions (address_sha256, reason, created_at)
SELECT address_sha256, ?2, ?3 FROM contacts WHERE contact_id = ?1 AND ?2 <> 'replied' ON CONFLICT DO NOTHING"""
_AUDIT_MARK = """
INSERT INTO audit (audit_id, thread_id, at, principal, action, detail)
SELECT ?1, '', ?3, ?4, ?5, ?6 FROM contacts WHERE contact_id = ?2 ON CONFLICT DO NOTHING"""

_PUT_CAMPAIGN = """
INSERT INTO campaigns (campaign_id, name, offer, sender_name, sender_address, allowed_links, created_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING RETURNING campaign_id"""
_CAMPAIGN = "SELECT name, offer, sender_name, sender_address, allowed_links FROM campaigns WHERE campaign_id = ?1"


class D1Intake:
    """Writes what comes in from outside."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_contacts(self, contacts: Sequence[NewContact], *, at: str) -> IntakeCounts:
        """Create or update the contacts, their companies and facts, all in one batch; no two have the same id.

        An address that may not be written to for good (do_not_contact, bounced, unsubscribed) is suppressed as well, and
        stays so whatever comes in later.
        """
        companies = [contact["company"] for contact in contacts if "company" in contact]
        contact_chunks = _chunks(map(_contact_row, contacts))
        results = await self._database.batch(
            [
                *(Statement(_KNOWN, (rows,)) for rows in contact_chunks),
                *(Statement(_PUT_CONTACTS, (rows, at)) for rows in contact_chunks),
                *(Statement(_SUPPRESS, (rows, at)) for rows in contact_chunks),
                *(Statement(_PUT_COMPANIES, (rows,)) for rows in _chunks(map(_company_row, companies))),
                *(Statement(_PUT_FACTS, (rows,)) for rows in _chunks(_fact_rows(companies))),
            ]
        )
        size = len(contact_chunks)
        known = sum(result.rows[0]["known"] for result in results[:size])
        written = sum(len(result.rows) for result in results[size : 2 * size])
        created = len(contacts) - known
        return IntakeCounts(created, written - created, len(contacts) - written)

    async def add_campaign(self, campaign: Campaign, *, at: str) -> bool:
        """Create the campaign, or find it with this very content; says whether this call made it.

        Raises:
            CampaignDiffers: the id is taken by another content; nothing was written.
        """
        content = {
            "name": one_line(campaign["name"]),
            "offer": clean(campaign["offer"]),
            "sender_name": one_line(campaign["sender_name"]),
            "sender_address": campaign["sender_address"],
            "allowed_links": json.dumps(campaign["allowed_links"]),
        }
        campaign_id = campaign["campaign_id"]
        made, stored = await self._database.batch(
            [Statement(_PUT_CAMPAIGN, (campaign_id, *content.values(), at)), Statement(_CAMPAIGN, (campaign_id,))]
        )
        if stored.rows[0] != content:
            raise CampaignDiffers(campaign_id)
        return bool(made.rows)

    async def mark(self, contact_id: str, flag: ContactFlag, *, evidence: str, principal: str, at: str) -> bool:
        """See `ports.IntakeRecords.mark`."""
        audit_id = f"mark:{contact_id}:{flag}:{evidence}"
        known, *_ = await self._database.batch(
            [
                Statement(_CONTACT, (contact_id,)),
                Statement(_MARK[flag], (contact_id, at)),
                Statement(_SUPPRESS_CONTACT, (contact_id, flag, at)),
                Statement(_AUDIT_MARK, (audit_id, contact_id, at, principal, flag, evidence)),
            ]
        )
        if not known.rows:
            raise UnknownContact(contact_id)
        return not known.rows[0][flag]


def _contact_row(contact: NewContact) -> dict[str, Any]:
    return {
        "contact_id": contact["contact_id"],
        "company_id": contact["company"]["company_id"] if "company" in contact else None,
        "address": contact["address"],
        "address_sha256": address_sha256(contact["address"]),
        "name": one_line(contact["name"]),
        "title": one_line(contact["title"]) if "title" in contact else None,
        "time_zone": contact.get("time_zone"),
        **{flag: contact.get(flag) for flag in CONTACT_FLAGS},
    }


def _company_row(company: NewCompany) -> dict[str, Any]:
    return {
        "company_id": company["company_id"],
        "name": one_line(company["name"]),
        "domain": one_line(company["domain"]) if "domain" in company else None,
    }


def _fact_rows(companies: Iterable[NewCompany]) -> Iterable[dict[str, Any]]:
    for company in companies:
        for fact in company["facts"]:
            yield {
                "company_id": company["company_id"],
                "field": one_line(fact["field"]),
                "value": clean(fact["value"]),
                "confidence": fact["confidence"],
                "source": one_line(fact["source"]),
                "observed_at": fact["observed_at"],
            }


def _chunks(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The rows as JSON arrays of at most `CHUNK_BYTES`, in order."""
    chunks: list[list[str]] = []
    room = 0
    for row in rows:
        text = json.dumps(row, ensure_ascii=False)
        size = len(text.encode()) + 1
        if size > room:
            chunks.append([])
            room = CHUNK_BYTES - 1
        chunks[-1].append(text)
        room -= size
    return [f"[{','.join(chunk)}]" for chunk in chunks]
