"""The send ledger in D1: one conditional statement decides whether an email may leave. Source: DESIGN, section 5."""

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from backend.d1.clock import NOW, age_s, later
from backend.d1.statements import Database, Row, Statement
from backend.d1.transaction import Transaction, current_transaction
from backend.domain.instants import from_text
from backend.domain.schedule import NO_LIMITS, SendLimits
from backend.domain.stops import COLLEAGUE_REPLIED
from backend.errors import ApprovalMissing, AskedAgain, Cause, LeaseLost, SendRefused, SetAside, TouchHeldBack
from backend.ports import Lease, LedgerState, OutgoingEmail, Reservation
from backend.store.blocked import BLOCKED_BECAUSE
from backend.store.places import DAY_S, GIVE_PLACE_UP, HOUR_S, MAILBOX, MAY_LEAVE_NOW, QUEUES, RECIPIENT_DOMAIN, SINCE
from backend.store.stopped import PAUSED_BY, PAUSED_WHY, REPLY_RULE

# ?1 and ?2 are the touch, ?3 and ?4 the lease. What a person says was not delivered is claimed anew under a key of its own: the
# provider would answer for the old one.

_HELD = "threads.thread_id = ?1 AND threads.lease_owner = ?3 AND threads.fence = ?4"
_APPROVED = """
drafts.status = 'decided' AND drafts.decision IN ('approve', 'edit')
  AND COALESCE(drafts.approved_subject, drafts.subject) = ?7 AND COALESCE(drafts.approved_body, drafts.body) = ?8"""
_ADDRESSED = """
(drafts.recipient_name, drafts.recipient_address, drafts.sender_name, drafts.sender_address) = (?9, ?10, ?11, ?12)
  AND (contacts.name, contacts.address, campaigns.sender_name, campaigns.sender_address) = (?9, ?10, ?11, ?12)"""
_SCENE = """
threads JOIN contacts ON contacts.contact_id = threads.contact_id JOIN campaigns ON campaigns.campaign_id = threads.campaign_id
  LEFT JOIN drafts ON drafts.thread_id = threads.thread_id AND drafts.step = ?2 AND drafts.version = ?6"""
_RESERVE = f"""
INSERT INTO send_ledger (thread_id, step, version, contact_id, attempt_id, provider, sender_address, message_id, state,
  envelope, text_sha256, mailbox, recipient_domain, reserved_at)
SELECT threads.thread_id, ?2, ?6, threads.contact_id, ?5, ?14, ?12, ?15, 'reserved', ?16, ?17, {MAILBOX},
  {RECIPIENT_DOMAIN}, {NOW}
FROM {_SCENE} WHERE {_HELD} AND {_APPROVED} AND {_ADDRESSED} AND {BLOCKED_BECAUSE} IS NULL AND {PAUSED_BY} IS NULL
  AND {REPLY_RULE} IS NULL AND {MAY_LEAVE_NOW}
ON CONFLICT (thread_id, step) DO UPDATE SET version = excluded.version, attempt_id = excluded.attempt_id,
  provider = excluded.provider, sender_address = excluded.sender_address, message_id = excluded.message_id, state = 'reserved',
  envelope = json_set(excluded.envelope, '$.idempotency_key', (excluded.envelope ->> 'idempotency_key') || '-' || ?5),
  text_sha256 = excluded.text_sha256, mailbox = excluded.mailbox, recipient_domain = excluded.recipient_domain,
  reserved_at = excluded.reserved_at, settled_at = NULL, provider_id = '', error = ''
WHERE send_ledger.state = 'not_delivered' AND send_ledger.attempt_id <> excluded.attempt_id"""
_RENEW = f"""
UPDATE threads SET lease_until_at = {later("?5")} WHERE {_HELD} AND lease_until_at < {later("?6")}"""
_FIND = f"""
SELECT send_ledger.*, {age_s("reserved_at")} AS age_s, COALESCE(approved_subject, subject) AS subject,
  COALESCE(approved_body, body) AS body
FROM send_ledger JOIN drafts USING (thread_id, step, version) WHERE thread_id = ?1 AND step = ?2"""
_WHY_NOT = f"""
SELECT *, {QUEUES} FROM (
  SELECT {_HELD} AS lease_held, {NOW} AS now, {BLOCKED_BECAUSE} AS blocked, {_APPROVED} AS approved, {_ADDRESSED} AS addressed,
    {PAUSED_WHY} AS paused_why, {REPLY_RULE} AS reply_rule, {SINCE} FROM {_SCENE} WHERE threads.thread_id = ?1
)"""
_SETTLE = f"""
UPDATE send_ledger SET state = ?4, settled_at = {NOW}, provider_id = ?5, error = ?6
WHERE thread_id = ?1 AND step = ?2 AND attempt_id = ?3
  AND (state = 'reserved' OR (?4 = 'sent' AND state <> 'sent'))"""
