"""Contacts and campaigns come in from outside, are cleaned here, and are written in one batch or not at all."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from backend.d1.clock import NOW
from backend.d1.statements import Database, Statement
from backend.domain.campaign import CAMPAIGN_OPTIONS, Campaign
from backend.domain.incoming import IntakeCounts, NewCompany, NewContact
from backend.domain.suppression import CONTACT_FLAGS, ContactFlag, address_sha256
from backend.domain.text import clean, one_line
from backend.errors import CampaignDiffers, UnknownContact
from backend.store.blocked import BLOCKED_BECAUSE

CHUNK_BYTES = 1_900_000
"""Rows of one JSON parameter, in UTF-8. D1 limit: 2,000,000 bytes a value."""

_FLAG_COLUMNS = ", ".join(CONTACT_FLAGS)
_GIVEN_FLAGS = ", ".join(f"COALESCE(given.value ->> '{flag}', known.{flag}, 0)" for flag in CONTACT_FLAGS)
_SET_FLAGS = ", ".join(f"{flag} = excluded.{flag}" for flag in CONTACT_FLAGS)
_OLD_FLAGS = ", ".join(f"contacts.{flag}" for flag in CONTACT_FLAGS)
_NEW_FLAGS = ", ".join(f"excluded.{flag}" for flag in CONTACT_FLAGS)

# ?1 is the rows, ?2 the batch's own id. Its audit row comes last, and whoever finds it leaves all as it is: a copy that arrives
# after something newer would undo that.
_NEW = "NOT EXISTS (SELECT 1 FROM audit WHERE audit.thread_id = '' AND audit_id = ?2)"
_DONE = f"""
INSERT INTO audit (thread_id, audit_id, at, principal, action) VALUES ('', ?1, {NOW}, 'intake', 'add') ON CONFLICT DO NOTHING"""

_KNOWN = """
SELECT count(*) AS known FROM json_each(?1) AS given JOIN contacts ON contact_id = given.value ->> 'contact_id'"""
_PUT_CONTACTS = f"""
INSERT INTO contacts (contact_id, company_id, address, address_sha256, name, title, time_zone, {_FLAG_COLUMNS}, updated_at)
SELECT given.value ->> 'contact_id', COALESCE(given.value ->> 'company_id', known.company_id),
  given.value ->> 'address', given.value ->> 'address_sha256', given.value ->> 'name',
  COALESCE(given.value ->> 'title', known.title, ''), COALESCE(given.value ->> 'time_zone', known.time_zone),
  {_GIVEN_FLAGS}, {NOW}
FROM json_each(?1) AS given LEFT JOIN contacts AS known ON known.contact_id = given.value ->> 'contact_id' WHERE {_NEW}
ON CONFLICT (contact_id) DO UPDATE SET company_id = excluded.company_id, address = excluded.address,
  address_sha256 = excluded.address_sha256, name = excluded.name, title = excluded.title, time_zone = excluded.time_zone,
  {_SET_FLAGS}, updated_at = excluded.updated_at
WHERE (contacts.company_id, contacts.address, contacts.name, contacts.title, contacts.time_zone, {_OLD_FLAGS})
  IS NOT (excluded.company_id, excluded.address, excluded.name, excluded.title, excluded.time_zone, {_NEW_FLAGS})
RETURNING contact_id"""
_SUPPRESS = f"""
INSERT INTO suppressions (address_sha256, reason, created_at)
SELECT value ->> 'address_sha256',
  CASE WHEN value ->> 'do_not_contact' THEN 'do_not_contact' WHEN value ->> 'bounced' THEN 'bounced' ELSE 'unsubscribed' END,
  {NOW}
FROM json_each(?1) WHERE (value ->> 'do_not_contact' OR value ->> 'bounced' OR value ->> 'unsubscribed') AND {_NEW}
ON CONFLICT DO NOTHING"""
_PUT_COMPANIES = f"""
INSERT INTO companies (company_id, name, domain, time_zone)
SELECT value ->> 'company_id', value ->> 'name', value ->> 'domain', value ->> 'time_zone' FROM json_each(?1) WHERE {_NEW}
ON CONFLICT (company_id) DO UPDATE SET name = excluded.name, domain = COALESCE(excluded.domain, domain),
  time_zone = COALESCE(excluded.time_zone, time_zone)
WHERE (excluded.name, COALESCE(excluded.domain, domain), COALESCE(excluded.time_zone, time_zone))
  IS NOT (name, domain, time_zone)"""
_PUT_FACTS = f"""
INSERT INTO company_facts (company_id, field, source, value, confidence, observed_at)
SELECT value ->> 'company_id', value ->> 'field', value ->> 'source', value ->> 'value', value ->> 'confidence',
  value ->> 'observed_at'
