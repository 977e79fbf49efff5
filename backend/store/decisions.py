"""A person's word, made durable: a decision on a draft by compare-and-set, and the stop of a thread wherever it stands."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

from backend.checkpointer import D1Saver
from backend.d1.clock import NOW, later
from backend.d1.statements import Database, Result, Row, Statement
from backend.domain.access import Reach
from backend.domain.campaign import MAX_DRAFT_VERSIONS, DecisionRequest, Email, thread_id_of, touch_of
from backend.domain.text import cut_on_word
from backend.errors import (
    AddresseeChanged,
    Conflict,
    DraftAlreadyDecided,
    DraftNoLongerWaits,
    DraftNotReady,
    DraftVersionStale,
    DraftWithdrawn,
    ThreadEnded,
    TooManyVersions,
    UnknownDraft,
)
from backend.store.blocked import BLOCKED_BECAUSE
from backend.store.cases import select_cases
from backend.store.known import look_up_pair, thread_of_pair, within

MAX_OVERRIDDEN_CHARS = 2_000
"""Of what a person overrode, the audit trail keeps so much."""

# ?1, ?2 and ?3 are the touch and version; ?4 is the decision's own key, by which a repeat finds that it was made.

_THIS = "thread_id = ?1 AND step = ?2 AND version = ?3"
_WAITING = (
    "threads.thread_id = ?1 AND threads.step = ?2 AND threads.draft_version = ?3 AND threads.status = 'awaiting_approval'"
)
_NOT_BEFORE = "NOT EXISTS (SELECT 1 FROM audit WHERE audit.thread_id = ?1 AND audit.audit_id = 'decision:' || ?4)"
_ADDRESSEE = f"""
SELECT contacts.name AS contact_name, contacts.address AS contact_address, campaigns.sender_name AS campaign_sender_name,
  campaigns.sender_address AS campaign_sender_address, {BLOCKED_BECAUSE} AS blocked
FROM threads JOIN contacts USING (contact_id) JOIN campaigns USING (campaign_id) WHERE threads.thread_id = ?1"""
_IS_ADDRESSEE = """
(recipient_name, recipient_address, sender_name, sender_address)
  = (contact_name, contact_address, campaign_sender_name, campaign_sender_address)"""

_HAS_UNRESOLVED = "json_array_length(COALESCE(graph_meta ->> 'unresolved_fields', '[]')) > 0"

_WITHDRAW = f"""
UPDATE drafts SET status = 'withdrawn', reason = (SELECT blocked FROM ({_ADDRESSEE}))
WHERE {_THIS} AND status = 'pending' AND EXISTS (SELECT 1 FROM threads WHERE {_WAITING})
  AND (SELECT blocked FROM ({_ADDRESSEE})) IS NOT NULL AND {within("campaign_id", "?4")}"""
_END_WITHDRAWN = f"""
UPDATE threads SET status = 'stopped', status_reason = (SELECT reason FROM drafts WHERE {_THIS}), next_touch_at = NULL
WHERE {_WAITING} AND EXISTS (SELECT 1 FROM drafts WHERE {_THIS} AND status = 'withdrawn') AND {within("campaign_id", "?4")}"""

# An approval is for this text, for this recipient, from this sender; the addressee that is stored is the one that was approved.
_DECIDE = f"""
UPDATE drafts SET status = 'decided', decision = ?5, decision_key = ?4, decided_by = ?6, decided_at = {NOW}, feedback = ?7,
  reason = ?8, accepts_default = ?9, override = ?15, approved_subject = ?10, approved_body = ?11,
  recipient_name = contact_name, recipient_address = contact_address, sender_name = campaign_sender_name,
  sender_address = campaign_sender_address
FROM ({_ADDRESSEE}) AS addressee
WHERE {_THIS} AND status = 'pending' AND {_NOT_BEFORE} AND EXISTS (SELECT 1 FROM threads WHERE {_WAITING})
  AND version = COALESCE(?12, version) AND (?5 <> 'regenerate' OR version < ?13)
  AND (?5 NOT IN ('approve', 'edit') OR {_IS_ADDRESSEE} OR contact_address = ?14)
  AND (?5 <> 'approve' OR ?15 OR NOT {_HAS_UNRESOLVED}) AND {within("campaign_id", "?16")}"""
_TAKE_DECIDED = f"""
UPDATE threads SET status = 'decided', status_reason = 'decided, not yet acted on', next_touch_at = {NOW}, attempts = 0,
  lease_owner = ?4, lease_until_at = {later("?5")}, fence = fence + 1
