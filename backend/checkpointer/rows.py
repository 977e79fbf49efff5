"""The rows that keep checkpoints, and the pages in which they are read."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from backend.checkpointer.codec import Codec, Packed, pack
from backend.checkpointer.sql import (
    FORGET_BLOBS,
    FORGET_OTHERS,
    NAME_HEIR,
    PUT_BLOB,
    PUT_CHECKPOINT,
    PUT_RUN,
    PUT_WRITES,
    REPLACE_CHECKPOINT,
    Place,
    statement,
)
from backend.d1.statements import Result, Row, Statement

MAX_PART_BYTES = 1_400_000
"""1.87 MB in base64: a row of D1 holds 2,000,000 bytes."""
BLOB_MARK = "@"
"""A body that begins with it is the sealed address of a blob that holds the body."""
_OF_PLACE = "thread_id", "checkpoint_ns", "checkpoint_id"
_OF_CHECKPOINT = *_OF_PLACE, "parent_id", "run_id", "tags", "channels", "open_deltas", "refs"
_OF_WRITES = *_OF_PLACE, "task_id", "call_id", "refs"


@dataclass(frozen=True)
class Blob:
    """A large value; its rows are made when they are first asked for, and stay the same."""

    thread_id: str
    blob_id: str
    data: bytes
    codec: Codec

    @cached_property
    def rows(self) -> list[Row]:
        """The parts, each small enough for a row, the first one last."""
        zipped, packed = pack(self.data)
        parts = [packed[start : start + MAX_PART_BYTES] for start in range(0, len(packed), MAX_PART_BYTES)]
        return [self._row(number, Packed(zipped, part), len(parts)) for number, part in reversed(list(enumerate(parts)))]

    def _row(self, number: int, part: Packed, parts: int) -> Row:
        body = self.codec.seal(part, about_part(self.thread_id, self.blob_id, number, parts))
        return {"thread_id": self.thread_id, "blob_id": self.blob_id, "part": number, "body": body}


@dataclass(slots=True)
class Stored:
    """The rows of one checkpoint, or of one call of writes, as they are inserted and as a SELECT gives them back.

    A checkpoint that `replaces_others` is the only one its thread keeps.
    """

    place: Place
    checkpoint: Row | None = None
    writes: Row | None = None
    blobs: dict[str, Blob] = field(default_factory=dict[str, Blob])
    replaces_others: bool = False

    def statements(self, known_blobs: Collection[str] = ()) -> list[Statement]:
        """Return what inserts the rows, the checkpoint last; blobs the database is known to hold are left out."""
        parts = [row for blob_id, blob in self.blobs.items() if blob_id not in known_blobs for row in blob.rows]
        found = [statement(PUT_BLOB, *row.values()) for row in parts]
        if self.writes:
            found.append(statement(PUT_WRITES, *(value for name, value in self.writes.items() if name != "seq")))
        if self.checkpoint:
            if self.checkpoint["run_id"]:
                found.append(statement(PUT_RUN, self.checkpoint["run_id"], self.checkpoint["thread_id"]))
            found += self._put(*self.checkpoint.values())
        return found

    def _put(self, *values: Any) -> list[Statement]:
        place = values[:3]
        if not self.replaces_others:
            return [statement(NAME_HEIR, *place), statement(PUT_CHECKPOINT, *values)]
        return [
            statement(REPLACE_CHECKPOINT, *values),
            statement(PUT_CHECKPOINT, *values),
            *(statement(sql, *place) for sql in FORGET_OTHERS),
            statement(FORGET_BLOBS, place[0]),
        ]


class Page:
    """Some checkpoints with their writes and blobs, as three SELECTs gave them."""

    def __init__(self, checkpoints: Sequence[Row] = (), writes: Sequence[Row] = (), blobs: Sequence[Row] = ()) -> None:
        self.checkpoints = list(checkpoints)
        self.writes = list(writes)
        self.blobs = list(blobs)
        self._writes: dict[tuple[str, str, str], list[Row]] = {}
        for row in writes:
            self._writes.setdefault(_place_columns(row), []).append(row)
        self._parts: dict[tuple[str, str], dict[int, Row]] = {}
        for row in blobs:
            self._parts.setdefault((row["thread_id"], row["blob_id"]), {})[row["part"]] = row

    @classmethod
    def of(cls, results: Sequence[Result], thread_id: str | None = None) -> "Page":
        """Make a page of the results of its three SELECTs, or of what they say of one thread."""
        return cls(*([row for row in result.rows if thread_id in {None, row["thread_id"]}] for result in results))

    @property
    def newest_id(self) -> str | None:
        """The newest checkpoint of the thread when the page was read, if the page was asked for it and is not empty."""
        return self.checkpoints[0].get("newest_id") if self.checkpoints else None

    def writes_of(self, checkpoint: Row) -> list[Row]:
        """Return the calls of writes on `checkpoint`, each task's in turn."""
        return sorted(self._writes.get(_place_columns(checkpoint), []), key=lambda row: (row["task_id"], row["seq"]))

    def blob(self, thread_id: str, blob_id: str) -> list[Row]:
        """Return the parts of a blob, in order; none when the page lacks it."""
        parts = self._parts.get((thread_id, blob_id), {})
        return [parts[number] for number in sorted(parts)]


def about_checkpoint(row: Row) -> str:
    """Say which checkpoint a body belongs to, and what its other columns are."""
    return to_json(["checkpoint", *(row[name] for name in _OF_CHECKPOINT)])


def about_writes(row: Row) -> str:
    """Say which call of writes a body belongs to, and what its other columns are, but `seq`, which the database gives."""
    return to_json(["writes", *(row[name] for name in _OF_WRITES)])


def about_part(thread_id: str, blob_id: str, part: int, parts: int) -> str:
    """Say which part of how many of a blob a body is."""
    return to_json(["blob", thread_id, blob_id, part, parts])


def to_json(value: Any) -> str:
    """Return `value` as JSON, always the same for equal values; what is not JSON as its repr."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=repr)


def _place_columns(row: Row) -> tuple[str, str, str]:
    return row["thread_id"], row["checkpoint_ns"], row["checkpoint_id"]