FROM json_each(?1) WHERE {_NEW}
ON CONFLICT (company_id, field, source) DO UPDATE
SET value = excluded.value, confidence = excluded.confidence, observed_at = excluded.observed_at
WHERE (company_facts.value, confidence, observed_at) <> (excluded.value, excluded.confidence, excluded.observed_at)"""

# A draft for somebody who may not be written to any more is withdrawn at once, and so is another's of the same address.
# UPDATE … FROM would read all drafts that wait, once a contact.
_BLOCKED_THREADS = f"""
SELECT threads.thread_id AS thread_id, threads.step AS step, threads.draft_version AS version, {BLOCKED_BECAUSE} AS blocked
FROM json_each(?1) AS given CROSS JOIN contacts AS named ON named.contact_id = given.value ->> 'contact_id'
CROSS JOIN contacts ON contacts.address_sha256 = named.address_sha256
CROSS JOIN threads ON threads.contact_id = contacts.contact_id AND threads.status = 'awaiting_approval'"""
WITHDRAW = f"""
UPDATE drafts SET status = 'withdrawn', reason = (
  SELECT {BLOCKED_BECAUSE} FROM threads JOIN contacts USING (contact_id) WHERE threads.thread_id = drafts.thread_id
)
WHERE (thread_id, step, version) IN (SELECT thread_id, step, version FROM ({_BLOCKED_THREADS}) WHERE blocked IS NOT NULL)
  AND status = 'pending' AND {_NEW}"""
END_WITHDRAWN = f"""
UPDATE threads SET status = 'stopped', next_touch_at = NULL, waiting_for = NULL, status_reason = (
  SELECT drafts.reason FROM drafts
  WHERE (drafts.thread_id, drafts.step, drafts.version) = (threads.thread_id, threads.step, threads.draft_version)
)
WHERE thread_id IN (SELECT thread_id FROM ({_BLOCKED_THREADS}) WHERE blocked IS NOT NULL) AND {_NEW}"""

_CONTACT = "SELECT 1 AS known FROM contacts WHERE contact_id = ?1"
MARK = {
    flag: f"UPDATE contacts SET {flag} = 1, updated_at = {NOW} WHERE contact_id = ?1 AND {flag} = 0 AND {_NEW}"
    for flag in CONTACT_FLAGS
}
SUPPRESS_CONTACT = f"""
INSERT INTO suppressions (address_sha256, reason, created_at)
SELECT address_sha256, ?3, {NOW} FROM contacts WHERE contact_id = ?1 AND ?3 <> 'replied' AND {_NEW} ON CONFLICT DO NOTHING"""
_AUDIT_MARK = f"""
INSERT INTO audit (thread_id, audit_id, at, principal, action, detail)
SELECT '', ?2, {NOW}, ?3, ?4, ?5 FROM contacts WHERE contact_id = ?1 ON CONFLICT DO NOTHING"""

_OPTIONS = ", ".join(CAMPAIGN_OPTIONS)
_PUT_CAMPAIGN = f"""
INSERT INTO campaigns (campaign_id, name, offer, sender_name, sender_address, allowed_links, reply_to, postal_address,
  {_OPTIONS}, created_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, {NOW}) ON CONFLICT DO NOTHING RETURNING campaign_id"""
_CAMPAIGN = f"""
SELECT name, offer, sender_name, sender_address, allowed_links, reply_to, postal_address, {_OPTIONS} FROM campaigns
WHERE campaign_id = ?1"""


class D1Intake:
    """`ports.IntakeRecords` over D1."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_contacts(self, contacts: Sequence[NewContact]) -> IntakeCounts:
        """See `ports.IntakeRecords.add_contacts`."""
        batch_id = f"add:{uuid4().hex}"
        companies = [contact["company"] for contact in contacts if "company" in contact]
        chunks = _chunks(map(_contact_row, contacts))
        results = await self._database.batch(
            [
                *(Statement(_KNOWN, (rows,)) for rows in chunks),
                *(Statement(_PUT_CONTACTS, (rows, batch_id)) for rows in chunks),
                *(Statement(_SUPPRESS, (rows, batch_id)) for rows in chunks),
                *(Statement(_PUT_COMPANIES, (rows, batch_id)) for rows in _chunks(map(_company_row, companies))),
                *(Statement(_PUT_FACTS, (rows, batch_id)) for rows in _chunks(_fact_rows(companies))),
                *(Statement(sql, (rows, batch_id)) for rows in chunks for sql in (WITHDRAW, END_WITHDRAWN)),
                Statement(_DONE, (batch_id,)),
            ]
        )
        size = len(chunks)
        known = sum(result.rows[0]["known"] for result in results[:size])
        written = sum(len(result.rows) for result in results[size : 2 * size])
        created = len(contacts) - known
        return IntakeCounts(created, written - created, len(contacts) - written)

    async def add_campaign(self, campaign: Campaign) -> bool:
        """See `ports.IntakeRecords.add_campaign`."""
        content: dict[str, str | None] = {
            "name": one_line(campaign["name"]),
            "offer": clean(campaign["offer"]),
            "sender_name": one_line(campaign["sender_name"]),
            "sender_address": campaign["sender_address"],
            "allowed_links": json.dumps(campaign["allowed_links"]),
            "reply_to": campaign.get("reply_to", ""),
            "postal_address": one_line(campaign.get("postal_address", "")),
            **{option: campaign.get(option) for option in CAMPAIGN_OPTIONS},
        }
        campaign_id = campaign["campaign_id"]
        made, stored = await self._database.batch(
            [Statement(_PUT_CAMPAIGN, (campaign_id, *content.values())), Statement(_CAMPAIGN, (campaign_id,))]
        )
        if stored.rows[0] != content:
            raise CampaignDiffers(campaign_id)
        return bool(made.rows)

    async def mark(self, contact_id: str, flag: ContactFlag, *, evidence: str, principal: str) -> bool:
        """See `ports.IntakeRecords.mark`; the same evidence marks once."""
        mark = (contact_id, f"mark:{contact_id}:{flag}:{evidence}")
        given = (json.dumps([{"contact_id": contact_id}]), mark[1])
        known, marked, *_ = await self._database.batch(
            [
                Statement(_CONTACT, mark[:1]),
                Statement(f"{MARK[flag]} RETURNING contact_id", mark),
                Statement(SUPPRESS_CONTACT, (*mark, flag)),
                Statement(WITHDRAW, given),
                Statement(END_WITHDRAWN, given),
                Statement(_AUDIT_MARK, (*mark, principal, flag, evidence)),
            ]
        )
        if not known.rows:
            raise UnknownContact(contact_id)
        return bool(marked.rows)


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
        "time_zone": company.get("time_zone"),
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
