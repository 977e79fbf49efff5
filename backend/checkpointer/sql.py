"""The checkpointer's SQL; the modules beside it only bind and decode."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from backend.d1.statements import Row, SqlValue, Statement


class Place(NamedTuple):
    """A checkpoint's place: its thread, its namespace and, unless the latest is meant, its id."""

    thread_id: str
    checkpoint_ns: str
    checkpoint_id: str | None = None


# Writing. Every statement finds its own work done and leaves it, so that a batch may be sent twice.


def newest_of(thread: str, namespace: str) -> str:
    """Return the SQL of the id of the checkpoint that was put last; both arguments are SQL. Up to three rows are read.

    It is the one with the highest id, or the heir which that one names, if the heir is still there.
    """
    return f"""(
  SELECT COALESCE((
    SELECT heir.checkpoint_id FROM checkpoints AS heir
    WHERE heir.thread_id = top.thread_id AND heir.checkpoint_ns = top.checkpoint_ns AND heir.checkpoint_id = top.heir_id
  ), top.checkpoint_id)
  FROM checkpoints AS top WHERE top.thread_id = {thread} AND top.checkpoint_ns = {namespace}
  ORDER BY top.checkpoint_id DESC LIMIT 1
)"""


_NEWEST = newest_of("?1", "?2")

# Own checkpoints that are all there, and none of them what was read, are this batch's: it was committed, its answer lost.
GUARD = f"""
INSERT INTO checkpoint_guards (checkpoint_is_newest) SELECT 0 WHERE {_NEWEST} IS NOT ?3 AND (
  SELECT count(*) FROM checkpoints
  WHERE thread_id = ?1 AND checkpoint_ns = ?2 AND checkpoint_id IN (SELECT value FROM json_each(?4)) AND checkpoint_id IS NOT ?3
) IS NOT nullif(json_array_length(?4), 0)"""

NAME_HEIR = """
UPDATE checkpoints SET heir_id = ?3 WHERE thread_id = ?1 AND checkpoint_ns = ?2 AND checkpoint_id > ?3 AND NOT EXISTS (
  SELECT 1 FROM checkpoints WHERE thread_id = ?1 AND checkpoint_ns = ?2 AND checkpoint_id = ?3
)"""

PUT_CHECKPOINT = """
INSERT INTO checkpoints (
  thread_id, checkpoint_ns, checkpoint_id, parent_id, run_id, tags, channels, open_deltas, refs, body
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
ON CONFLICT DO UPDATE SET
  parent_id = excluded.parent_id, run_id = excluded.run_id, tags = excluded.tags, channels = excluded.channels,
  open_deltas = excluded.open_deltas, refs = excluded.refs, body = excluded.body
WHERE body <> excluded.body"""

# Where only the latest is kept its row is changed in place, key and all: one row written, where a delete and an insert are two.
REPLACE_CHECKPOINT = f"""
UPDATE checkpoints SET checkpoint_id = ?3, parent_id = ?4, run_id = ?5, tags = ?6, channels = ?7, open_deltas = ?8, refs = ?9,
  body = ?10, heir_id = NULL
WHERE thread_id = ?1 AND checkpoint_ns = ?2 AND checkpoint_id = {_NEWEST} AND NOT EXISTS (
  SELECT 1 FROM checkpoints WHERE thread_id = ?1 AND checkpoint_ns = ?2 AND checkpoint_id = ?3
)"""

PUT_RUN = "INSERT OR IGNORE INTO checkpoint_runs (run_id, thread_id) VALUES (?1, ?2)"

PUT_WRITES = """
INSERT INTO checkpoint_writes (thread_id, checkpoint_ns, checkpoint_id, task_id, call_id, seq, refs, body)
SELECT ?1, ?2, ?3, ?4, ?5, count(*), ?6, ?7 FROM checkpoint_writes
WHERE thread_id = ?1 AND checkpoint_ns = ?2 AND checkpoint_id = ?3 AND task_id = ?4
ON CONFLICT DO NOTHING"""

