"""How rows of checkpoints become durable: shared batches outside a transaction, the run's one batch inside it.

Both are fenced: a run that read a thread's newest checkpoint may only write while that is still the newest but for its own.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field

from backend.d1.checkpoint_rows import Page, Stored
from backend.d1.checkpoint_sql import GUARD, Place
from backend.d1.failures import is_overload
from backend.d1.transaction import Guard, send_guarded
from backend.errors import AgenticSalesError, DatabaseUnreachable, ThreadMovedOn
from backend.ports import Database, Row, Statement

ThreadKey = tuple[str, str]
"""A thread and a namespace in it."""


@dataclass(slots=True, eq=False)
class Head:
    """What one run read of a thread: its newest checkpoint then, and the blobs that checkpoint keeps in the database."""

    key: ThreadKey
    newest_id: str | None
    blobs: set[str]

    def guard(self, own_ids: Sequence[str]) -> Guard:
        """Return the fence: the newest checkpoint, but for `own_ids`, is the one that was read."""
        statement = Statement(GUARD, (*self.key, self.newest_id, json.dumps(list(own_ids))))
        return Guard(statement, "checkpoint_is_newest", ThreadMovedOn(self.key[0]))

    def advance(self, own_ids: Sequence[str], blobs: set[str]) -> None:
        """Learn that this run's own checkpoints are durable."""
        ids = [*own_ids, *([self.newest_id] if self.newest_id else [])]
        self.newest_id = max(ids, default=None)
        self.blobs |= blobs


_HEADS: ContextVar[Mapping[tuple[int, ThreadKey], Head]] = ContextVar("checkpoint_heads")


def remember_head(owner: object, head: Head) -> Head:
    """Keep what this run read for its later writes, and for no other run's."""
    _HEADS.set({**_HEADS.get({}), (id(owner), head.key): head})
    return head


def head_of(owner: object, place: Place) -> Head | None:
    """Return what this run read of the place's thread, if it read it."""
    return _HEADS.get({}).get((id(owner), (place.thread_id, place.checkpoint_ns)))


@dataclass(slots=True, eq=False)
class Unit:
    """The rows of one call of the saver, and the head under which they were made."""

    stored: Stored
    head: Head | None
    settled: bool = False
    error: BaseException | None = None


def compose(units: Sequence[Unit]) -> tuple[list[Guard], list[Statement]]:
    """Return the guards and the statements of some units; blobs that several of them share are sent once."""
    guards = [head.guard(own) for head, own in _own_ids(units).items()]
    statements: list[Statement] = []
    sent: set[str] = set()
    for unit in units:
        statements += unit.stored.statements(sent | (unit.head.blobs if unit.head else set()))
        sent |= set(unit.stored.blobs)
    return guards, statements


def advance(units: Sequence[Unit]) -> None:
    """Tell every head what of its own is durable now."""
    for head, own in _own_ids(units).items():
        head.advance(own, {blob_id for unit in units if unit.head is head and unit.stored.checkpoints for blob_id in unit.stored.blobs})


def _own_ids(units: Sequence[Unit]) -> dict[Head, list[str]]:
    own: dict[Head, list[str]] = {}
    for unit in units:
        if unit.head is not None:
            own.setdefault(unit.head, []).extend(row["checkpoint_id"] for row in unit.stored.checkpoints)
    return own


class GroupCommit:
    """Sends one batch at a time; what arrives meanwhile shares the next. A call returns only when its rows are durable."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[Unit] = []
        self._turn = asyncio.Lock()

    async def commit(self, unit: Unit) -> None:
        """Make the rows of `unit` durable.

        Raises:
            ThreadMovedOn: another run committed to the thread since this one read it; nothing of the unit was written.
        """
        self._waiting.append(unit)
        try:
            while not unit.settled:
                async with self._turn:
                    if not unit.settled:
                        await self._send_next()
        finally:
            if unit in self._waiting:
                self._waiting.remove(unit)
        if unit.error is not None:
            raise unit.error

    async def _send_next(self) -> None:
        for _ in range(LINGER_TURNS):
            await asyncio.sleep(0)
        units = self._take()
        try:
            await self._send(units)
        except BaseException:
            self._waiting[:0] = [unit for unit in units if not unit.settled]
            raise

    def _take(self) -> list[Unit]:
        """Take what waits, except a second run on the same thread: its fence must see the first one's checkpoint."""
        heads: dict[ThreadKey, Head] = {}
        taken: list[Unit] = []
        for unit in self._waiting:
            if unit.head is None or heads.setdefault(unit.head.key, unit.head) is unit.head:
                taken.append(unit)
        self._waiting = [unit for unit in self._waiting if unit not in taken]
        return taken

    async def _send(self, units: Sequence[Unit]) -> None:
        try:
            guards, statements = compose(units)
            await send_guarded(self._database, guards, [*(guard.statement for guard in guards), *statements])
        except AgenticSalesError as error:
            if len(units) > 1 and (not isinstance(error, DatabaseUnreachable) or is_overload(str(error))):
                for unit in units:
                    await self._send([unit])
                return
            for unit in units:
                unit.settled, unit.error = True, error
        else:
            advance(units)
            for unit in units:
                unit.settled = True


LINGER_TURNS = 8
"""Turns of the event loop given to a task's checkpoint to join its writes; no time passes when nothing else is ready."""


@dataclass(slots=True, eq=False)
class StagedRun:
    """The saver's part of one transaction: what was read for it and what it wrote so far."""

    prefetched: dict[ThreadKey, Page] = field(default_factory=dict[ThreadKey, Page])
    units: list[Unit] = field(default_factory=list[Unit])

    def guards(self) -> Sequence[Guard]:
        """Return the fences of the threads this run read."""
        return compose(self.units)[0]

    def statements(self) -> Sequence[Statement]:
        """Return what inserts the staged rows."""
        return compose(self.units)[1]

    def committed(self) -> None:
        """Forget what is durable now."""
        advance(self.units)
        self.units.clear()
        self.prefetched.clear()

    def overlay(self, place: Place, page: Page | None) -> Page:
        """Return the page of the place with the staged rows laid over what was read."""
        checkpoints = {row["checkpoint_id"]: row for row in (page.checkpoints if page else ())}
        stored = [unit.stored for unit in self.units]
        for row in (row for each in stored for row in each.checkpoints):
            if (row["thread_id"], row["checkpoint_ns"]) == (place.thread_id, place.checkpoint_ns):
                checkpoints[row["checkpoint_id"]] = row
        chosen_id = place.checkpoint_id or max(checkpoints, default="")
        chosen = [checkpoints[chosen_id]] if chosen_id in checkpoints else []
        return Page(chosen, [*self._writes(chosen, page), *_renumbered(stored)], [*_blobs(page), *_staged_blobs(stored)])

    def _writes(self, chosen: Sequence[Row], page: Page | None) -> list[Row]:
        return [row for checkpoint in chosen for row in page.writes_of(checkpoint)] if page else []


def _renumbered(stored: Sequence[Stored]) -> list[Row]:
    """Staged calls come after those that were read."""
    rows = [row for each in stored for row in each.writes]
    return [{**row, "seq": 1_000_000 + turn} for turn, row in enumerate(rows)]


def _blobs(page: Page | None) -> list[Row]:
    return page.blob_rows() if page else []


def _staged_blobs(stored: Sequence[Stored]) -> list[Row]:
    found: dict[str, list[Row]] = {}
    for each in stored:
        found.update(each.blobs)
    return [row for rows in found.values() for row in rows]
