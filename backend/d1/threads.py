"""Threads in D1: enrolment, the claims of a sweep, the compare-and-set of a decision, and the run as one transaction."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields

from backend.d1.checkpointer import D1Saver
from backend.d1.dossier import read_brief, take_brief
from backend.d1.flags import READ_FLAGS, take_flags
from backend.d1.transaction import Transaction
from backend.domain.campaign import (
    MAX_DRAFT_VERSIONS,
    Case,
    DecisionRecord,
    DecisionRequest,
    Draft,
    Email,
    HeldDraft,
    Thread,
    ThreadStatus,
    pair_of,
    thread_id_of,
)
from backend.domain.flags import Flags
from backend.errors import (
    DraftAlreadyDecided,
    DraftNoLongerWaits,
    DraftVersionStale,
    LeaseLost,
    TooManyVersions,
    UnknownCampaign,
    UnknownContact,
    UnknownDraft,
)
from backend.ports import Database, Enrolment, Lease, Row, Run, SqlValue, Statement

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

_THREAD = "SELECT * FROM threads WHERE thread_id = ?1 AND lease_owner = ?2 AND fence = ?3"
_DECISION = """
SELECT drafts.*, COALESCE(approved_subject, subject) AS final_subject, COALESCE(approved_body, body) AS final_body
FROM threads JOIN drafts USING (draft_id) WHERE threads.thread_id = ?1 AND threads.status = 'decided'"""

_LEASE_HELD = """
INSERT INTO guards (lease_held)
SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM threads WHERE thread_id = ?1 AND lease_owner = ?2 AND fence = ?3)
  AND NOT EXISTS (SELECT 1 FROM audit WHERE audit_id = ?4)"""
_HOLD = """
INSERT INTO drafts (draft_id, thread_id, step, version, status, subject, body, provenance, graph_meta, created_at)
VALUES (?1, ?2, ?3, ?4, 'pending', ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING"""
_RELEASE = """
UPDATE threads SET status = ?4, status_reason = ?5, step = ?6, next_touch_at = ?7, draft_id = COALESCE(?8, draft_id),
  attempts = ?9, lease_owner = NULL, lease_until_at = NULL
WHERE thread_id = ?1 AND lease_owner = ?2 AND fence = ?3"""
_AUDIT_RUN = """
INSERT INTO audit (audit_id, thread_id, at, principal, action, draft_id, detail)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING"""


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
        *_, decided = await self._database.batch(
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
            ]
        )
        if not decided.rows:
            raise UnknownDraft(draft_id)
        row = decided.rows[0]
        if row["decision_key"] == owner:
            return Lease(row["thread_id"], owner, row["fence"], until_at)
        raise _refusal(row, request)

    @asynccontextmanager
    async def run(self, lease: Lease) -> AsyncGenerator[Run, None]:
        """See `ports.Threads.run`."""
        campaign_id, contact_id = pair_of(lease.thread_id)
        brief = read_brief(campaign_id, contact_id)
        checkpoint = self._saver.latest_statements(lease.thread_id)
        results = await self._database.batch(
            [
                Statement(_THREAD, (lease.thread_id, lease.owner, lease.fence)),
                READ_FLAGS,
                Statement(_DECISION, (lease.thread_id,)),
                *brief,
                *checkpoint,
            ]
        )
        threads, decisions = results[0].rows, results[2].rows
        if not threads:
            raise LeaseLost(lease.thread_id)
        campaign, dossier = take_brief(results[3:], campaign_id, contact_id)
        case = Case(
            thread=thread_of(threads[0]),
            campaign=campaign,
            dossier=dossier,
            flags=take_flags(self._flags, results[1]),
            decision=_decision(decisions[0]) if decisions else None,
        )
        transaction = Transaction()
        self._saver.prefetch(transaction, lease.thread_id, results[3 + len(brief) :])
        with transaction.opened():
            yield D1Run(self._database, transaction, lease, case)


class D1Run:
    """`ports.Run` over D1: collects what the run is told and commits it with the checkpoint in one batch."""

    def __init__(self, database: Database, transaction: Transaction, lease: Lease, case: Case) -> None:
        self.lease = lease
        self.case = case
        self._database = database
        self._transaction = transaction
        self._outcome = _Outcome("scheduled", case.thread.step)

    def hold(self, draft_id: str, held: HeldDraft, draft: Draft, *, at: str) -> None:
        """See `ports.Run.hold`."""
        text = (draft["subject"], draft["body"], json.dumps(draft["provenance"]), json.dumps(draft["graph_meta"]))
        row = (draft_id, self.lease.thread_id, held["step"], held["version"], *text, at)
        self._transaction.stage(Statement(_HOLD, row))
        self._outcome = _Outcome("awaiting_approval", held["step"], reason="waiting for a person", draft_id=draft_id)

    def schedule(self, status: ThreadStatus, *, step: int, next_touch_at: str | None, reason: str = "") -> None:
        """See `ports.Run.schedule`."""
        self._outcome = _Outcome(status, step, reason=reason, next_touch_at=next_touch_at)

    def fail(self, error: str, *, retry_at: str | None, keep_state: bool) -> None:
        """See `ports.Run.fail`."""
        if not keep_state:
            self._transaction.forget_participants()
        thread = self.case.thread
        status: ThreadStatus = thread.status if retry_at else "parked"
        self._outcome = _Outcome(status, thread.step, error, retry_at, attempts=thread.attempts + 1)

    async def commit(self, *, principal: str, action: str, at: str) -> None:
        """See `ports.Run.commit`."""
        lease = (self.lease.thread_id, self.lease.owner, self.lease.fence)
        audit_id = f"run:{self.lease.thread_id}:{self.lease.fence}"
        outcome = self._outcome
        held = Statement(_LEASE_HELD, (*lease, audit_id))
        self._transaction.guard(held, constraint="lease_held", error=LeaseLost(self.lease.thread_id))
        self._transaction.stage(
            Statement(_RELEASE, (*lease, *outcome.row())),
            Statement(_AUDIT_RUN, (audit_id, lease[0], at, principal, action, outcome.draft_id, outcome.status)),
        )
        await self._transaction.commit(self._database)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Where the thread stands after the run."""

    status: ThreadStatus
    step: int
    reason: str = ""
    next_touch_at: str | None = None
    draft_id: str | None = None
    attempts: int = 0

    def row(self) -> tuple[SqlValue, ...]:
        """The values of `_RELEASE`, in its order."""
        return self.status, self.reason, self.step, self.next_touch_at, self.draft_id, self.attempts


def thread_of(row: Row) -> Thread:
    """Read a row of `threads`."""
    return Thread(**{field.name: row[field.name] for field in fields(Thread)})


def _decision(row: Row) -> DecisionRecord:
    return DecisionRecord(
        decision=row["decision"],
        draft_id=row["draft_id"],
        version=row["version"],
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
        approved=Email(subject=row["final_subject"], body=row["final_body"]),
        feedback=row["feedback"],
        reason=row["reason"],
    )


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
