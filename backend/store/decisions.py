"""A person's word, made durable: a decision on a draft by compare-and-set, and the stop of a thread wherever it stands."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
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
    AgenticSalesError,
    Conflict,
    DraftAlreadyDecided,
    DraftNoLongerWaits,
    DraftNotDecided,
    DraftNotReady,
    DraftVersionStale,
    DraftWithdrawn,
    KeyReused,
    ThreadEnded,
    TooManyVersions,
    UnknownDraft,
)
from backend.ports import Remembered
from backend.store.blocked import BLOCKED_BECAUSE
from backend.store.cases import KEYED, select_cases
from backend.store.draft_pages import draft_id_in
from backend.store.known import look_up_pair, thread_of_pair, within

MAX_OVERRIDDEN_CHARS = 2_000
"""Of what a person overrode, the audit trail keeps so much."""

# ?1 is a JSON array of what is asked, a draft each, and ?2 the asker's reach. ?3 names the decision, so that a repeat finds it
# made. One draft and a hundred are decided by the same statements.

_NAMED = """WITH asked AS (
  SELECT value ->> 'thread_id' AS thread_id, value ->> 'step' AS step, value ->> 'version' AS version FROM json_each(?1)
)"""
_ASKED = """WITH asked AS (
  SELECT value ->> 'thread_id' AS thread_id, value ->> 'step' AS step, value ->> 'version' AS version, value AS wish
  FROM json_each(?1)
)"""
_IS_ASKED = "(drafts.thread_id, drafts.step, drafts.version) = (asked.thread_id, asked.step, asked.version)"
_WAITS_WITH_IT = f"""{_IS_ASKED} AND drafts.status = 'pending' AND (threads.thread_id, threads.step, threads.draft_version)
  = (asked.thread_id, asked.step, asked.version) AND threads.status = 'awaiting_approval'"""
_SCENE = """
threads CROSS JOIN contacts ON contacts.contact_id = threads.contact_id
  CROSS JOIN campaigns ON campaigns.campaign_id = threads.campaign_id"""
_IS_ADDRESSEE = """
(drafts.recipient_name, drafts.recipient_address, drafts.sender_name, drafts.sender_address)
  = (contacts.name, contacts.address, campaigns.sender_name, campaigns.sender_address)"""
_HAS_UNRESOLVED = "json_array_length(COALESCE(graph_meta ->> 'unresolved_fields', '[]')) > 0"
_DECIDED_NOW = f"{_IS_ASKED} AND drafts.status = 'decided' AND drafts.decision_key = ?3"

_WITHDRAW = f"""{_NAMED}
UPDATE drafts SET status = 'withdrawn', reason = {BLOCKED_BECAUSE} FROM asked CROSS JOIN {_SCENE}
WHERE {_WAITS_WITH_IT} AND {BLOCKED_BECAUSE} IS NOT NULL AND {within("drafts.campaign_id", "?2")}"""
_END_WITHDRAWN = f"""{_NAMED}
UPDATE threads SET status = 'stopped', status_reason = drafts.reason, next_touch_at = NULL, waiting_for = NULL
FROM asked CROSS JOIN drafts ON {_IS_ASKED} AND drafts.status = 'withdrawn'
WHERE (threads.thread_id, threads.step, threads.draft_version) = (asked.thread_id, asked.step, asked.version)
  AND threads.status = 'awaiting_approval' AND {within("threads.campaign_id", "?2")}"""

# An approval is for this text, for this recipient, from this sender; the addressee that is stored is the one that was approved.
_DECIDE = f"""{_ASKED}
UPDATE drafts SET status = 'decided', decision = wish ->> 'decision', decision_key = ?3, decided_by = ?4, decided_at = {NOW},
  feedback = wish ->> 'feedback', reason = wish ->> 'reason', accepts_default = wish ->> 'accepts_default',
  override = wish ->> 'override',
  approved_subject = wish ->> 'subject', approved_body = wish ->> 'body', recipient_name = contacts.name,
  recipient_address = contacts.address, sender_name = campaigns.sender_name, sender_address = campaigns.sender_address
