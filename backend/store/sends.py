"""Sends whose outcome nobody knows are listed, and a person says what became of each: one batch, safe twice and late."""

import re
from typing import Final
from uuid import uuid4

from backend.d1.clock import NOW
from backend.d1.statements import Database, Row, Statement
from backend.errors import SendNotUnknown, UnknownSend
from backend.listings import SendOutcome, SendPage, SendSummary

_SEND_ID: Final = re.compile(r"([A-Za-z0-9._-]{1,64}:[A-Za-z0-9._-]{1,64}):(\d{1,3}):(\d{1,15})")

# An attempt is "owner:fence", and the fence grows with each claim of the thread: a send's id names one attempt for good.
_FENCE: Final = "CAST(substr(attempt_id, instr(attempt_id, ':') + 1) AS INTEGER)"
_PAGE: Final = f"""
SELECT send_ledger.*, {_FENCE} AS fence, COALESCE(approved_subject, subject) AS subject, threads.campaign_id,
  threads.status AS thread_status
FROM (
  SELECT * FROM send_ledger WHERE state = 'unknown' AND (thread_id, step) > (?1, ?2) ORDER BY thread_id, step LIMIT ?3
) AS send_ledger JOIN drafts USING (thread_id, step, version) JOIN threads USING (thread_id)
ORDER BY send_ledger.thread_id, send_ledger.step"""

# The audit row is written only for an attempt that is unknown, and the rest only for the attempt it was written for.
_AUDIT: Final = f"""
INSERT INTO audit (thread_id, audit_id, at, principal, action, step, version, detail)
SELECT thread_id, ?4, {NOW}, ?5, ?6, step, version, attempt_id FROM send_ledger
WHERE thread_id = ?1 AND step = ?2 AND {_FENCE} = ?3 AND state = 'unknown' ON CONFLICT DO NOTHING"""
_IS_SAID: Final = "attempt_id = (SELECT detail FROM audit WHERE audit.thread_id = ?1 AND audit_id = ?3)"
_RESOLVE: Final = f"""
UPDATE send_ledger SET state = ?4, settled_at = {NOW}, error = ''
WHERE thread_id = ?1 AND step = ?2 AND state = 'unknown' AND {_IS_SAID}"""
_GIVE_PLACE_UP: Final = f"""
UPDATE send_ledger SET mailbox = NULL, recipient_domain = NULL
WHERE thread_id = ?1 AND step = ?2 AND state = 'not_delivered' AND {_IS_SAID}"""
_GO_ON: Final = f"""
UPDATE threads SET status = 'decided', status_reason = ?5, next_touch_at = {NOW}, attempts = 0
WHERE thread_id = ?1 AND step = ?2 AND status IN ('parked', 'decided') AND EXISTS (
  SELECT 1 FROM send_ledger WHERE send_ledger.thread_id = ?1 AND send_ledger.step = ?2 AND state = ?4 AND {_IS_SAID}
)"""
_FOUND: Final = f"""
SELECT send_ledger.*, {_FENCE} AS fence, threads.status AS thread_status, threads.next_touch_at, {_IS_SAID} AS said
FROM send_ledger JOIN threads USING (thread_id) WHERE send_ledger.thread_id = ?1 AND send_ledger.step = ?2"""


class D1Sends:
    """`listings.Sends` over D1."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def unknown(self, *, cursor: str | None = None, limit: int = 50) -> SendPage:
        """See `listings.Sends.unknown`."""
        thread_id, step, _ = _read(cursor) if cursor else ("", -1, 0)
        (found,) = await self._database.batch([Statement(_PAGE, (thread_id, step, limit + 1))])
        sends = [_summary(row) for row in found.rows[:limit]]
        return SendPage(sends, sends[-1].send_id if len(found.rows) > limit else None)

    async def resolve(self, send_id: str, *, delivered: bool, principal: str) -> SendOutcome:
        """See `listings.Sends.resolve`."""
        thread_id, step, fence = _read(send_id)
        state, audit_id = "sent" if delivered else "not_delivered", f"resolve:{uuid4().hex}"
        why = f"{principal} says that the email was {'' if delivered else 'not '}delivered"
        said = (thread_id, step, audit_id, state)
        *_, found = await self._database.batch(
            [
                Statement(_AUDIT, (thread_id, step, fence, audit_id, principal, f"resolve as {state}")),
                Statement(_RESOLVE, said),
                Statement(_GIVE_PLACE_UP, said[:3]),
                Statement(_GO_ON, (*said, why)),
                Statement(_FOUND, (thread_id, step, audit_id)),
            ]
        )
        row = found.rows[0] if found.rows else None
        if row is None or row["fence"] != fence:
            raise UnknownSend(send_id)
        if not row["said"]:
            raise SendNotUnknown(send_id, row["state"])
        return SendOutcome(send_id, row["state"], row["thread_status"], row["next_touch_at"])


def _read(send_id: str) -> tuple[str, int, int]:
    found = _SEND_ID.fullmatch(send_id)
    if found is None:
        raise UnknownSend(send_id)
    return found[1], int(found[2]), int(found[3])


def _summary(row: Row) -> SendSummary:
    own = {name: row[name] for name in SendSummary.__dataclass_fields__ if name != "send_id"}
    return SendSummary(send_id=f"{row['thread_id']}:{row['step']}:{row['fence']}", **own)
