"""A run in D1: what it reads comes in one batch, what it writes leaves in one fenced batch, or not at all."""

import json
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields

from backend.checkpointer.saver import D1Saver
from backend.d1.statements import Database, Result, Row, SqlValue, Statement
from backend.d1.transaction import Transaction
from backend.domain.campaign import Case, DecisionRecord, Draft, Email, HeldDraft, Thread, ThreadStatus, pair_of
from backend.domain.flags import Flags
from backend.errors import LeaseLost
from backend.ports import Lease, Run
from backend.store.dossier import read_brief, take_brief
from backend.store.flags import READ_FLAGS, take_flags

_THREAD = "SELECT * FROM threads WHERE thread_id = ?1"
_DECISION = """
SELECT drafts.*, COALESCE(approved_subject, subject) AS final_subject, COALESCE(approved_body, body) AS final_body
FROM threads JOIN drafts USING (draft_id) WHERE threads.thread_id = ?1 AND threads.status = 'decided'"""

_LEASE_HELD = """
INSERT INTO guards (lease_held)
SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM threads WHERE thread_id = ?1 AND lease_owner = ?2 AND fence = ?3)
  AND NOT EXISTS (SELECT 1 FROM audit WHERE audit_id = ?4)"""
_HOLD = """
INSERT INTO drafts (draft_id, thread_id, step, version, status, subject, body, provenance, graph_meta, created_at)
VALUES (?1, ?2, ?3, ?4, 'pending', ?5, ?6, ?7, ?8, ?9) ON CONFLICT (draft_id) DO NOTHING"""
_RELEASE = """
UPDATE threads SET status = ?4, status_reason = ?5, step = ?6, next_touch_at = ?7, draft_id = COALESCE(?8, draft_id),
  attempts = ?9, lease_owner = NULL, lease_until_at = NULL
WHERE thread_id = ?1 AND lease_owner = ?2 AND fence = ?3"""
_AUDIT_RUN = """
INSERT INTO audit (audit_id, thread_id, at, principal, action, draft_id, detail)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING"""

_FIRST_PARAM = re.compile(r"\?1\b")
_OF_DRAFT = {
    "thread_id": "(SELECT thread_id FROM drafts WHERE draft_id = ?1)",
    "campaign_id": "(SELECT campaign_id FROM drafts JOIN threads USING (thread_id) WHERE drafts.draft_id = ?1)",
    "contact_id": "(SELECT contact_id FROM drafts JOIN threads USING (thread_id) WHERE drafts.draft_id = ?1)",
}


def read_case(saver: D1Saver, thread_id: str) -> list[Statement]:
    """Everything a run of this thread reads; `open_run` takes the results."""
    return _reads(saver, thread_id, *pair_of(thread_id))


def read_case_of_draft(saver: D1Saver, draft_id: str) -> list[Statement]:
    """The same reads for the thread of a draft, so that a decision and its run's reads share a request."""
    return [_of_draft(statement, draft_id) for statement in _reads(saver, *_OF_DRAFT)]


def _reads(saver: D1Saver, thread_id: str, campaign_id: str, contact_id: str) -> list[Statement]:
    return [
        Statement(_THREAD, (thread_id,)),
        READ_FLAGS,
        Statement(_DECISION, (thread_id,)),
        *read_brief(campaign_id, contact_id),
        *saver.latest_statements(thread_id),
    ]


def _of_draft(statement: Statement, draft_id: str) -> Statement:
    """`statement`, whose first parameter names a column of `_OF_DRAFT`, with that column looked up instead."""
    if not statement.params:
        return statement
    column, *others = statement.params
    return Statement(_FIRST_PARAM.sub(_OF_DRAFT[str(column)], statement.sql), (draft_id, *others))


@asynccontextmanager
async def open_run(
    database: Database, saver: D1Saver, flags: Flags, lease: Lease, results: Sequence[Result]
) -> AsyncGenerator[Run, None]:
    """Open the run of a leased thread on the results of its reads; inside, the checkpointer and the ledger join it.

    Raises:
        LeaseLost: somebody else holds the thread.
    """
    threads, decisions, others = results[0].rows, results[2].rows, results[3:]
    if not threads or (threads[0]["lease_owner"], threads[0]["fence"]) != (lease.owner, lease.fence):
        raise LeaseLost(lease.thread_id)
    brief = read_brief(*pair_of(lease.thread_id))
    campaign, dossier = take_brief(others, *pair_of(lease.thread_id))
    case = Case(
        thread=thread_of(threads[0]),
        campaign=campaign,
        dossier=dossier,
        flags=take_flags(flags, results[1]),
        decision=_decision(decisions[0]) if decisions else None,
    )
    transaction = Transaction()
    saver.prefetch(transaction, lease.thread_id, others[len(brief) :])
    with transaction.opened():
        yield D1Run(database, transaction, lease, case)


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