_GO_ON = f"""
UPDATE threads SET status = 'decided', status_reason = 'the provider said yes', next_touch_at = {NOW}, attempts = 0
WHERE thread_id = ?1 AND step = ?2 AND status = 'parked'
  AND EXISTS (SELECT 1 FROM send_ledger WHERE thread_id = ?1 AND step = ?2 AND attempt_id = ?3 AND state = 'sent')"""
# A claim after a not delivered one has its attempt in its key. Given back, it stays so: the first key is spent.
_RELEASE_AGAIN = f"""
UPDATE send_ledger SET state = 'not_delivered', settled_at = {NOW}, mailbox = NULL, recipient_domain = NULL
WHERE thread_id = ?1 AND step = ?2 AND attempt_id = ?3 AND state = 'reserved'
  AND substr(envelope ->> 'idempotency_key', -length(?3)) = ?3"""
_RELEASE = "DELETE FROM send_ledger WHERE thread_id = ?1 AND step = ?2 AND attempt_id = ?3 AND state = 'reserved'"


_WINDOW: Final[Cause] = "window"


class D1SendLedger:
    """`ports.SendLedger` over D1: a reservation is one request, an outcome is committed with its run.

    `lease` is how long a lease lasts; one that ends within half of that is renewed before a send.
    """

    def __init__(self, database: Database, lease: timedelta) -> None:
        self._database = database
        self._lease_s = lease.total_seconds()

    async def reserve(  # noqa: PLR0913  # as the port
        self,
        lease: Lease,
        *,
        step: int,
        version: int,
        email: OutgoingEmail,
        provider: str,
        limits: SendLimits = NO_LIMITS,
    ) -> Reservation:
        """See `ports.SendLedger.reserve`."""
        attempt_id = f"{lease.owner}:{lease.fence}"
        held = (lease.thread_id, step, lease.owner, lease.fence)
        addressee = (email.recipient_name, email.recipient_address, email.sender_name, email.sender_address)
        approved = (*held, attempt_id, version, email.subject, email.body, *addressee, json.dumps(asdict(limits)))
        _, _, found, why_not = await self._database.batch(
            [
                Statement(_RESERVE, (*approved, provider, email.message_id, _envelope(email), _text_sha256(email))),
                Statement(_RENEW, (*held, self._lease_s, self._lease_s / 2)),
                Statement(_FIND, (lease.thread_id, step)),
                Statement(_WHY_NOT, approved),
            ]
        )
        scene = why_not.rows[0] if why_not.rows else None
        if scene is None or not scene["lease_held"]:
            raise LeaseLost(lease.thread_id)
        row = found.rows[0] if found.rows else None
        reservation = _reservation(row, scene["now"], mine=row["attempt_id"] == attempt_id) if row else None
        if reservation is None or reservation.state not in {"sent", "failed"}:
            self._check(lease, step, scene, reservation)
            if reservation is None or reservation.mine or reservation.state == "not_delivered":
                self._check_hour(scene, limits, reservation)
        if reservation is None or reservation.state == "not_delivered":
            raise TouchHeldBack(_WINDOW, from_text(scene["now"]))
        return reservation

    def _check_hour(self, scene: Row, limits: SendLimits, reservation: Reservation | None) -> None:
        """Give a claim back that may not be used now, and say when it may be."""
        held = _held_back(scene, limits)
        if held is None:
            return
        if reservation and reservation.mine:
            self.release(reservation)
        raise held

    def _check(self, lease: Lease, step: int, scene: Row, reservation: Reservation | None) -> None:
        """Refuse what may not leave as things stand now, and settle an attempt made before."""
        refusal: Exception | None = None
        if scene["blocked"]:
            refusal = SendRefused(lease.thread_id, step, scene["blocked"])
        elif not scene["approved"]:
            refusal = ApprovalMissing(lease.thread_id, step)
        elif scene["reply_rule"] == "stop":
            refusal = SendRefused(lease.thread_id, step, COLLEAGUE_REPLIED)
        elif scene["paused_why"] or scene["reply_rule"]:
            raise self._set_aside(scene, reservation)
        elif not scene["addressed"] and (reservation is None or reservation.mine):
            refusal = AskedAgain("recipient or sender changed after the approval")
        if refusal is None:
            return
        if reservation and reservation.mine:
            self.release(reservation)
        elif reservation:
            self.settle(reservation, "unknown", error=f"an attempt was cut off, and then: {refusal}")
        raise refusal

    def _set_aside(self, scene: Row, reservation: Reservation | None) -> SetAside:
        """Give a claim of this run back; what may have left stays as it is, and is looked at again with the thread."""
        if reservation and reservation.mine:
            self.release(reservation)
        return SetAside(scene["paused_why"] or COLLEAGUE_REPLIED)

    def settle(self, reservation: Reservation, state: LedgerState, *, provider_id: str = "", error: str = "") -> None:
        """See `ports.SendLedger.settle`."""
        touch = (reservation.thread_id, reservation.step, reservation.attempt_id)
        run, is_fact = _open_run(), state == "sent"
        run.record(Statement(_SETTLE, (*touch, state, provider_id, error)), is_fact=is_fact)
        if state == "failed":
            run.record(Statement(GIVE_PLACE_UP, touch), is_fact=False)
        if is_fact:
            run.record(Statement(_GO_ON, touch), is_fact=True)

    def release(self, reservation: Reservation) -> None:
        """See `ports.SendLedger.release`."""
        touch = (reservation.thread_id, reservation.step, reservation.attempt_id)
        run = _open_run()
        for sql in (_RELEASE_AGAIN, _RELEASE):
            run.record(Statement(sql, touch), is_fact=False)