WHERE {_WAITING} AND EXISTS (SELECT 1 FROM drafts WHERE {_THIS} AND status = 'decided' AND decision_key = ?4)"""
_AUDIT_DECISION = f"""
INSERT INTO audit (thread_id, audit_id, at, principal, action, step, version, detail)
SELECT thread_id, 'decision:' || ?4, decided_at, decided_by, decision, step, version, trim(reason || CASE
    WHEN ?5 AND decision = 'approve' AND {_HAS_UNRESOLVED} THEN ' [override: ' || (graph_meta ->> 'unresolved_fields') || ']'
    WHEN ?6 <> '' THEN ' [override: ' || ?6 || ']' ELSE '' END)
FROM drafts WHERE {_THIS} AND decision_key = ?4 ON CONFLICT DO NOTHING"""
_ALLOWED_LINKS = f"""
SELECT allowed_links FROM drafts JOIN campaigns USING (campaign_id)
WHERE {_THIS} AND {within("campaign_id", "?4")}"""
_DECIDED = f"""
SELECT drafts.*, threads.status AS thread_status, threads.fence AS fence, addressee.*, {_IS_ADDRESSEE} AS is_addressee
FROM drafts JOIN threads USING (thread_id) JOIN ({_ADDRESSEE}) AS addressee
WHERE drafts.thread_id = ?1 AND drafts.step = ?2 AND drafts.version = ?3 AND {within("drafts.campaign_id", "?4")}"""

# The audit row names the fence it was written for, so a stop that comes again later stops nothing.
_MAY_STOP = "status NOT IN ('completed', 'stopped')"
_IS_STOPPING = "'at fence ' || fence = (SELECT detail FROM audit WHERE audit.thread_id = ?1 AND audit_id = ?2)"
_AUDIT_STOP = f"""
INSERT INTO audit (thread_id, audit_id, at, principal, action, step, version, detail)
SELECT thread_id, ?2, {NOW}, ?3, 'stop', step, draft_version, 'at fence ' || fence
FROM threads WHERE thread_id = ?1 AND {_MAY_STOP} AND {within("campaign_id", "?4")} ON CONFLICT DO NOTHING"""
_WITHDRAW_STOPPED = f"""
UPDATE drafts SET status = 'withdrawn', reason = ?3 WHERE status = 'pending' AND (thread_id, step, version) IN (
  SELECT thread_id, step, draft_version FROM threads WHERE thread_id = ?1 AND status = 'awaiting_approval' AND {_IS_STOPPING}
)"""
_SETTLE_STOPPED = f"""
UPDATE send_ledger SET state = 'unknown', settled_at = {NOW}, error = 'the thread was stopped before the outcome was known'
WHERE thread_id = ?1 AND state = 'reserved'
  AND EXISTS (SELECT 1 FROM threads WHERE thread_id = ?1 AND {_MAY_STOP} AND {_IS_STOPPING})"""
_STOP = f"""
UPDATE threads SET status = 'stopped', status_reason = ?3, next_touch_at = NULL, lease_owner = NULL, lease_until_at = NULL,
  fence = fence + 1