FROM asked CROSS JOIN {_SCENE}
WHERE {_WAITS_WITH_IT} AND drafts.version = COALESCE(wish ->> 'seen_version', drafts.version)
  AND NOT EXISTS (SELECT 1 FROM audit WHERE audit.thread_id = drafts.thread_id AND audit.audit_id = 'decision:' || ?3)
  AND NOT EXISTS (SELECT 1 FROM decision_keys WHERE key_sha256 = ?6)
  AND (wish ->> 'decision' <> 'regenerate' OR drafts.version < ?5)
  AND (wish ->> 'decision' NOT IN ('approve', 'edit') OR {_IS_ADDRESSEE} OR contacts.address = wish ->> 'recipient')
  AND (wish ->> 'decision' <> 'approve' OR wish ->> 'override' OR NOT {_HAS_UNRESOLVED})
  AND {within("drafts.campaign_id", "?2")}"""
_TAKE_DECIDED = f"""{_NAMED}
UPDATE threads SET status = 'decided', status_reason = 'decided, not yet acted on', next_touch_at = {NOW}, attempts = 0,
  lease_owner = ?4, lease_until_at = CASE WHEN ?4 IS NOT NULL THEN {later("?5")} END, fence = fence + 1
FROM asked CROSS JOIN drafts ON {_DECIDED_NOW}
WHERE (threads.thread_id, threads.step, threads.draft_version) = (asked.thread_id, asked.step, asked.version)
  AND threads.status = 'awaiting_approval' AND {within("threads.campaign_id", "?2")}"""
_AUDIT_DECISION = f"""{_ASKED}
INSERT INTO audit (thread_id, audit_id, at, principal, action, step, version, detail)
SELECT drafts.thread_id, 'decision:' || ?3, decided_at, decided_by, drafts.decision, drafts.step, drafts.version,
  trim(drafts.reason || CASE
    WHEN wish ->> 'override' AND drafts.decision = 'approve' AND {_HAS_UNRESOLVED}
      THEN ' [override: ' || (graph_meta ->> 'unresolved_fields') || ']'
    WHEN wish ->> 'overridden' <> '' THEN ' [override: ' || (wish ->> 'overridden') || ']' ELSE '' END)
FROM asked CROSS JOIN drafts ON {_DECIDED_NOW} AND {within("drafts.campaign_id", "?2")} WHERE true ON CONFLICT DO NOTHING"""
_KEEP_KEY = f"""{_NAMED}
INSERT INTO decision_keys (key_sha256, request_sha256, owner, made_at)
SELECT ?4, ?5, ?6, {NOW} WHERE EXISTS (
  SELECT 1 FROM asked CROSS JOIN drafts ON {_DECIDED_NOW} AND {within("drafts.campaign_id", "?2")}
) ON CONFLICT DO NOTHING"""
_FOUND_DRAFTS = f"""{_NAMED}
SELECT drafts.*, threads.status AS thread_status, threads.fence AS fence, contacts.address AS contact_address,
  {_IS_ADDRESSEE} AS is_addressee,
  EXISTS (SELECT 1 FROM audit WHERE audit.thread_id = drafts.thread_id AND audit.audit_id = 'decision:' || ?3) AS is_made
