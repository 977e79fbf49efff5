"""The cases of leased threads: read for any number of threads in one batch, and taken apart for each run."""

import json
from collections.abc import Sequence
from dataclasses import fields

from backend.checkpointer import D1Saver
from backend.d1.clock import NOW
from backend.d1.statements import Result, Row, Statement
from backend.d1.transaction import Transaction
from backend.domain.campaign import Addressee, Case, DecisionRecord, Email, Thread, draft_id_of, pair_of
from backend.domain.flags import Flags
from backend.domain.instants import from_text
from backend.errors import LeaseLost
from backend.ports import Lease
from backend.store.dossier import DOSSIER_RESULTS, select_dossiers, take_dossier
from backend.store.flags import READ_FLAGS, take_flags
from backend.store.stopped import PAUSED_WHY, REPLY_RULE

KEYED = "key:"
"""The beginning of the name of a decision that was asked for under a key."""

_NOW = f"SELECT {NOW} AS now"
_THREADS = f"""
SELECT threads.*, {PAUSED_WHY} AS paused_why, {REPLY_RULE} AS reply_rule
FROM json_each(?1) AS wanted CROSS JOIN threads ON thread_id = wanted.value"""
_DECISIONS = """
SELECT drafts.*, EXISTS (
  SELECT 1 FROM send_ledger AS own
  WHERE own.thread_id = drafts.thread_id AND own.step = drafts.step AND own.state <> 'not_delivered'
) AS attempted FROM json_each(?1) AS wanted
CROSS JOIN threads ON threads.thread_id = wanted.value AND threads.status = 'decided'
CROSS JOIN drafts ON drafts.thread_id = threads.thread_id AND drafts.step = threads.step
  AND drafts.version = threads.draft_version"""


def select_cases(saver: D1Saver, thread_ids: Sequence[str]) -> list[Statement]:
    """Return the statements that read all that runs of these threads read."""
    wanted = json.dumps(list(thread_ids))
    pairs = [pair_of(thread_id) for thread_id in thread_ids]
    return [
        Statement(_NOW),
        READ_FLAGS,
        Statement(_THREADS, (wanted,)),
        Statement(_DECISIONS, (wanted,)),
        *select_dossiers(*zip(*pairs, strict=True)),
        *saver.latest_statements(*thread_ids),
    ]


def take_case(results: Sequence[Result], lease: Lease, defaults: Flags) -> Case:
    """Read one thread's case from the results of `select_cases`.

    Raises:
        LeaseLost: somebody else holds the thread.
        UnknownCampaign, UnknownContact: the thread's own is gone.
    """
    now, flags, threads, decisions = results[:4]
    thread = _row_of(threads, lease.thread_id)
    if thread is None or (thread["lease_owner"], thread["fence"]) != (lease.owner, lease.fence):
        raise LeaseLost(lease.thread_id)
    campaign, dossier = take_dossier(results[4 : 4 + DOSSIER_RESULTS], *pair_of(lease.thread_id))
    decided = _row_of(decisions, lease.thread_id)
    return Case(
        now=from_text(now.rows[0]["now"]),
        thread=thread_of(thread),
        campaign=campaign,
        dossier=dossier,
        flags=take_flags(defaults, flags),
        decision=decision_of(decided) if decided else None,
        interrupt_id=decided["interrupt_id"] if decided else "",
        answered_under=_key_of(decided),
        addressee=Addressee(**{field.name: decided[field.name] for field in fields(Addressee)}) if decided else None,
        attempted=bool(decided and decided["attempted"]),
        paused_why=thread["paused_why"] or "",
        reply_rule=thread["reply_rule"] or "",
    )


def open_transaction(saver: D1Saver, results: Sequence[Result], thread_id: str) -> Transaction:
    """Begin a run's transaction with the thread's checkpoint as `select_cases` read it."""
    transaction = Transaction()
    saver.prefetch(transaction, thread_id, results[4 + DOSSIER_RESULTS :])
    return transaction


def thread_of(row: Row) -> Thread:
    """Read a row of `threads`."""
    return Thread(**{field.name: row[field.name] for field in fields(Thread)})


def decision_of(row: Row) -> DecisionRecord:
    """Read the decision on a row of `drafts`; what may be sent is the edit, or the draft as it is."""
    edited = row["approved_body"] is not None
    return DecisionRecord(
        decision=row["decision"],
        draft_id=draft_id_of(row["thread_id"], row["step"], row["version"]),
        version=row["version"],
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
        approved=Email(
            subject=row["approved_subject"] if edited else row["subject"], body=row["approved_body"] if edited else row["body"]
        ),
        feedback=row["feedback"],
        reason=row["reason"],
        accepts_default=bool(row["accepts_default"]),
        override=bool(row["override"]),
    )


def _row_of(result: Result, thread_id: str) -> Row | None:
    return next((row for row in result.rows if row["thread_id"] == thread_id), None)


def _key_of(decided: Row | None) -> str:
    key: str = (decided["decision_key"] or "") if decided else ""
    return key.removeprefix(KEYED) if key.startswith(KEYED) else ""
