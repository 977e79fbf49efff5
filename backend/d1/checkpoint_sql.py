"""The checkpointer's SQL; the modules beside it only bind and decode."""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.ports import Statement

GUARD = """
INSERT INTO guards (checkpoint_is_newest)
SELECT 0 WHERE (
  SELECT max(checkpoint_id) FROM checkpoints
  WHERE thread_id = ?1 AND checkpoint_ns = ?2 AND checkpoint_id NOT IN (SELECT value FROM json_each(?4))
) IS NOT ?3
"""

PUT_CHECKPOINT = """
INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_id, run_id, tags, channels, refs, body)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id) DO UPDATE SET
  parent_id = excluded.parent_id, run_id = excluded.run_id, tags = excluded.tags,
  channels = excluded.channels, refs = excluded.refs, body = excluded.body
WHERE body <> excluded.body
"""

PUT_WRITES = """
INSERT INTO checkpoint_writes (thread_id, checkpoint_ns, checkpoint_id, task_id, call_id, seq, refs, body)
SELECT ?1, ?2, ?3, ?4, ?5, count(*), ?6, ?7 FROM checkpoint_writes
WHERE thread_id = ?1 AND checkpoint_ns = ?2 AND checkpoint_id = ?3 AND task_id = ?4
ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id, task_id, call_id) DO NOTHING
"""

PUT_BLOB = "INSERT OR IGNORE INTO checkpoint_blobs (thread_id, blob_id, part, body) VALUES (?1, ?2, ?3, ?4)"

_ONE = """
SELECT thread_id, checkpoint_ns, checkpoint_id, parent_id, refs, body, {newest} AS newest FROM checkpoints
WHERE thread_id = ?1 AND checkpoint_ns = ?2 {which}
"""
_LATEST = "ORDER BY checkpoint_id DESC LIMIT 1"
_EXACT = "AND checkpoint_id = ?3"
_NEWEST = "(SELECT max(checkpoint_id) FROM checkpoints WHERE thread_id = ?1 AND checkpoint_ns = ?2)"

_WRITES = """
SELECT w.thread_id, w.checkpoint_ns, w.checkpoint_id, w.task_id, w.call_id, w.seq, w.refs, w.body
FROM page AS p JOIN checkpoint_writes AS w USING (thread_id, checkpoint_ns, checkpoint_id)
"""
_BLOBS = """
SELECT b.thread_id, b.blob_id, b.part, b.body
FROM (
  SELECT p.thread_id AS thread_id, r.value AS blob_id FROM page AS p, json_each(p.refs) AS r
  UNION
  SELECT w.thread_id, r.value
  FROM page AS p JOIN checkpoint_writes AS w USING (thread_id, checkpoint_ns, checkpoint_id), json_each(w.refs) AS r
) AS needed
JOIN checkpoint_blobs AS b USING (thread_id, blob_id)
ORDER BY b.thread_id, b.blob_id, b.part
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a checkpoint is: its thread, its namespace and, unless the latest is meant, its id."""

    thread_id: str
    checkpoint_ns: str
    checkpoint_id: str | None = None


def select_one(place: Place) -> list[Statement]:
    """Read one checkpoint, its pending writes and their blobs: three statements for one request."""
    if place.checkpoint_id is None:
        page, params = _ONE.format(newest="checkpoint_id", which=_LATEST), (place.thread_id, place.checkpoint_ns)
    else:
        page = _ONE.format(newest=_NEWEST, which=_EXACT)
        params = (place.thread_id, place.checkpoint_ns, place.checkpoint_id)
    return select_page(page, params)


def select_page(page: str, params: Sequence[int | str | None]) -> list[Statement]:
    """Read the checkpoints that the SELECT `page` names, their writes and their blobs."""
    bound = tuple(params)
    return [
        Statement(page, bound),
        Statement(f"WITH page AS ({page}) {_WRITES}", bound),
        Statement(f"WITH page AS ({page}) {_BLOBS}", bound),
    ]


DELETE_THREAD = tuple(
    f"DELETE FROM {table} WHERE thread_id IN (SELECT value FROM json_each(?1))"
    for table in ("checkpoint_writes", "checkpoints", "checkpoint_blobs")
)
