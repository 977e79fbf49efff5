"""Turns checkpoints and writes into rows.

A body holds small values themselves and large ones by address. A blob is stored once a thread, so a task's write and the
checkpoint after it share one copy, and what did not change is not sent again. A body that is itself too large for a row is a
blob too.
"""

from collections.abc import Iterable
from typing import Any, TypeAlias, cast

from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata
from langgraph.checkpoint.serde.base import SerializerProtocol

from backend.checkpointer.chunks import MAX_INLINE_BYTES, MIN_ELEMENT_BYTES, cut_chunks
from backend.checkpointer.codec import Codec, Packed, pack
from backend.checkpointer.rows import (
    BLOB_MARK,
    MAX_PART_BYTES,
    Blob,
    Stored,
    about_checkpoint,
    about_writes,
    to_json,
)
from backend.checkpointer.sql import Place
from backend.d1.statements import Row

MAX_REPEATED_BYTES = 512
"""A chunk that is complete comes again with every checkpoint: above this it is a blob."""

Entry: TypeAlias = "list[Any] | str | dict[str, list[Entry]]"
"""`[type, bytes]`, or the address of a blob that holds both, or the chunks of a list."""


class Encoder:
    """Makes rows with the saver's serializer and codec."""

    def __init__(self, codec: Codec, serde: SerializerProtocol, *, keep_latest: bool = False) -> None:
        self._codec = codec
        self._serde = serde
        self._keep_latest = keep_latest

    def checkpoint(self, parent: Place, checkpoint: Checkpoint, metadata: CheckpointMetadata) -> Stored:
        """Return the rows of a checkpoint whose parent is at `parent`."""
        place = parent._replace(checkpoint_id=checkpoint["id"])
        stored = Stored(place)
        values = {name: self._value(value, stored) for name, value in checkpoint["channel_values"].items()}
        bare = {name: value for name, value in checkpoint.items() if name != "channel_values"}
        row: Row = {
            **place._asdict(),
            "parent_id": parent.checkpoint_id,
            "run_id": _text_of(metadata.get("run_id")),
            "tags": to_json(self.tags(cast("dict[str, Any]", metadata))),
            "channels": to_json(sorted(values)),
            "open_deltas": to_json(_open_deltas(checkpoint, metadata)),
            "refs": "",
            "body": "",
        }
        envelope = [self._serde.dumps_typed(bare), self._serde.dumps_typed(metadata), values]
        mark, packed = self._body(envelope, stored)
        row["refs"] = to_json(list(stored.blobs))
        row["body"] = mark + self._codec.seal(packed, mark + about_checkpoint(row))
        stored.checkpoint = row
        stored.replaces_others = self._keep_latest and row["open_deltas"] == to_json([])
        return stored

    def writes(
        self,
        place: Place,
        writes: Iterable[tuple[int, str, Any]],
        *,
        task_id: str,
        task_path: str,
        call_id: str,
    ) -> Stored:
        """Return the rows of one call of writes, given as `(index, channel, value)`."""
        stored = Stored(place)
        row: Row = {**place._asdict(), "task_id": task_id, "call_id": call_id, "seq": 0, "refs": "", "body": ""}
        envelope = [task_path, [[index, channel, self._value(value, stored)] for index, channel, value in writes]]
        mark, packed = self._body(envelope, stored)
        row["refs"] = to_json(list(stored.blobs))
        row["body"] = mark + self._codec.seal(packed, mark + about_writes(row))
        stored.writes = row
        return stored

    def tags(self, metadata: dict[str, Any]) -> dict[str, str]:
        """Return what filters compare: a tag for each key that is not None, and one for its value."""
        return {
            self._codec.tag(key): self._codec.tag(to_json(_whole(value)))
            for key, value in metadata.items()
            if value is not None
        }

    def _value(self, value: Any, stored: Stored) -> Entry:
        kind, data = self._serde.dumps_typed(value)
        if len(data) > MAX_INLINE_BYTES and type(value) is list:
            elements = cast("list[Any]", value)
            if len(data) >= len(elements) * MIN_ELEMENT_BYTES:
                return {"chunks": self._chunks(elements, stored)}
        return self._entry(kind, data, stored, MAX_INLINE_BYTES)

    def _chunks(self, elements: list[Any], stored: Stored) -> list[Entry]:
        ranges = cut_chunks([len(self._serde.dumps_typed(element)[1]) for element in elements])
        limits = [MAX_REPEATED_BYTES] * (len(ranges) - 1) + [MAX_INLINE_BYTES]
        chunks = [self._serde.dumps_typed(elements[each.start : each.stop]) for each in ranges]
        return [self._entry(kind, data, stored, limit) for (kind, data), limit in zip(chunks, limits, strict=True)]

    def _entry(self, kind: str, data: bytes, stored: Stored, max_inline_bytes: int) -> Entry:
        if len(data) <= max_inline_bytes:
            return [kind, bytes(data)]
        return self._blob(kind.encode() + b"\0" + data, stored)

    def _body(self, envelope: list[Any], stored: Stored) -> tuple[str, Packed]:
        """Return the mark that a body begins with and what is sealed after it, once all blobs of the row are known."""
        data = self._serde.dumps_typed(envelope)[1]
        packed = pack(data)
        if len(packed.data) > MAX_PART_BYTES:
            return BLOB_MARK, Packed(zipped=False, data=self._blob(data, stored).encode())
        return "", packed

    def _blob(self, data: bytes, stored: Stored) -> str:
        thread_id = stored.place.thread_id
        blob_id = self._codec.address(thread_id, data)
        stored.blobs.setdefault(blob_id, Blob(thread_id, blob_id, data, self._codec))
        return blob_id


def _open_deltas(checkpoint: Checkpoint, metadata: CheckpointMetadata) -> list[str]:
    """Name the delta channels that were written and have no snapshot here: their value is rebuilt from ancestors."""
    counted = metadata.get("counters_since_delta_snapshot") or {}
    return sorted((counted.keys() & checkpoint["channel_versions"].keys()) - checkpoint["channel_values"].keys())


def _text_of(run_id: object) -> str | None:
    """LangGraph takes a run's id as a UUID or a number too; the database compares texts."""
    return None if run_id is None else str(run_id)


def _whole(value: Any) -> Any:
    """A filter compares as Python does, where 1.0 is 1."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