# Part 0 is written last: where it is, the blob is whole, and no part of another compression of it may join.
PUT_BLOB = """
INSERT OR REPLACE INTO checkpoint_blobs (thread_id, blob_id, part, body) SELECT ?1, ?2, ?3, ?4
WHERE NOT EXISTS (SELECT 1 FROM checkpoint_blobs WHERE thread_id = ?1 AND blob_id = ?2 AND part = 0)"""

# A copy is a row given whole, in the order of its table's columns.

COPY_WRITES = "INSERT OR IGNORE INTO checkpoint_writes VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
COPY_CHECKPOINT = "INSERT OR IGNORE INTO checkpoints VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"

# Reading. A page is a SELECT of checkpoints; their writes and their blobs are read beside it in the same batch.

_LATEST = f"""
SELECT latest.*, latest.checkpoint_id AS newest_id FROM json_each(?1) AS wanted CROSS JOIN checkpoints AS latest
  ON latest.thread_id = wanted.value AND latest.checkpoint_ns = ?2
  AND latest.checkpoint_id = {newest_of("wanted.value", "?2")}"""

_EXACT = f"""
SELECT *, {_NEWEST} AS newest_id FROM checkpoints WHERE thread_id = ?1 AND checkpoint_ns = ?2 AND checkpoint_id = ?3"""

_LISTED = """
SELECT * FROM checkpoints WHERE {conditions}
ORDER BY checkpoint_id DESC, thread_id DESC, checkpoint_ns DESC LIMIT {limit}"""

_OF_THREAD = "SELECT * FROM checkpoints WHERE thread_id = ?1 ORDER BY checkpoint_id"

# Reading, a column that is not JSON names nothing: the statement runs, and decoding refuses the row by its thread's name.

# Up the parents of a checkpoint, the latest unless ?3 is its id, while a wanted channel was not found with a value of its own.
_ANCESTORS = f"""
WITH RECURSIVE walk (parent_id, wanted, depth) AS (
  SELECT parent_id, ?4, 0 FROM checkpoints WHERE thread_id = ?1 AND checkpoint_ns = ?2
  AND checkpoint_id = COALESCE(?3, {_NEWEST})
  UNION ALL
  SELECT up.parent_id, (
    SELECT json_group_array(value) FROM json_each(walk.wanted) WHERE value NOT IN (
      SELECT value FROM json_each(CASE WHEN json_valid(up.channels) THEN up.channels ELSE '[]' END)
    )
  ), walk.depth + 1
  FROM walk CROSS JOIN checkpoints AS up ON up.thread_id = ?1 AND up.checkpoint_ns = ?2 AND up.checkpoint_id = walk.parent_id
  WHERE walk.wanted <> '[]'
)
SELECT up.* FROM walk CROSS JOIN checkpoints AS up
  ON up.thread_id = ?1 AND up.checkpoint_ns = ?2 AND up.checkpoint_id = walk.parent_id
WHERE walk.wanted <> '[]' ORDER BY walk.depth"""

# CROSS JOIN keeps the order in which tables are named: left to itself, D1's planner reads all writes and all blobs there are.

_WRITES_OF_PAGE = """
WITH page AS ({page})
SELECT w.* FROM page AS p CROSS JOIN checkpoint_writes AS w USING (thread_id, checkpoint_ns, checkpoint_id)"""

_BLOBS_OF_PAGE = """
WITH page AS ({page})
SELECT b.* FROM (
  SELECT p.thread_id AS thread_id, r.value AS blob_id
  FROM page AS p CROSS JOIN json_each(CASE WHEN json_valid(p.refs) THEN p.refs ELSE '[]' END) AS r
  UNION
  SELECT w.thread_id, r.value
  FROM page AS p
  CROSS JOIN checkpoint_writes AS w USING (thread_id, checkpoint_ns, checkpoint_id)
  CROSS JOIN json_each(CASE WHEN json_valid(w.refs) THEN w.refs ELSE '[]' END) AS r
) AS needed CROSS JOIN checkpoint_blobs AS b USING (thread_id, blob_id)"""


