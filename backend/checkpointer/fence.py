"""The fence: a run may write to a thread while the newest checkpoint is the one it read, or one of its own."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import ReferenceType

from backend.checkpointer.rows import Stored, to_json
from backend.checkpointer.sql import GUARD, statement
from backend.d1.statements import Statement
from backend.d1.transaction import Guard
from backend.errors import AgenticSalesError, ThreadMovedOn

ThreadKey = tuple[str, str]
"""A thread and a namespace of it."""


@dataclass(slots=True, eq=False)
class Head:
    """One run knows this of a thread: its newest checkpoint, and the blobs which that one keeps in the database."""

    key: ThreadKey
    newest_id: str | None
    blobs: set[str]
    failure: AgenticSalesError | None = None
    reader: ReferenceType[asyncio.Task[Any]] | None = None

    def read_by_this_task(self) -> bool:
        """Tell whether the task that calls is the one that read the thread."""
        return self.reader is not None and self.reader() is asyncio.current_task()

    def guard(self, own_ids: Sequence[str]) -> Guard:
        """Return the fence for a batch that inserts the checkpoints `own_ids`."""
        sql = statement(GUARD, *self.key, self.newest_id, to_json(list(own_ids)))
        return Guard(sql, "checkpoint_is_newest", ThreadMovedOn(self.key[0]))


@dataclass(slots=True, eq=False)
class Unit:
    """The rows of one call of the saver, and the head of the run that made it, if it read the thread."""

    stored: Stored
    head: Head | None
    settled: bool = False
    error: AgenticSalesError | None = None


def compose(units: Sequence[Unit]) -> tuple[list[Guard], list[Statement]]:
    """Return the fences and the statements of `units`; a blob that several of them need is sent once."""
    guards = [head.guard(own_ids) for head, own_ids in _own_ids(units).items()]
    statements: list[Statement] = []
    sent: set[str] = set()
    for unit in units:
        statements += unit.stored.statements(sent | unit.head.blobs if unit.head else sent)
        sent |= unit.stored.blobs.keys()
    return guards, statements


def advance(units: Sequence[Unit]) -> None:
    """Tell the heads that `units` are durable."""
    for unit in units:
        head = unit.head
        if head is None:
            continue
        checkpoint_id = unit.stored.place.checkpoint_id
        if unit.stored.checkpoint:
            head.newest_id, head.blobs = checkpoint_id, set(unit.stored.blobs)
        elif checkpoint_id == head.newest_id:
            head.blobs |= unit.stored.blobs.keys()


def _own_ids(units: Sequence[Unit]) -> dict[Head, list[str]]:
    own: dict[Head, list[str]] = {}
    for unit in units:
        if unit.head:
            ids = own.setdefault(unit.head, [])
            if unit.stored.checkpoint:
                ids.append(unit.stored.checkpoint["checkpoint_id"])
    return own
