"""A thread that was given up goes back to the sweep, by an operator's word: one batch, safe to send twice."""

from datetime import datetime
from typing import Final
from uuid import uuid4

from backend.d1.statements import Database, Statement
from backend.domain.campaign import thread_id_of
from backend.domain.instants import to_text
from backend.errors import ThreadNotParked, UnknownCampaign, UnknownContact, UnknownThread
from backend.read_models import Requeued

_CAMPAIGN_EXISTS: Final = "SELECT 1 AS known FROM campaigns WHERE campaign_id = ?1"
_CONTACT_EXISTS: Final = "SELECT 1 AS known FROM contacts WHERE contact_id = ?1"

# The audit row is the claim of this batch: it names the fence of the thread it was written for, so that a batch that is sent
# again after the thread went on changes nothing.
_AUDIT: Final = """
INSERT INTO audit (audit_id, thread_id, at, principal, action, draft_id, detail)
SELECT ?2, thread_id, ?3, ?4, 'requeue', draft_id, 'at fence ' || fence
FROM threads WHERE thread_id = ?1 AND status = 'parked' ON CONFLICT DO NOTHING"""
_FORGET_REFUSAL: Final = """
DELETE FROM send_ledger WHERE thread_id = ?1 AND state = 'failed' AND step = (
  SELECT step FROM threads WHERE thread_id = ?1 AND status = 'parked'
    AND 'at fence ' || fence = (SELECT detail FROM audit WHERE audit_id = ?2)
)"""
_REQUEUE: Final = """
UPDATE threads SET status_reason = 'requeued by ' || ?4, next_touch_at = ?3, attempts = 0, status = CASE WHEN EXISTS (
    SELECT 1 FROM drafts
    WHERE drafts.draft_id = threads.draft_id AND drafts.step = threads.step AND drafts.status = 'decided'
  ) THEN 'decided' ELSE 'scheduled' END
WHERE thread_id = ?1 AND status = 'parked' AND 'at fence ' || fence = (SELECT detail FROM audit WHERE audit_id = ?2)"""
_FOUND: Final = """
SELECT threads.*, EXISTS (SELECT 1 FROM audit WHERE audit_id = ?2) AS requeued FROM threads WHERE thread_id = ?1"""


class D1Requeue:
    """Puts parked threads back over D1."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def requeue(self, campaign_id: str, contact_id: str, *, principal: str, now: datetime) -> Requeued:
        """Let the next sweep take a parked thread up again, its failures forgotten; a send that was refused may be tried anew.

        An attempt that may have left is not forgotten: `send_touch` repeats it under its key, or parks the thread again.

        Raises:
            UnknownCampaign, UnknownContact, UnknownThread: there is none for these ids.
            ThreadNotParked: the thread was not given up; nothing was written.
        """
        thread_id, audit_id, at = thread_id_of(campaign_id, contact_id), f"requeue:{uuid4().hex}", to_text(now)
        results = await self._database.batch(
            [
                Statement(_AUDIT, (thread_id, audit_id, at, principal)),
                Statement(_FORGET_REFUSAL, (thread_id, audit_id)),
                Statement(_REQUEUE, (thread_id, audit_id, at, principal)),
                Statement(_CAMPAIGN_EXISTS, (campaign_id,)),
                Statement(_CONTACT_EXISTS, (contact_id,)),
                Statement(_FOUND, (thread_id, audit_id)),
            ]
        )
        campaigns, contacts, threads = (result.rows for result in results[3:])
        if not campaigns:
            raise UnknownCampaign(campaign_id)
        if not contacts:
            raise UnknownContact(contact_id)
        if not threads:
            raise UnknownThread(campaign_id, contact_id)
        if not threads[0]["requeued"]:
            raise ThreadNotParked(thread_id, threads[0]["status"])
        return Requeued(**{name: threads[0][name] for name in Requeued.__dataclass_fields__})
