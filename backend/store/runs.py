"""A run in D1: what it writes leaves in one fenced batch, or not at all."""

import json
from dataclasses import astuple, dataclass, replace
from datetime import datetime, timedelta

from backend.d1.clock import NOW, later
from backend.d1.statements import Database, SqlValue, Statement
from backend.d1.transaction import Transaction
from backend.domain.campaign import Case, Draft, HeldDraft, ThreadStatus, addressee_of
from backend.domain.instants import to_text
from backend.errors import LeaseLost
from backend.ports import Lease
from backend.store.stopped import PAUSED_BY, REPLY_RULE

# ?1, ?2 and ?3 are the lease: thread, owner and fence. A statement of a run does nothing without it, however late it arrives.

_HELD = "thread_id = ?1 AND lease_owner = ?2 AND fence = ?3"
_LEASE_HELD = f"""
INSERT INTO guards (lease_held)
SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM threads WHERE ({_HELD}) OR (thread_id = ?1 AND done_fence = ?3))"""
_HOLD = f"""
INSERT INTO drafts (thread_id, step, version, campaign_id, interrupt_id, status, subject, body, provenance, graph_meta,
  recipient_name, recipient_address, sender_name, sender_address, created_at)
SELECT thread_id, ?4, ?5, campaign_id, ?6, 'pending', ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, {NOW} FROM threads WHERE {_HELD}"""
_REOPEN = f"""
UPDATE drafts SET status = 'pending', decision = NULL, decision_key = NULL, decided_by = NULL, decided_at = NULL,
  accepts_default = 0, override = 0, approved_subject = NULL, approved_body = NULL, feedback = '', reason = ''
WHERE status = 'decided' AND (thread_id, step, version) IN (
  SELECT thread_id, step, draft_version FROM threads WHERE {_HELD} AND status = 'decided'
)"""
_SETTLE_RESERVED = f"""
UPDATE send_ledger SET state = 'unknown', settled_at = {NOW}, error = 'the thread ended before the outcome was known'
WHERE thread_id = ?1 AND state = 'reserved' AND EXISTS (SELECT 1 FROM threads WHERE {_HELD})"""
_AUDIT = f"""
INSERT INTO audit (thread_id, audit_id, at, principal, action, step, version, detail)
SELECT thread_id, 'run:' || fence, {NOW}, ?4, ?5, step, draft_version, ?6 FROM threads WHERE {_HELD} ON CONFLICT DO NOTHING"""
_ANSWER = f"""
UPDATE decision_keys SET answer = ?5
WHERE key_sha256 = ?4 AND answer IS NULL AND EXISTS (SELECT 1 FROM threads WHERE {_HELD})"""
# What was due before the run ended is due when it ends: a sweep that began meanwhile could not have taken it.
_RELEASE = f"""
UPDATE threads SET status = ?4, status_reason = ?5, step = ?6, next_touch_at = COALESCE(max(?7, {NOW}), {later("?8")}),
  draft_version = COALESCE(?9, draft_version), attempts = ?10, waiting_code = ?11, waiting_for = ?12, waiting_due_at = NULL,
  lease_owner = NULL, lease_until_at = NULL, done_fence = fence
WHERE {_HELD}"""

# It comes after the release, and looks again: what keeps the thread from going on may have ended meanwhile.
_SET_ASIDE = f"""
UPDATE threads SET waiting_code = CASE WHEN {PAUSED_BY} IS NULL THEN 'reply' ELSE 'paused' END,
  waiting_for = COALESCE({PAUSED_BY}, 'reply'), waiting_due_at = next_touch_at, next_touch_at = NULL
WHERE thread_id = ?1 AND fence = ?3 AND done_fence = ?3 AND status IN ('scheduled', 'decided') AND next_touch_at IS NOT NULL
  AND ({PAUSED_BY} IS NOT NULL OR {REPLY_RULE} = 'hold')"""

