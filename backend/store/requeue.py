"""Threads that were given up are listed, and go back to the sweep by an operator's word: one batch, safe twice and late."""

from typing import Final
from uuid import uuid4

from backend.d1.clock import NOW
from backend.d1.statements import Database, Statement
from backend.domain.access import EVERYWHERE, Reach
from backend.domain.campaign import thread_id_of
from backend.errors import ThreadNotParked
from backend.read_models import ParkedPage, ParkedThread, Requeued
from backend.store.known import look_up_pair, thread_of_pair, within

# The audit row is the claim of this batch: it names the fence of the thread it was written for, so that a batch that is sent
# again after the thread went on changes nothing.
_AUDIT: Final = f"""
INSERT INTO audit (thread_id, audit_id, at, principal, action, step, version, detail)
SELECT thread_id, ?2, {NOW}, ?3, 'requeue', step, draft_version, 'at fence ' || fence
FROM threads WHERE thread_id = ?1 AND status = 'parked' AND {within("campaign_id", "?4")} ON CONFLICT DO NOTHING"""
_IS_REQUEUED: Final = """
thread_id = ?1 AND status = 'parked'
  AND 'at fence ' || fence = (SELECT detail FROM audit WHERE audit.thread_id = ?1 AND audit_id = ?2)"""
_FORGET_REFUSAL: Final = f"""
DELETE FROM send_ledger
WHERE thread_id = ?1 AND state = 'failed' AND step = (SELECT step FROM threads WHERE {_IS_REQUEUED})"""
_REQUEUE: Final = f"""
UPDATE threads SET status_reason = 'requeued by ' || ?3, next_touch_at = {NOW}, attempts = 0, status = CASE WHEN EXISTS (
    SELECT 1 FROM drafts WHERE drafts.thread_id = threads.thread_id AND drafts.step = threads.step
      AND drafts.version = threads.draft_version AND drafts.status = 'decided'
  ) THEN 'decided' ELSE 'scheduled' END
WHERE {_IS_REQUEUED}"""
_FOUND: Final = """
SELECT threads.*, EXISTS (SELECT 1 FROM audit WHERE audit.thread_id = ?1 AND audit_id = ?2) AS requeued
FROM threads WHERE thread_id = ?1"""
_PARKED: Final = "SELECT * FROM threads WHERE status = 'parked' AND thread_id > ?1 ORDER BY thread_id LIMIT ?2"
# The ids of a campaign's threads are those from 'campaign:' to before 'campaign;'. Of each campaign at most a page is read.
_PARKED_WITHIN: Final = """
SELECT threads.* FROM json_each(?3) AS mine CROSS JOIN threads ON threads.thread_id IN (
  SELECT own.thread_id FROM threads AS own WHERE own.status = 'parked'
    AND own.thread_id > max(?1, mine.value || ':') AND own.thread_id < mine.value || ';'
  ORDER BY own.thread_id LIMIT ?2
) ORDER BY threads.thread_id LIMIT ?2"""


class D1Requeue:
    """`read_models.Requeue` over D1."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, *, cursor: str | None = None, limit: int = 50, reach: Reach = EVERYWHERE) -> ParkedPage:
        """See `read_models.Requeue.page`."""
        place = (cursor or "", limit + 1)
        (found,) = await self._database.batch(
            [Statement(_PARKED_WITHIN, (*place, reach.as_json)) if reach.is_limited else Statement(_PARKED, place)]
        )
        names = ParkedThread.__dataclass_fields__
        threads = [ParkedThread(**{name: row[name] for name in names}) for row in found.rows[:limit]]
        return ParkedPage(threads, threads[-1].thread_id if len(found.rows) > limit else None)

    async def requeue(self, campaign_id: str, contact_id: str, *, principal: str, reach: Reach = EVERYWHERE) -> Requeued:
        """See `read_models.Requeue.requeue`."""
        thread_id, audit_id = thread_id_of(campaign_id, contact_id), f"requeue:{uuid4().hex}"
        results = await self._database.batch(
            [
                Statement(_AUDIT, (thread_id, audit_id, principal, reach.as_json)),
                Statement(_FORGET_REFUSAL, (thread_id, audit_id)),
                Statement(_REQUEUE, (thread_id, audit_id, principal)),
                *look_up_pair(campaign_id, contact_id, reach),
                Statement(_FOUND, (thread_id, audit_id)),
            ]
        )
        thread = thread_of_pair(results[3:], campaign_id, contact_id)
        if not thread["requeued"]:
            raise ThreadNotParked(thread_id, thread["status"])
        return Requeued(**{name: thread[name] for name in Requeued.__dataclass_fields__})