def _held_back(scene: Row, limits: SendLimits) -> TouchHeldBack | None:
    """Name what lets the touch leave last of all that keeps it back; None when nothing does."""
    if not scene["is_open"]:
        return TouchHeldBack(_WINDOW, from_text(scene["now"]))
    places: tuple[tuple[str, float | None, Cause], ...] = (
        ("written_to_at", limits.gap_s, "gap"),
        ("mailbox_day_at", DAY_S, "cap"),
        ("mailbox_hour_at", HOUR_S, "cap"),
        ("domain_day_at", DAY_S, "cap"),
    )
    found: dict[datetime, Cause] = {
        from_text(scene[since]) + timedelta(seconds=seconds or 0): cause for since, seconds, cause in places if scene[since]
    }
    if not found:
        return None
    free_at = max(found)
    cause = found[free_at]
    return TouchHeldBack(cause, free_at, queue=scene["queue"] if cause == "cap" else None, ahead=scene["ahead"])


def _open_run() -> Transaction:
    run = current_transaction()
    if run is None:
        msg = "a send is settled inside the run that made it"
        raise RuntimeError(msg)
    return run


def _reservation(row: Row, now: str, *, mine: bool) -> Reservation:
    envelope: dict[str, Any] = json.loads(row["envelope"])
    return Reservation(
        thread_id=row["thread_id"],
        step=row["step"],
        state=row["state"],
        mine=mine,
        attempt_id=row["attempt_id"],
        provider=row["provider"],
        age_s=row["age_s"],
        checked_at=from_text(now),
        email=OutgoingEmail(subject=row["subject"], body=row["body"], **envelope),
    )


def _envelope(email: OutgoingEmail) -> str:
    """The email without its text, which the draft's row keeps."""
    parts = {name: value for name, value in asdict(email).items() if name not in {"subject", "body"}}
    return json.dumps(parts, ensure_ascii=False)


def _text_sha256(email: OutgoingEmail) -> str:
    return sha256(f"{email.subject}\n{email.body}".encode()).hexdigest()
