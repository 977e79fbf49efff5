"""Threads in D1: enrolment, the claims of a sweep, the compare-and-set of a decision, and the run as one transaction."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from backend.checkpointer.saver import D1Saver
from backend.d1.statements import Database, Result, Row, Statement
from backend.domain.campaign import (
    MAX_DRAFT_VERSIONS,
    DecisionRequest,
    Email,
    pair_of,
    thread_id_of,
)
from backend.domain.flags import Flags
from backend.errors import (
    DraftAlreadyDecided,
    DraftNoLongerWaits,
    DraftVersionStale,
    TooManyVersions,
    UnknownCampaign,
    UnknownContact,
    UnknownDraft,
)
from backend.ports import Enrolment, Lease, Run
from backend.store.runs import open_run, read_case, read_case_of_draft, thread_of

_ENROL = """
INSERT INTO threads (thread_id, campaign_id, contact_id, status, status_reason, enrolled_at, next_touch_at)
SELECT campaign_id || ':' || contact_id, campaign_id, contact_id, 'scheduled', 'enrolled', ?3, ?3
FROM json_each(?2) AS wanted JOIN contacts ON contact_id = wanted.value JOIN campaigns ON campaign_id = ?1
WHERE NOT EXISTS (
  SELECT 1 FROM json_each(?2) AS named WHERE NOT EXISTS (SELECT 1 FROM contacts WHERE contact_id = named.value)
)
ON CONFLICT DO NOTHING RETURNING thread_id"""
_ENROLLED = """
SELECT threads.* FROM json_each(?2) AS wanted JOIN threads ON thread_id = ?1 || ':' || wanted.value"""
_CAMPAIGN_EXISTS = "SELECT 1 AS known FROM campaigns WHERE campaign_id = ?1"
_STRANGERS = """
SELECT value AS contact_id FROM json_each(?1) WHERE NOT EXISTS (SELECT 1 FROM contacts WHERE contact_id = value)"""
_AUDIT_ENROLMENTS = """
INSERT INTO audit (audit_id, thread_id, at, principal, action)
SELECT 'enrol:' || thread_id, thread_id, enrolled_at, ?3, 'enrol'
FROM json_each(?2) AS wanted JOIN threads ON thread_id = ?1 || ':' || wanted.value WHERE true ON CONFLICT DO NOTHING"""

_CLAIM = """
UPDATE threads SET lease_owner = ?1, lease_until_at = ?3, fence = fence + 1
WHERE thread_id IN (
  SELECT thread_id FROM threads
  WHERE next_touch_at IS NOT NULL AND next_touch_at <= ?2 AND (lease_until_at IS NULL OR lease_until_at <= ?2)
  ORDER BY next_touch_at LIMIT ?4
)"""
_CLAIMED = """
SELECT thread_id, fence FROM threads
WHERE next_touch_at IS NOT NULL AND next_touch_at <= ?2 AND lease_owner = ?1 ORDER BY next_touch_at"""

_DECIDE = """
UPDATE drafts SET status = 'decided', decision = ?2, decision_key = ?3, decided_by = ?4, decided_at = ?5,
  feedback = ?7, reason = ?8,
  approved_subject = CASE ?2 WHEN 'approve' THEN subject WHEN 'edit' THEN ?9 END,
  approved_body = CASE ?2 WHEN 'approve' THEN body WHEN 'edit' THEN ?10 END
WHERE draft_id = ?1 AND status = 'pending' AND version = COALESCE(?6, version)
  AND (?2 <> 'regenerate' OR version < ?11)
  AND EXISTS (
    SELECT 1 FROM threads
    WHERE threads.thread_id = drafts.thread_id AND threads.draft_id = ?1 AND threads.status = 'awaiting_approval'
  )"""
_TAKE_DECIDED = """
UPDATE threads SET status = 'decided', status_reason = 'decided, not yet acted on', next_touch_at = ?3, attempts = 0,
  lease_owner = ?2, lease_until_at = ?4, fence = fence + 1
