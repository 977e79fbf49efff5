"""The send ledger in D1: one conditional statement decides whether an email may leave. Source: DESIGN, section 5."""

import json
from dataclasses import asdict

from backend.d1.statements import Database, Row, Statement
from backend.d1.transaction import current_transaction
from backend.domain.instants import to_text
from backend.domain.suppression import CONTACT_FLAGS
from backend.errors import ApprovalMissing, LeaseLost, SendRefused
from backend.ports import Clock, Lease, LedgerState, OutgoingEmail, Reservation

_RESERVE = """
INSERT INTO send_ledger (thread_id, step, contact_id, draft_id, attempt_id, state, email, reserved_at)
SELECT threads.thread_id, ?2, threads.contact_id, ?3, ?6, 'reserved', ?7, ?8
FROM threads
JOIN drafts ON drafts.draft_id = ?3 AND drafts.thread_id = threads.thread_id AND drafts.step = ?2
JOIN contacts ON contacts.contact_id = threads.contact_id
WHERE threads.thread_id = ?1 AND threads.lease_owner = ?4 AND threads.fence = ?5
  AND drafts.decision IN ('approve', 'edit') AND drafts.approved_subject = ?9 AND drafts.approved_body = ?10
  AND contacts.address = ?11
  AND NOT (contacts.do_not_contact OR contacts.bounced OR contacts.unsubscribed OR contacts.replied)
  AND NOT EXISTS (SELECT 1 FROM suppressions WHERE suppressions.address_sha256 = contacts.address_sha256)
ON CONFLICT (thread_id, step) DO NOTHING"""
_FIND = "SELECT state, attempt_id, email, reserved_at FROM send_ledger WHERE thread_id = ?1 AND step = ?2"
_WHY_NOT = """
SELECT threads.lease_owner = ?2 AND threads.fence = ?3 AS lease_held, contacts.*,
  EXISTS (SELECT 1 FROM suppressions WHERE suppressions.address_sha256 = contacts.address_sha256) AS suppressed
FROM threads JOIN contacts USING (contact_id) WHERE thread_id = ?1"""
_SETTLE = """
UPDATE send_ledger SET state = ?3, settled_at = ?4, provider_id = ?5, error = ?6
WHERE thread_id = ?1 AND step = ?2 AND (state = 'reserved' OR (state = 'unknown' AND ?3 = 'sent'))"""


class D1SendLedger:
    """`ports.SendLedger` over D1: a reservation is one request, an outcome is committed with its run."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def reserve(self, lease: Lease, *, step: int, draft_id: str, email: OutgoingEmail) -> Reservation:
        """See `ports.SendLedger.reserve`."""
        attempt_id = f"{lease.owner}:{lease.fence}"
        frozen = json.dumps(asdict(email), ensure_ascii=False)
        claim = (lease.thread_id, step, draft_id, lease.owner, lease.fence, attempt_id, frozen, email.sent_at)
        _, found, why_not = await self._database.batch(
            [
                Statement(_RESERVE, (*claim, email.subject, email.body, email.recipient_address)),
                Statement(_FIND, (lease.thread_id, step)),
                Statement(_WHY_NOT, (lease.thread_id, lease.owner, lease.fence)),
            ]
        )
        row = found.rows[0] if found.rows else None
        if not why_not.rows or not why_not.rows[0]["lease_held"]:
            raise LeaseLost(lease.thread_id)
        mine = row is not None and row["attempt_id"] == attempt_id
        blocked = _blocked(why_not.rows[0])
        if blocked and not mine and (row is None or row["state"] != "sent"):
            raise SendRefused(lease.thread_id, step, blocked)
        if row is None:
            raise ApprovalMissing(lease.thread_id, step)
        return Reservation(
            thread_id=lease.thread_id,
            step=step,
            state=row["state"],
            mine=mine,
            reserved_at=row["reserved_at"],
            email=OutgoingEmail(**json.loads(row["email"])),
        )

    def settle(self, reservation: Reservation, state: LedgerState, *, provider_id: str = "", error: str = "") -> None:
        """See `ports.SendLedger.settle`."""
        run = current_transaction()
        if run is None:
            msg = "a send is settled inside the run that made it"
            raise RuntimeError(msg)
        touch = (reservation.thread_id, reservation.step)
        run.stage(Statement(_SETTLE, (*touch, state, to_text(self._clock.now()), provider_id, error)))


def _blocked(row: Row) -> str | None:
    if row["suppressed"]:
        return "suppressed"
    return next((flag for flag in CONTACT_FLAGS if row[flag]), None)