FROM asked CROSS JOIN drafts ON {_IS_ASKED} CROSS JOIN {_SCENE}
WHERE threads.thread_id = asked.thread_id AND {within("drafts.campaign_id", "?2")}"""
_FIND_KEY = "SELECT request_sha256, owner, answer FROM decision_keys WHERE key_sha256 = ?1"
# A thread that was ended before the decision's run came to its end gets no run, and so no answer of one.
_RECALL = """
SELECT request_sha256, owner, COALESCE(answer, (
  SELECT json_object('thread_id', thread_id, 'status', status, 'reason', status_reason, 'step', step, 'sent',
    json(iif(EXISTS (
      SELECT 1 FROM send_ledger AS own WHERE own.thread_id = ?2 AND own.step = threads.step AND own.state = 'sent'
    ), 'true', 'false')))
  FROM threads WHERE thread_id = ?2 AND status = 'stopped'
)) AS answer FROM decision_keys WHERE key_sha256 = ?1"""
_ALLOWED_LINKS = f"""
SELECT allowed_links FROM drafts JOIN campaigns USING (campaign_id)
WHERE thread_id = ?1 AND step = ?2 AND version = ?3 AND {within("campaign_id", "?4")}"""

# The audit row names the fence it was written for, so a stop that comes again later stops nothing.
_MAY_STOP = "status NOT IN ('completed', 'stopped')"
_IS_STOPPING = "'at fence ' || fence = (SELECT detail FROM audit WHERE audit.thread_id = ?1 AND audit_id = ?2)"
_AUDIT_STOP = f"""
INSERT INTO audit (thread_id, audit_id, at, principal, action, step, version, detail)
SELECT thread_id, ?2, {NOW}, ?3, 'stop', step, draft_version, 'at fence ' || fence
FROM threads WHERE thread_id = ?1 AND {_MAY_STOP} AND {within("campaign_id", "?4")} ON CONFLICT DO NOTHING"""
WITHDRAW_STOPPED = f"""
UPDATE drafts SET status = 'withdrawn', reason = ?3 WHERE status = 'pending' AND (thread_id, step, version) IN (
  SELECT thread_id, step, draft_version FROM threads WHERE thread_id = ?1 AND status = 'awaiting_approval' AND {_IS_STOPPING}
)"""
SETTLE_STOPPED = f"""
UPDATE send_ledger SET state = 'unknown', settled_at = {NOW}, error = 'the thread was stopped before the outcome was known'
WHERE thread_id = ?1 AND state = 'reserved'
  AND EXISTS (SELECT 1 FROM threads WHERE thread_id = ?1 AND {_MAY_STOP} AND {_IS_STOPPING})"""
STOP = f"""
UPDATE threads SET status = 'stopped', status_reason = ?3, next_touch_at = NULL, lease_owner = NULL, lease_until_at = NULL,
  fence = fence + 1, waiting_code = NULL, waiting_for = NULL, waiting_due_at = NULL
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
    ) -> tuple[str, int, Sequence[Result]] | Remembered:
        """Make the decision and take the thread's lease; return its id, its fence and what its run reads first.

        Of a request whose key was used before, return what is remembered of it.

        Raises:
            Conflict, KeyReused: as `ports.Threads.decide` names; nothing was decided.
        """
        touch = touch_of(draft_id)
        if touch is None:
            raise UnknownDraft(draft_id)
        asked = {draft_id: request}
        statements = _decide_statements(asked, request, owner=owner, lease=lease)
        results = await self._database.batch([*statements, *select_cases(self._saver, [touch[0]])])
        found, key, *opening = results[len(statements) - 2 :]
        if not found.rows:
            raise UnknownDraft(draft_id)
        remembered = _remembered(key, _request_sha256(asked), request, owner)
        if remembered:
            return remembered
        row = found.rows[0]
        if row["decision_key"] != _decision_key(request, owner):
            raise _refusal(draft_id, row, request)
        return touch[0], row["fence"], opening

    async def decide_together(self, asked: Mapping[str, DecisionRequest], *, owner: str) -> dict[str, AgenticSalesError | None]:
        """See `ports.Threads.decide_together`."""
        request = next(iter(asked.values()))
        known = {draft_id: each for draft_id, each in asked.items() if touch_of(draft_id)}
        results = await self._database.batch(_decide_statements(known, request, owner=owner, lease=None))
        found, key = results[-2:]
        _remembered(key, _request_sha256(asked, is_alone=False), request, owner)
        rows = {draft_id_in(row): row for row in found.rows}
        return {draft_id: _outcome(draft_id, rows.get(draft_id), each) for draft_id, each in asked.items()}

    async def recall(self, draft_id: str, request: DecisionRequest) -> str | None:
        """See `ports.Threads.recall`."""
        thread_id, *_ = touch_of(draft_id) or ("",)
        (key,) = await self._database.batch([Statement(_RECALL, (_key_sha256(request), thread_id))])
        remembered = _remembered(key, _request_sha256({draft_id: request}), request, owner="")
        return remembered.answer if remembered else None

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
                Statement(WITHDRAW_STOPPED, (thread_id, audit_id, why)),
                Statement(SETTLE_STOPPED, (thread_id, audit_id)),
                Statement(STOP, (thread_id, audit_id, why)),
                *look_up_pair(campaign_id, contact_id, reach),
                Statement(_FOUND, (thread_id, audit_id)),
            ]
        )
        thread = thread_of_pair(results[4:], campaign_id, contact_id)
        if not thread["done"]:
            raise ThreadEnded(thread_id, thread["status"])


