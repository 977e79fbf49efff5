"""Checkpoints and writes as rows, and rows as the tuples LangGraph reads.

A row's body holds small values themselves and large ones by address: values over `MAX_INLINE_BYTES` are blobs, stored once a thread, so
that a task's write and the checkpoint after it share one copy, and a body that is itself too large for a row is a blob too.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata, CheckpointTuple, PendingWrite, writes_sort_key
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from backend.d1.checkpoint_codec import Codec, Packed, TextRefused, pack, unpack
from backend.d1.checkpoint_sql import PUT_BLOB, PUT_CHECKPOINT, PUT_WRITES, Place
from backend.errors import CheckpointTampered
from backend.ports import Result, Row, Statement

MAX_INLINE_BYTES = 4_096
MAX_PART_BYTES = 1_400_000
"""In base64, 1.87 MB: a row of D1 holds 2,000,000 bytes."""
BLOB_MARK = "@"

_ENVELOPE = JsonPlusSerializer(allowed_msgpack_modules=None)
_TYPES = frozenset({"null", "bytes", "bytearray", "msgpack"})

Value = list[Any] | str
"""`[type, bytes]`, or the address of a blob that holds both."""


@dataclass(slots=True)
class Stored:
    """The rows that keep one checkpoint or one call of writes."""

    checkpoints: list[Row] = field(default_factory=list[Row])
    writes: list[Row] = field(default_factory=list[Row])
    blobs: dict[str, list[Row]] = field(default_factory=dict[str, list[Row]])

    def statements(self, known_blobs: Iterable[str] = ()) -> list[Statement]:
        """Return what inserts the rows, the checkpoint last; blobs the database is known to have are left out."""
        known = set(known_blobs)
        parts = [row for blob_id, rows in self.blobs.items() if blob_id not in known for row in rows]
        return [
            *(Statement(PUT_BLOB, tuple(row.values())) for row in parts),
            *(Statement(PUT_WRITES, tuple(value for name, value in row.items() if name != "seq")) for row in self.writes),
            *(Statement(PUT_CHECKPOINT, tuple(row.values())) for row in self.checkpoints),
        ]


class Encoder:
    """Turns checkpoints and writes into rows."""

    def __init__(self, codec: Codec, serde: SerializerProtocol) -> None:
        self._codec = codec
        self._serde = serde

    def checkpoint(
        self,
        place: Place,
        parent_id: str | None,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
    ) -> Stored:
        """Return the rows of one checkpoint."""
        stored = Stored()
        values = {
            channel: self._value(place.thread_id, value, stored) for channel, value in checkpoint["channel_values"].items()
        }
        bare = {name: value for name, value in checkpoint.items() if name != "channel_values"}
        envelope = [self._serde.dumps_typed(bare), self._serde.dumps_typed(metadata), values]
        about = f"checkpoint|{place.checkpoint_ns}|{checkpoint['id']}|{parent_id or ''}"
        body = self._body(place.thread_id, envelope, about, stored)
        stored.checkpoints.append(
            {
                "thread_id": place.thread_id,
                "checkpoint_ns": place.checkpoint_ns,
                "checkpoint_id": checkpoint["id"],
                "parent_id": parent_id,
                "run_id": metadata.get("run_id"),
                "tags": _to_json(self.tags(metadata)),
                "channels": _to_json(list(values)),
                "refs": _to_json(list(stored.blobs)),
                "body": body,
            },
        )
        return stored

    def writes(self, place: Place, task_id: str, call_id: str, task_path: str, writes: Iterable[tuple[int, str, Any]]) -> Stored:
        """Return the rows of one call of writes, given as `(index, channel, value)`."""
        stored = Stored()
        envelope = [task_path, [[idx, channel, self._value(place.thread_id, value, stored)] for idx, channel, value in writes]]
        about = f"writes|{place.checkpoint_ns}|{place.checkpoint_id}|{task_id}|{call_id}"
        body = self._body(place.thread_id, envelope, about, stored)
        stored.writes.append(
            {
                "thread_id": place.thread_id,
                "checkpoint_ns": place.checkpoint_ns,
                "checkpoint_id": place.checkpoint_id,
                "task_id": task_id,
                "call_id": call_id,
                "seq": 0,
                "refs": _to_json(list(stored.blobs)),
                "body": body,
            },
        )
        return stored

    def tags(self, metadata: CheckpointMetadata | dict[str, Any]) -> dict[str, str]:
        """Return what a filter compares: each key with its value as canonical JSON; None is as if absent."""
        items = cast("dict[str, Any]", metadata).items()
        return {self._codec.tag(key): self._codec.tag(_to_json(value)) for key, value in items if value is not None}

    def _value(self, thread_id: str, value: Any, stored: Stored) -> Value:
        kind, data = self._serde.dumps_typed(value)
        if len(data) <= MAX_INLINE_BYTES:
            return [kind, bytes(data)]
        return self._blob(thread_id, kind.encode() + b"\0" + data, stored)

    def _body(self, thread_id: str, envelope: list[Any], about: str, stored: Stored) -> str:
        packed = pack(_ENVELOPE.dumps_typed(envelope)[1])
        if len(packed.data) > MAX_PART_BYTES:
            return BLOB_MARK + self._blob(thread_id, _ENVELOPE.dumps_typed(envelope)[1], stored)
        return self._codec.seal(packed, about)

    def _blob(self, thread_id: str, data: bytes, stored: Stored) -> str:
        blob_id = self._codec.address(thread_id, data)
        if blob_id not in stored.blobs:
            packed = pack(data)
            parts = [packed.data[start : start + MAX_PART_BYTES] for start in range(0, len(packed.data), MAX_PART_BYTES)]
            stored.blobs[blob_id] = [
                {
                    "thread_id": thread_id,
                    "blob_id": blob_id,
                    "part": number,
                    "body": self._codec.seal(Packed(packed.zipped, part), f"blob|{blob_id}|{number}|{len(parts)}"),
                }
                for number, part in enumerate(parts)
            ]
        return blob_id


class Page:
    """Rows of some checkpoints, with their writes and blobs, as three SELECTs gave them."""

    def __init__(self, checkpoints: Sequence[Row], writes: Sequence[Row], blobs: Sequence[Row]) -> None:
        self.checkpoints = checkpoints
        self._writes: dict[tuple[str, str, str], list[Row]] = {}
        self._blobs: dict[tuple[str, str], list[Row]] = {}
        for row in writes:
            self._writes.setdefault((row["thread_id"], row["checkpoint_ns"], row["checkpoint_id"]), []).append(row)
        for row in blobs:
            self._blobs.setdefault((row["thread_id"], row["blob_id"]), []).append(row)

    @classmethod
    def of(cls, results: Sequence[Result]) -> "Page":
        """Make the page of the results of `select_page`."""
        checkpoints, writes, blobs = results
        return cls(checkpoints.rows, writes.rows, blobs.rows)

    def writes_of(self, checkpoint: Row) -> list[Row]:
        """Return the rows of writes on `checkpoint`."""
        return self._writes.get((checkpoint["thread_id"], checkpoint["checkpoint_ns"], checkpoint["checkpoint_id"]), [])

    def blob_rows(self) -> list[Row]:
        """Return every part of every blob."""
        return [row for rows in self._blobs.values() for row in rows]

    def blob(self, thread_id: str, blob_id: str) -> list[Row]:
        """Return the parts of a blob, in order; none when it is missing."""
        return sorted(self._blobs.get((thread_id, blob_id), []), key=lambda row: row["part"])


class Decoder:
    """Turns rows back into the tuples that LangGraph reads."""

    def __init__(self, codec: Codec, serde: SerializerProtocol) -> None:
        self._codec = codec
        self._serde = serde

    def tuples(self, page: Page) -> list[CheckpointTuple]:
        """Return a tuple for each checkpoint of the page.

        Raises:
            CheckpointTampered: a row does not read as one that was written under this key.
        """
        return [self._guarded(row, page) for row in page.checkpoints]

    def _guarded(self, row: Row, page: Page) -> CheckpointTuple:
        try:
            return self._tuple(row, page)
        except TextRefused as refused:
            raise CheckpointTampered(row["thread_id"], str(refused)) from refused
        except (KeyError, TypeError, ValueError, IndexError, NotImplementedError) as error:
            raise CheckpointTampered(row["thread_id"], f"it does not decode ({type(error).__name__})") from error

    def _tuple(self, row: Row, page: Page) -> CheckpointTuple:
        parent_id: str | None = row["parent_id"]
        about = f"checkpoint|{row['checkpoint_ns']}|{row['checkpoint_id']}|{parent_id or ''}"
        bare, metadata, values = self._envelope(row, about, page)
        checkpoint = self._serde.loads_typed(_typed(bare))
        checkpoint["channel_values"] = {
            channel: self._value(row["thread_id"], value, page) for channel, value in values.items()
        }
        return CheckpointTuple(
            config=cast("Any", _config(row, row["checkpoint_id"])),
            checkpoint=checkpoint,
            metadata=self._serde.loads_typed(_typed(metadata)),
            parent_config=cast("Any", _config(row, parent_id)) if parent_id else None,
            pending_writes=self.writes(page.writes_of(row), page),
        )

    def writes(self, rows: Sequence[Row], page: Page) -> list[PendingWrite]:
        """Merge the calls of each task: a special channel's last value counts, any other index's first; in `writes_sort_key` order."""
        merged: dict[tuple[str, str, int], PendingWrite] = {}
        paths: dict[tuple[str, int], str] = {}
        for row in sorted(rows, key=lambda row: (row["task_id"], row["seq"])):
            about = f"writes|{row['checkpoint_ns']}|{row['checkpoint_id']}|{row['task_id']}|{row['call_id']}"
            path, writes = self._envelope(row, about, page)
            for idx, channel, value in writes:
                slot = (row["task_id"], idx)
                if idx >= 0 and slot in paths:
                    continue
                merged.pop(writes_sort_key(paths.get(slot, path), *slot), None)
                paths[slot] = path
                write = (row["task_id"], channel, self._value(row["thread_id"], value, page))
                merged[writes_sort_key(path, *slot)] = write
        return [merged[key] for key in sorted(merged)]

    def _envelope(self, row: Row, about: str, page: Page) -> Any:
        body: str = row["body"]
        if body.startswith(BLOB_MARK):
            data = self._blob(row["thread_id"], body.removeprefix(BLOB_MARK), page)
        else:
            data = unpack(self._codec.open(body, about))
        return _ENVELOPE.loads_typed(("msgpack", data))

    def _value(self, thread_id: str, value: Value, page: Page) -> Any:
        if isinstance(value, str):
            kind, _, data = self._blob(thread_id, value, page).partition(b"\0")
            return self._serde.loads_typed(_typed([kind.decode(), data]))
        return self._serde.loads_typed(_typed(value))

    def _blob(self, thread_id: str, blob_id: str, page: Page) -> bytes:
        rows = page.blob(thread_id, blob_id)
        if not rows:
            message = f"its blob {blob_id} is missing"
            raise TextRefused(message)
        parts = [self._codec.open(row["body"], f"blob|{blob_id}|{row['part']}|{len(rows)}") for row in rows]
        return unpack(Packed(parts[0].zipped, b"".join(part.data for part in parts)))


def _typed(value: Sequence[Any]) -> tuple[str, bytes]:
    kind, data = value
    if kind not in _TYPES:
        message = f"it holds a value of type {kind!r}"
        raise TextRefused(message)
    return kind, data


def _config(row: Row, checkpoint_id: str) -> dict[str, Any]:
    return {
        "configurable": {
            "thread_id": row["thread_id"],
            "checkpoint_ns": row["checkpoint_ns"],
            "checkpoint_id": checkpoint_id,
        },
    }


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=repr)
