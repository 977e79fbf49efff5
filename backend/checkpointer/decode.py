"""Turns rows back into what LangGraph reads, and refuses rows that this saver did not write."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple, DeltaChannelHistory, PendingWrite, writes_sort_key
from langgraph.checkpoint.serde.base import SerializerProtocol

from backend.checkpointer.codec import Codec, Packed, TextRefused, unpack
from backend.checkpointer.rows import BLOB_MARK, Page, about_checkpoint, about_part, about_writes
from backend.checkpointer.sql import Place
from backend.d1.statements import Row
from backend.errors import CheckpointTampered

_TYPES = frozenset({"null", "bytes", "bytearray", "msgpack"})
"""The types that `JsonPlusSerializer` writes; "json" and "pickle" would let a row name what is constructed."""


class Decoder:
    """Reads the rows of one page with the saver's serializer and codec."""

    def __init__(self, codec: Codec, serde: SerializerProtocol, page: Page) -> None:
        self._codec = codec
        self._serde = serde
        self._page = page

    def tuples(self) -> list[CheckpointTuple]:
        """Return the page's checkpoints, in its order.

        Raises:
            CheckpointTampered: a row is not one that was written under this key.
        """
        return list(map(self._tuple, self._page.checkpoints))

    def delta_history(self, channels: Sequence[str]) -> dict[str, DeltaChannelHistory]:
        """Return each channel's writes since its nearest value, oldest first, and that value.

        The page is the ancestors, the nearest first.

        Raises:
            CheckpointTampered: a row is not one that was written under this key.
        """
        newest_first: dict[str, list[PendingWrite]] = {channel: [] for channel in channels}
        seeds: dict[str, Any] = {}
        for row in self._page.checkpoints:
            wanted = [channel for channel in channels if channel not in seeds]
            with _refusing(row):
                values, writes = self._contribution(row, wanted)
            for write in reversed(writes):
                newest_first[write[1]].append(write)
            seeds |= values
        return {channel: _history(newest_first[channel], seeds, channel) for channel in channels}

    def _tuple(self, row: Row) -> CheckpointTuple:
        here = Place(row["thread_id"], row["checkpoint_ns"], row["checkpoint_id"])
        with _refusing(row):
            bare, metadata, values = self._envelope(row, about_checkpoint(row))
            checkpoint = self._loads(bare)
            checkpoint["channel_values"] = {name: self._value(row, value) for name, value in values.items()}
            return CheckpointTuple(
                config=config_of(here),
                checkpoint=checkpoint,
                metadata=self._loads(metadata),
                parent_config=config_of(here._replace(checkpoint_id=row["parent_id"])) if row["parent_id"] else None,
                pending_writes=self._writes(row),
            )

    def _contribution(self, row: Row, wanted: Sequence[str]) -> tuple[dict[str, Any], list[PendingWrite]]:
        _, _, values = self._envelope(row, about_checkpoint(row))
        return {name: self._value(row, values[name]) for name in wanted if name in values}, self._writes(row, wanted)

    def _writes(self, checkpoint: Row, channels: Sequence[str] | None = None) -> list[PendingWrite]:
        """Merge the calls of each task: a special channel's last value counts, any other index's first."""
        merged: dict[tuple[str, int], tuple[str, str, Row, Any]] = {}
        for row in self._page.writes_of(checkpoint):
            path, writes = self._envelope(row, about_writes(row))
            for index, channel, value in writes:
                slot = row["task_id"], index
                if index < 0 or slot not in merged:
                    merged[slot] = path, channel, row, value
        in_order = sorted(merged.items(), key=lambda item: writes_sort_key(item[1][0], *item[0]))
        return [
            (task_id, channel, self._value(row, value))
            for (task_id, _), (_, channel, row, value) in in_order
            if channels is None or channel in channels
        ]

    def _envelope(self, row: Row, about: str) -> Any:
        body: str = row["body"]
        mark = BLOB_MARK if body.startswith(BLOB_MARK) else ""
        data = unpack(self._codec.open(body.removeprefix(mark), mark + about))
        if mark:
            data = self._blob(row["thread_id"], data.decode())
        return self._serde.loads_typed(("msgpack", data))

    def _value(self, row: Row, entry: Any) -> Any:
        if isinstance(entry, dict):
            (chunks,) = cast("dict[str, list[Any]]", entry).values()  # the key is "chunks", and was "runs" at first
            return [element for chunk in chunks for element in self._value(row, chunk)]
        if isinstance(entry, str):
            kind, _, data = self._blob(row["thread_id"], entry).partition(b"\0")
            return self._loads([kind.decode(), data])
        return self._loads(entry)

    def _loads(self, typed: Sequence[Any]) -> Any:
        kind, data = typed
        if kind not in _TYPES:
            message = f"a value is of type {kind!r}, which is never written"
            raise TextRefused(message)
        return self._serde.loads_typed((kind, data))

    def _blob(self, thread_id: str, blob_id: str) -> bytes:
        rows = self._page.blob(thread_id, blob_id)
        if not rows:
            message = f"its blob {blob_id} is missing"
            raise TextRefused(message)
        parts = [self._codec.open(row["body"], about_part(thread_id, blob_id, row["part"], len(rows))) for row in rows]
        return unpack(Packed(parts[0].zipped, b"".join(part.data for part in parts)))


@contextmanager
def _refusing(row: Row) -> Generator[None, None, None]:
    """Turn whatever a tampered row may cause into the one error that names its thread."""
    try:
        yield
    except TextRefused as refused:
        raise CheckpointTampered(row["thread_id"], str(refused)) from refused
    except (AttributeError, KeyError, IndexError, NotImplementedError, RecursionError, TypeError, ValueError) as error:
        raise CheckpointTampered(row["thread_id"], f"a row does not decode ({type(error).__name__})") from error


def config_of(place: Place) -> RunnableConfig:
    """Return the config that names `place`."""
    return cast("RunnableConfig", {"configurable": place._asdict()})


def place_of(config: RunnableConfig) -> Place:
    """Return the place that `config` names."""
    configurable = config.get("configurable", {})
    return Place(str(configurable["thread_id"]), configurable.get("checkpoint_ns") or "", configurable.get("checkpoint_id"))


def _history(newest_first: list[PendingWrite], seeds: dict[str, Any], channel: str) -> DeltaChannelHistory:
    history = DeltaChannelHistory(writes=newest_first[::-1])
    if channel in seeds:
        history["seed"] = seeds[channel]
    return history