WHERE thread_id = ?1 AND {_MAY_STOP} AND {_IS_STOPPING}"""
_FOUND = """
SELECT status, EXISTS (SELECT 1 FROM audit WHERE audit.thread_id = ?1 AND audit_id = ?2) AS done
FROM threads WHERE thread_id = ?1"""


class D1Decisions:
    """Makes what a person says durable, each in one request."""

    def __init__(self, database: Database, saver: D1Saver) -> None:
        self._database = database
        self._saver = saver

    async def decide(
        self, draft_id: str, request: DecisionRequest, *, owner: str, lease: timedelta
    ) -> tuple[str, int, Sequence[Result]]:
        """Make the decision and take the thread's lease; return its id, its fence and what its run reads first.

        Raises:
            Conflict: what `ports.Threads.decide` names; nothing was decided.
        """
        touch = touch_of(draft_id)
        if touch is None:
            raise UnknownDraft(draft_id)
        asked = (*touch, request.reach.as_json)
        edited: Email | dict[str, None] = request.edited or {"subject": None, "body": None}
        overridden = cut_on_word("; ".join(request.overridden), MAX_OVERRIDDEN_CHARS)
        results = await self._database.batch(
            [
                Statement(_WITHDRAW, asked),
                Statement(_END_WITHDRAWN, asked),
                Statement(
                    _DECIDE,
                    (
                        *(*touch, owner, request.decision, request.principal, request.feedback, request.reason),
                        *(int(request.accepts_default), edited["subject"], edited["body"], request.version, MAX_DRAFT_VERSIONS),
                        *(request.recipient, int(request.override), request.reach.as_json),
                    ),
                ),
                Statement(_TAKE_DECIDED, (*touch, owner, lease.total_seconds())),
                Statement(_AUDIT_DECISION, (*touch, owner, int(request.override), overridden)),
                Statement(_DECIDED, asked),
                *select_cases(self._saver, [touch[0]]),
            ]
        )
        decided, opening = results[5], results[6:]
        if not decided.rows:
            raise UnknownDraft(draft_id)
        row = decided.rows[0]
        if row["decision_key"] != owner:
            raise _refusal(draft_id, row, request)
        return touch[0], row["fence"], opening

    async def allowed_links(self, draft_id: str, reach: Reach) -> list[str]:
        """See `ports.Threads.allowed_links`."""
        touch = touch_of(draft_id)
        (found,) = await self._database.batch([Statement(_ALLOWED_LINKS, (*touch, reach.as_json))]) if touch else (Result([]),)
        if not found.rows:
            raise UnknownDraft(draft_id)
        links: list[str] = json.loads(found.rows[0]["allowed_links"])
        return links

    async def stop(self, campaign_id: str, contact_id: str, *, principal: str, reason: str, reach: Reach) -> None:
        """See `ports.Threads.stop`."""
        thread_id, audit_id = thread_id_of(campaign_id, contact_id), f"stop:{uuid4().hex}"
        why = f"stopped by {principal}{': ' if reason else ''}{reason}"
        results = await self._database.batch(
            [
                Statement(_AUDIT_STOP, (thread_id, audit_id, principal, reach.as_json)),
                Statement(_WITHDRAW_STOPPED, (thread_id, audit_id, why)),
                Statement(_SETTLE_STOPPED, (thread_id, audit_id)),
                Statement(_STOP, (thread_id, audit_id, why)),
                *look_up_pair(campaign_id, contact_id, reach),
                Statement(_FOUND, (thread_id, audit_id)),
            ]
        )
        thread = thread_of_pair(results[4:], campaign_id, contact_id)
        if not thread["done"]:
            raise ThreadEnded(thread_id, thread["status"])


def _refusal(draft_id: str, row: Row, request: DecisionRequest) -> Conflict:
    """Name why the compare-and-set found nothing to decide."""
    if row["status"] == "withdrawn":
        return DraftWithdrawn(draft_id, row["reason"])
    if row["status"] == "decided":
        return DraftAlreadyDecided(draft_id, row["decision"], row["decided_by"], row["decided_at"])
    if row["thread_status"] != "awaiting_approval":
        return DraftNoLongerWaits(draft_id, row["thread_status"])
    return _objection(draft_id, row, request)


def _objection(draft_id: str, row: Row, request: DecisionRequest) -> Conflict:
    """Name what keeps this decision from being made on a draft that waits."""
    version = row["version"]
    if request.version not in (None, version):
        return DraftVersionStale(draft_id, request.version or 0, version)
    if request.decision == "regenerate" and version >= MAX_DRAFT_VERSIONS:
        return TooManyVersions(draft_id, MAX_DRAFT_VERSIONS)
    if not row["is_addressee"] and request.recipient != row["contact_address"]:
        return AddresseeChanged(draft_id, row["recipient_address"], row["contact_address"])
    meta: dict[str, Any] = json.loads(row["graph_meta"])
    return DraftNotReady(draft_id, [f"nobody filled {name}" for name in meta.get("unresolved_fields", [])])
