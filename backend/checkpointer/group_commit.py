"""Rows become durable outside a transaction in shared batches, one in flight at a time, each fenced."""

import asyncio
from collections.abc import Sequence

from backend.checkpointer.fence import Head, ThreadKey, Unit, advance, compose
from backend.d1.failures import is_overload
from backend.d1.statements import Database
from backend.d1.transaction import send_guarded
from backend.errors import AgenticSalesError, DatabaseUnreachable

LINGER_TURNS = 10
"""Turns of the event loop given to a checkpoint to join its task's writes; when nothing else is ready they take no time."""
MAX_UNITS = 100
"""Calls that may share one batch."""


class GroupCommit:
    """Sends one batch at a time; what arrives meanwhile shares the next."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[Unit] = []
        self._turn = asyncio.Lock()
        self._deferred: set[asyncio.Task[None]] = set()

    async def commit(self, unit: Unit) -> None:
        """Make `unit` durable, whoever sends it.

        Raises:
            ThreadMovedOn: another run committed to the thread since this one read it; nothing of `unit` was written.
        """
        if unit.head and unit.head.failure:
            raise unit.head.failure
        self._waiting.append(unit)
        await self._settle(unit)

    def defer(self, unit: Unit) -> None:
        """Let `unit` share the batch of the run's next call, and make it durable even if none comes.

        What goes wrong is raised by the run's next call.
        """
        self._waiting.append(unit)
        task = asyncio.get_running_loop().create_task(self._settle_deferred(unit))
        self._deferred.add(task)
        task.add_done_callback(self._deferred.discard)

    async def drain(self) -> None:
        """Wait until what was deferred before this call is settled; what comes later is not waited for."""
        if before := set(self._deferred):
            await asyncio.wait(before)

    async def _settle_deferred(self, unit: Unit) -> None:
        try:
            await self._settle(unit)
        except AgenticSalesError as error:
            if unit.head:
                unit.head.failure = error

    async def _settle(self, unit: Unit) -> None:
        try:
            while not unit.settled:
                async with self._turn:
                    if not unit.settled:
                        await self._send_next()
        finally:
            if unit in self._waiting:
                self._waiting.remove(unit)
        if unit.error:
            raise unit.error

    async def _send_next(self) -> None:
        for _ in range(LINGER_TURNS):
            await asyncio.sleep(0)
        units = self._take()
        try:
            await self._send(units)
        finally:
            self._waiting[:0] = [unit for unit in units if not unit.settled]

    def _take(self) -> list[Unit]:
        """Take what waits, but of a thread only one run's: the fence of a second must see what the first wrote."""
        heads: dict[ThreadKey, Head] = {}
        taken = [
            unit for unit in self._waiting if unit.head is None or heads.setdefault(unit.head.key, unit.head) is unit.head
        ][:MAX_UNITS]
        self._waiting = [unit for unit in self._waiting if unit not in taken]
        return taken

    async def _send(self, units: Sequence[Unit]) -> None:
        guards, statements = compose(units)
        try:
            await send_guarded(self._database, guards, [*(guard.statement for guard in guards), *statements])
        except AgenticSalesError as error:
            parts = _by_thread(units)
            if len(parts) > 1 and (not isinstance(error, DatabaseUnreachable) or is_overload(str(error))):
                for own in parts:
                    await self._send(own)
                return
            for unit in units:
                unit.settled, unit.error = True, error
        else:
            advance(units)
            for unit in units:
                unit.settled = True


def _by_thread(units: Sequence[Unit]) -> list[list[Unit]]:
    """Return `units` by the head they follow, so that what failed together is sent apart and fails no other."""
    parts: dict[object, list[Unit]] = {}
    for unit in units:
        parts.setdefault(unit.head or unit, []).append(unit)
    return list(parts.values())