def _decide_statements(
    asked: Mapping[str, DecisionRequest], request: DecisionRequest, *, owner: str, lease: timedelta | None
) -> list[Statement]:
    """Return what decides all of `asked` as `request` says who asks, how far they reach and under which key.

    The last two results are the drafts as they stand then, and the key. Without a `lease` the threads are left to a sweep.
    """
    items = json.dumps([_as_item(draft_id, each) for draft_id, each in asked.items()], ensure_ascii=False)
    is_alone = lease is not None
    key, key_sha256 = _decision_key(request, owner, is_alone=is_alone), _key_sha256(request)
    those = (items, request.reach.as_json)
    keep = Statement(_KEEP_KEY, (*those, key, key_sha256, _request_sha256(asked, is_alone=is_alone), owner))
    return [
        Statement(_WITHDRAW, those),
        Statement(_END_WITHDRAWN, those),
        Statement(_DECIDE, (*those, key, request.principal, MAX_DRAFT_VERSIONS, key_sha256)),
        Statement(
            _TAKE_DECIDED,
            (*those, key, owner if lease is not None else None, lease.total_seconds() if lease is not None else 0),
        ),
        Statement(_AUDIT_DECISION, (*those, key)),
        *([keep] if request.key else []),
        Statement(_FOUND_DRAFTS, (*those, key)),
        Statement(_FIND_KEY, (key_sha256,)),
    ]


def _as_item(draft_id: str, request: DecisionRequest) -> dict[str, Any]:
    thread_id, step, version = touch_of(draft_id) or ("", 0, 0)
    edited: Email | dict[str, None] = request.edited or {"subject": None, "body": None}
    return {
        "thread_id": thread_id,
        "step": step,
        "version": version,
        "decision": request.decision,
        "feedback": request.feedback,
        "reason": request.reason,
        "accepts_default": int(request.accepts_default),
        "subject": edited["subject"],
        "body": edited["body"],
        "seen_version": request.version,
        "recipient": request.recipient,
        "override": int(request.override),
        "overridden": cut_on_word("; ".join(request.overridden), MAX_OVERRIDDEN_CHARS),
    }


def _decision_key(request: DecisionRequest, owner: str, *, is_alone: bool = True) -> str:
    """Name the decision by its request's key, so that the same one is known, or else by `owner`.

    The run of a decision that was asked for alone keeps its answer with the key.
    """
    return f"{KEYED if is_alone else 'together:'}{_key_sha256(request)}" if request.key else owner


def _key_sha256(request: DecisionRequest) -> str | None:
    """Two people may choose the same key, so a key is its owner's."""
    return sha256(f"{request.principal}\n{request.key}".encode()).hexdigest() if request.key else None


def _request_sha256(asked: Mapping[str, DecisionRequest], *, is_alone: bool = True) -> str:
    """One draft that is decided alone and the same one in a list of one are two requests, and have two kinds of answer."""
    items = [{**_as_item(draft_id, each), "draft_id": draft_id} for draft_id, each in asked.items()]
    return sha256(json.dumps(items if is_alone else {"together": items}, sort_keys=True).encode()).hexdigest()


def _remembered(key: Result, request_sha256: str, request: DecisionRequest, owner: str) -> Remembered | None:
    """Return what is kept of an earlier request under this key, or None when this is the first.

    Raises:
        KeyReused: the earlier one asked something else.
    """
    if not key.rows:
        return None
    row = key.rows[0]
    if row["request_sha256"] != request_sha256:
        raise KeyReused(request.key)
    return Remembered(row["answer"]) if row["owner"] != owner else None


def _outcome(draft_id: str, row: Row | None, request: DecisionRequest) -> AgenticSalesError | None:
    """Say why a draft was not decided together with others, or None when it was, now or by the same request before."""
    if row is None:
        return UnknownDraft(draft_id)
    return None if row["is_made"] else _refusal(draft_id, row, request)


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
        return TooManyVersions(draft_id, version, MAX_DRAFT_VERSIONS)
    if not row["is_addressee"] and request.recipient != row["contact_address"]:
        return AddresseeChanged(draft_id, row["recipient_address"], row["contact_address"])
    meta: dict[str, Any] = json.loads(row["graph_meta"])
    if unresolved := meta.get("unresolved_fields"):
        return DraftNotReady(draft_id, [f"nobody filled {name}" for name in unresolved])
    return DraftNotDecided(draft_id)