def select_place(place: Place) -> list[Statement]:
    """Read one checkpoint with its writes and blobs: three statements for one request."""
    if place.checkpoint_id is None:
        return select_latest([place.thread_id], place.checkpoint_ns)
    return _select_page(_EXACT, place)


def select_latest(thread_ids: Sequence[str], checkpoint_ns: str) -> list[Statement]:
    """Read the latest checkpoint of each thread, with its writes and blobs: three statements, however many threads."""
    return _select_page(_LATEST, (json.dumps(list(thread_ids)), checkpoint_ns))


def select_ancestors(place: Place, channels: str) -> list[Statement]:
    """Read the ancestors in which the JSON array `channels` is found, nearest first."""
    return _select_page(_ANCESTORS, (*place, channels))


def select_thread(thread_id: str) -> list[Statement]:
    """Read everything of one thread."""
    return _select_page(_OF_THREAD, (thread_id,))


@dataclass(frozen=True, slots=True)
class Listing:
    """The checkpoints `alist` is asked for; None leaves a condition out. `tags` maps a tag to the value it must have."""

    thread_id: str | None = None
    checkpoint_ns: str | None = None
    checkpoint_id: str | None = None
    before_id: str | None = None
    after_row: tuple[str, str, str] | None = None
    tags: Mapping[str, str | None] | None = None

    def statements(self, limit: int) -> list[Statement]:
        """Read at most `limit` of them, the newest first, after the row that ended the page before."""
        binder = _Binder()
        conditions = [
            *(binder.condition(f"{column} = {{}}", value) for column, value in self._columns() if value is not None),
            *(binder.condition("checkpoint_id < {}", before) for before in (self.before_id,) if before is not None),
            *(binder.condition("(checkpoint_id, thread_id, checkpoint_ns) < ({}, {}, {})", *row) for row in self._after()),
            *(
                binder.condition(
                    "json_extract(CASE WHEN json_valid(tags) THEN tags ELSE '[]' END, {}) IS {}", f'$."{tag}"', value
                )
                for tag, value in (self.tags or {}).items()
            ),
        ]
        page = _LISTED.format(conditions=" AND ".join(conditions) or "true", limit=binder.bind(limit))
        return _select_page(page, binder.params)

    def after(self, row: Row) -> "Listing":
        """Return the listing that goes on after `row`."""
        return replace(self, after_row=(row["checkpoint_id"], row["thread_id"], row["checkpoint_ns"]))

    def _columns(self) -> tuple[tuple[str, str | None], ...]:
        return ("thread_id", self.thread_id), ("checkpoint_ns", self.checkpoint_ns), ("checkpoint_id", self.checkpoint_id)

    def _after(self) -> tuple[tuple[str, str, str], ...]:
        return (self.after_row,) if self.after_row else ()


class _Binder:
    """Collects parameters and gives each its number."""

    def __init__(self) -> None:
        self.params: list[SqlValue] = []

    def bind(self, value: SqlValue) -> str:
        self.params.append(value)
        return f"?{len(self.params)}"

    def condition(self, sql: str, *values: SqlValue) -> str:
        return sql.format(*map(self.bind, values))


def _select_page(page: str, params: Sequence[SqlValue]) -> list[Statement]:
    texts = page, _WRITES_OF_PAGE.format(page=page), _BLOBS_OF_PAGE.format(page=page)
    return [statement(text, *params) for text in texts]


# Deleting. ?1 is a JSON array of thread ids, or of run ids.