WAITING_FOR_A_PERSON = "waiting for a person"
_ENDED: frozenset[ThreadStatus] = frozenset({"completed", "stopped"})


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The thread stands here after the run; the fields after `is_told` are the values of `_RELEASE`, in its order.

    What `is_told` in the audit trail is what no other row says: an end, a failure, and that somebody is asked again.
    """

    is_told: bool
    status: ThreadStatus
    reason: str
    step: int
    next_touch_at: str | None = None
    retry_after_s: float | None = None
    draft_version: int | None = None
    attempts: int = 0
    waiting_code: str | None = None
    waiting_for: str | None = None


class D1Run:
    """`ports.Run` over D1: collects what the run is told and commits it with the checkpoint in one batch."""

    def __init__(self, database: Database, transaction: Transaction, lease: Lease, case: Case) -> None:
        self.lease = lease
        self.case = case
        self._database = database
        self._transaction = transaction
        self._outcome = self._stay("nothing was told")
        self._is_set_aside = False

    def hold(self, interrupt_id: str, held: HeldDraft, draft: Draft, why: str = "") -> None:
        """See `ports.Run.hold`."""
        text = (draft["subject"], draft["body"], json.dumps(draft["provenance"]), json.dumps(draft["graph_meta"]))
        addressee = astuple(addressee_of(self.case.campaign, self.case.dossier["contact"]))
        self._stage(_HOLD, held["step"], held["version"], interrupt_id, *text, *addressee)
        self._outcome = _Outcome(
            is_told=bool(why),
            status="awaiting_approval",
            reason=why or WAITING_FOR_A_PERSON,
            step=held["step"],
            draft_version=held["version"],
            waiting_for=self._queue(),
        )

    def ask_again(self, why: str) -> None:
        """See `ports.Run.ask_again`."""
        self._transaction.forget()
        self._stage(_REOPEN)
        step = self.case.thread.step
        self._outcome = _Outcome(is_told=True, status="awaiting_approval", reason=why, step=step, waiting_for=self._queue())

    def schedule(self, status: ThreadStatus, *, step: int, next_touch_at: str | None, reason: str = "") -> None:
        """See `ports.Run.schedule`."""
        self._outcome = _Outcome(is_told=status in _ENDED, status=status, reason=reason, step=step, next_touch_at=next_touch_at)

    def defer(self, until: datetime, why: str, *, cause: str | None = None, queue: str | None = None) -> None:
        """See `ports.Run.defer`."""
        self._transaction.forget()
        stay = self._stay(why, next_touch_at=to_text(until), attempts=self.case.thread.attempts)
        self._outcome = replace(stay, waiting_code=cause, waiting_for=queue)

    def set_aside(self, why: str) -> None:
        """See `ports.Run.set_aside`."""
        self.defer(self.case.now, why)
        self._is_set_aside = True

    def fail(self, error: str, *, retry_after: timedelta | None, keep_state: bool) -> None:
        """See `ports.Run.fail`."""
        if not keep_state:
            self._transaction.forget()
        thread = self.case.thread
        self._outcome = _Outcome(
            is_told=True,
            status=thread.status if retry_after is not None else "parked",
            reason=error,
            step=thread.step,
            retry_after_s=retry_after.total_seconds() if retry_after is not None else None,
            attempts=thread.attempts + 1,
        )

    async def commit(self, *, principal: str, action: str, answer: str = "") -> None:
        """See `ports.Run.commit`."""
        held, outcome = self._statement(_LEASE_HELD), self._outcome
        self._transaction.guard(held, constraint="lease_held", error=LeaseLost(self.lease.thread_id))
        last = [self._statement(_RELEASE, *astuple(outcome)[1:])]
        if self.case.answered_under:
            last.insert(0, self._statement(_ANSWER, self.case.answered_under, answer))
        if outcome.is_told:
            last.insert(0, self._statement(_AUDIT, principal, action, outcome.reason))
        if outcome.status in _ENDED:
            last.insert(0, self._statement(_SETTLE_RESERVED))
        if self._is_set_aside:
            last.append(self._statement(_SET_ASIDE))
        await self._transaction.commit(self._database, last)

    def _queue(self) -> str | None:
        """The queue in which this touch has stood for a place; a person who is asked again does not send it to the end."""
        return self.case.thread.waiting_for if self.case.decision else None

    def _stay(self, reason: str, *, next_touch_at: str | None = None, attempts: int = 0) -> _Outcome:
        thread = self.case.thread
        return _Outcome(
            is_told=False, status=thread.status, reason=reason, step=thread.step, next_touch_at=next_touch_at, attempts=attempts
        )

    def _stage(self, sql: str, *values: SqlValue) -> None:
        self._transaction.stage(self._statement(sql, *values))

    def _statement(self, sql: str, *values: SqlValue) -> Statement:
        return Statement(sql, (self.lease.thread_id, self.lease.owner, self.lease.fence, *values))