WHERE status = 'awaiting_approval' AND thread_id = (SELECT thread_id FROM drafts WHERE draft_id = ?1 AND decision_key = ?2)"""
_AUDIT_DECISION = """
INSERT INTO audit (audit_id, thread_id, at, principal, action, draft_id, version, detail)
SELECT 'decision:' || ?2, thread_id, decided_at, decided_by, decision, draft_id, version, reason
FROM drafts WHERE draft_id = ?1 AND decision_key = ?2 ON CONFLICT DO NOTHING"""
_DECIDED = """
SELECT drafts.*, threads.status AS thread_status, threads.fence AS fence FROM drafts JOIN threads USING (thread_id)
WHERE drafts.draft_id = ?1"""


@dataclass(frozen=True, slots=True)
class _OpenedLease(Lease):
    """A lease whose claim has read, in the same request, what its run reads first."""

    opening: Sequence[Result] = field(default=(), compare=False, repr=False)


class D1Threads:
    """`ports.Threads` over D1. `flags` are the defaults the stored flags are laid over."""

    def __init__(self, database: Database, saver: D1Saver, flags: Flags) -> None:
        self._database = database
        self._saver = saver
        self._flags = flags

    async def enrol(self, campaign_id: str, contact_ids: Sequence[str], *, at: str, principal: str) -> list[Enrolment]:
        """See `ports.Threads.enrol`."""
        wanted = json.dumps(list(contact_ids))
        made, _, campaign, strangers, found = await self._database.batch(
            [
                Statement(_ENROL, (campaign_id, wanted, at)),
                Statement(_AUDIT_ENROLMENTS, (campaign_id, wanted, principal)),
                Statement(_CAMPAIGN_EXISTS, (campaign_id,)),
                Statement(_STRANGERS, (wanted,)),
                Statement(_ENROLLED, (campaign_id, wanted)),
            ]
        )
        if not campaign.rows:
            raise UnknownCampaign(campaign_id)
        if strangers.rows:
            raise UnknownContact(strangers.rows[0]["contact_id"])
        new = {row["thread_id"] for row in made.rows}
        threads = {row["contact_id"]: thread_of(row) for row in found.rows}
        ids = [thread_id_of(campaign_id, contact_id) for contact_id in contact_ids]
        return [Enrolment(threads[pair_of(thread_id)[1]], thread_id in new) for thread_id in ids]

    async def claim_due(self, *, owner: str, now: str, until_at: str, limit: int) -> list[Lease]:
        """See `ports.Threads.claim_due`."""
        _, claimed = await self._database.batch(
            [Statement(_CLAIM, (owner, now, until_at, limit)), Statement(_CLAIMED, (owner, now))]
        )
        return [Lease(row["thread_id"], owner, row["fence"], until_at) for row in claimed.rows]

    async def decide(self, draft_id: str, request: DecisionRequest, *, owner: str, now: str, until_at: str) -> Lease:
        """See `ports.Threads.decide`."""
        edited = request.edited or Email(subject="", body="")
        results = await self._database.batch(
            [
                Statement(
                    _DECIDE,
                    (
                        *(draft_id, request.decision, owner, request.principal, now, request.version),
                        *(request.feedback, request.reason, edited["subject"], edited["body"], MAX_DRAFT_VERSIONS),
                    ),
                ),
                Statement(_TAKE_DECIDED, (draft_id, owner, now, until_at)),
                Statement(_AUDIT_DECISION, (draft_id, owner)),
                Statement(_DECIDED, (draft_id,)),
                *read_case_of_draft(self._saver, draft_id),
            ]
        )
        decided, opening = results[3], results[4:]
        if not decided.rows:
            raise UnknownDraft(draft_id)
        row = decided.rows[0]
        if row["decision_key"] == owner:
            return _OpenedLease(row["thread_id"], owner, row["fence"], until_at, opening)
        raise _refusal(row, request)

    @asynccontextmanager
    async def run(self, lease: Lease) -> AsyncGenerator[Run, None]:
        """See `ports.Threads.run`."""
        opening = lease.opening if isinstance(lease, _OpenedLease) else ()
        results = opening or await self._database.batch(read_case(self._saver, lease.thread_id))
        async with open_run(self._database, self._saver, self._flags, lease, results) as run:
            yield run


def _refusal(row: Row, request: DecisionRequest) -> Exception:
    """Why the compare-and-set found nothing to decide."""
    draft_id, version = row["draft_id"], row["version"]
    if row["status"] == "decided":
        return DraftAlreadyDecided(draft_id, row["decision"], row["decided_by"], row["decided_at"])
    if request.version not in (None, version):
        return DraftVersionStale(draft_id, request.version or 0, version)
    if request.decision == "regenerate" and version >= MAX_DRAFT_VERSIONS:
        return TooManyVersions(draft_id, MAX_DRAFT_VERSIONS)
    return DraftNoLongerWaits(draft_id, row["thread_status"])