_PRUNE_TABLE = f"""
WITH RECURSIVE kept (thread_id, checkpoint_ns, checkpoint_id, parent_id, wanted) AS (
  SELECT thread_id, checkpoint_ns, checkpoint_id, parent_id, open_deltas FROM checkpoints AS c
  WHERE thread_id IN (SELECT value FROM json_each(?1)) AND checkpoint_id = {newest_of("c.thread_id", "c.checkpoint_ns")}
  UNION ALL
  SELECT up.thread_id, up.checkpoint_ns, up.checkpoint_id, up.parent_id, (
    SELECT json_group_array(value) FROM json_each(kept.wanted) WHERE value NOT IN (SELECT value FROM json_each(up.channels))
  )
  FROM kept CROSS JOIN checkpoints AS up ON up.thread_id = kept.thread_id AND up.checkpoint_ns = kept.checkpoint_ns
    AND up.checkpoint_id = kept.parent_id
  WHERE kept.wanted <> '[]'
)
DELETE FROM {{table}} WHERE thread_id IN (SELECT value FROM json_each(?1))
AND (thread_id, checkpoint_ns, checkpoint_id) NOT IN (SELECT thread_id, checkpoint_ns, checkpoint_id FROM kept)"""
_ORPHAN_BLOBS = """
DELETE FROM checkpoint_blobs WHERE thread_id IN ({threads}) AND (thread_id, blob_id) NOT IN (
  SELECT c.thread_id, r.value FROM checkpoints AS c, json_each(c.refs) AS r WHERE c.thread_id IN ({threads})
  UNION
  SELECT w.thread_id, r.value FROM checkpoint_writes AS w, json_each(w.refs) AS r WHERE w.thread_id IN ({threads})
)"""
_OF_THREADS = "SELECT value FROM json_each(?1)"
_OF_RUNS = "SELECT thread_id FROM checkpoint_runs WHERE run_id IN (SELECT value FROM json_each(?1))"

_FORGET_RUNS = """
DELETE FROM checkpoint_runs WHERE (run_id, thread_id) IN (
  SELECT run_id, thread_id FROM checkpoints WHERE thread_id IN (SELECT value FROM json_each(?1))
)"""
_RECALL_RUNS = """
INSERT OR IGNORE INTO checkpoint_runs (run_id, thread_id)
SELECT run_id, thread_id FROM checkpoints
WHERE thread_id IN (SELECT value FROM json_each(?1)) AND run_id IS NOT NULL"""

PRUNE = (
    _FORGET_RUNS,
    _PRUNE_TABLE.format(table="checkpoint_writes"),
    _PRUNE_TABLE.format(table="checkpoints"),
    _ORPHAN_BLOBS.format(threads=_OF_THREADS),
    _RECALL_RUNS,
)

# Where only the latest is kept: whatever else there is of the thread goes with the batch that puts it.
FORGET_OTHERS = (
    "DELETE FROM checkpoint_writes WHERE thread_id = ?1 AND checkpoint_ns = ?2 AND checkpoint_id <> ?3",
    "DELETE FROM checkpoints WHERE thread_id = ?1 AND checkpoint_ns = ?2 AND checkpoint_id <> ?3",
)
FORGET_BLOBS = _ORPHAN_BLOBS.format(threads="?1")

DELETE_THREADS = (
    _FORGET_RUNS,
    "DELETE FROM checkpoint_writes WHERE thread_id IN (SELECT value FROM json_each(?1))",
    "DELETE FROM checkpoints WHERE thread_id IN (SELECT value FROM json_each(?1))",
    "DELETE FROM checkpoint_blobs WHERE thread_id IN (SELECT value FROM json_each(?1))",
)

DELETE_RUNS = (
    """
    DELETE FROM checkpoint_writes WHERE (thread_id, checkpoint_ns, checkpoint_id) IN (
      SELECT thread_id, checkpoint_ns, checkpoint_id FROM checkpoint_runs CROSS JOIN checkpoints USING (run_id, thread_id)
      WHERE run_id IN (SELECT value FROM json_each(?1))
    )""",
    """
    DELETE FROM checkpoints WHERE (run_id, thread_id) IN (
      SELECT run_id, thread_id FROM checkpoint_runs WHERE run_id IN (SELECT value FROM json_each(?1))
    )""",
    _ORPHAN_BLOBS.format(threads=_OF_RUNS),
    "DELETE FROM checkpoint_runs WHERE run_id IN (SELECT value FROM json_each(?1))",
)


def statement(sql: str, *params: SqlValue) -> Statement:
    """Return `sql`, on one line to save bytes, with its parameters."""
    return Statement(_on_one_line(sql), params)


@lru_cache(maxsize=256)
def _on_one_line(sql: str) -> str:
    return " ".join(sql.split())
