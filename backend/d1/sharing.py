"""Requests shared: batches that are ready while another is in flight travel together, in one request and one transaction.

One after the other in one transaction is what they would have been anyway, in some order. A shared batch that D1 refuses wrote
nothing, so each is then sent apart and only the guilty one fails.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from backend.d1.failures import is_overload
from backend.d1.meter import Meter, MeteredDatabase
from backend.d1.statements import Result, Statement
from backend.errors import DatabaseError, DatabaseUnreachable

LINGER_TURNS = 20
"""Turns of the event loop given to batches to come together; when nothing else is ready they take no time."""
LINGER_SHARE = 0.25
"""A request waits for company for so much of the time that the latest one took, if that had company."""
MAX_LINGER_S = 0.05
PATIENCE_S = 1.0
"""A request that takes longer holds nobody up any more: the next one leaves beside it."""
MAX_STATEMENTS = 500
"""Statements of one shared request; D1 allows a Worker 1,000 queries an invocation."""
MAX_CHARS = 4_000_000
"""Characters of one shared request; a quarter of what the bridge takes, so that no encoding of them is too long."""


@dataclass(eq=False, slots=True)
class _Batch:
    """One caller's statements, and where their results are awaited."""

    statements: Sequence[Statement]
    results: asyncio.Future[list[Result]]
    chars: int = field(init=False)

    def __post_init__(self) -> None:
        self.chars = sum(len(part) for each in self.statements for part in (each.sql, *map(str, each.params)))


class SharedDatabase:
    """`Database` over another, for callers that work side by side; what each is told is what it would be told alone."""

    def __init__(self, database: MeteredDatabase) -> None:
        self._database = database
        self._waiting: list[_Batch] = []
        self._sender: asyncio.Task[None] | None = None
        self._in_flight: set[asyncio.Task[None]] = set()
        self._linger_s = 0.0

    @property
    def meter(self) -> Meter:
        """See `MeteredDatabase.meter`."""
        return self._database.meter

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """See `Database.batch`. A caller that is cancelled leaves its statements to the request they are in already."""
        loop = asyncio.get_running_loop()
        mine = _Batch(statements, loop.create_future())
        self._waiting.append(mine)
        if self._sender is None or self._sender.done():
            self._sender = loop.create_task(self._send_all(), name="shared requests")
        return await mine.results

    async def _send_all(self) -> None:
        """Send what waits, a request at a time, until nothing does."""
        while self._waiting:
            for _ in range(LINGER_TURNS):
                await asyncio.sleep(0)
            await asyncio.sleep(self._linger_s)
            if batches := self._take():
                await self._send_and_wait(batches)

    async def _send_and_wait(self, batches: Sequence[_Batch]) -> None:
        """Send a request and wait for it, but not for ever; it goes on by itself."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        request = loop.create_task(self._send(batches))
        self._in_flight.add(request)
        request.add_done_callback(self._in_flight.discard)
        await asyncio.wait({request}, timeout=PATIENCE_S)
        self._linger_s = min(LINGER_SHARE * (loop.time() - began), MAX_LINGER_S) if len(batches) > 1 else 0.0

    def _take(self) -> list[_Batch]:
        """Take from the front what one request holds, at least one batch; those whose callers have gone are dropped."""
        waiting = [batch for batch in self._waiting if not batch.results.done()]
        taken, statements, chars = 0, 0, 0
        for batch in waiting:
            statements += len(batch.statements)
            chars += batch.chars
            if taken and (statements > MAX_STATEMENTS or chars > MAX_CHARS):
                break
            taken += 1
        self._waiting = waiting[taken:]
        return waiting[:taken]

    async def _send(self, batches: Sequence[_Batch]) -> None:
        try:
            results = await self._database.batch([statement for batch in batches for statement in batch.statements])
        except DatabaseError as error:
            if len(batches) == 1 or (isinstance(error, DatabaseUnreachable) and not is_overload(str(error))):
                _raise_for(batches, error)
            else:
                await self._send_apart(batches, error)
        except asyncio.CancelledError:
            for batch in batches:
                batch.results.cancel()
            raise
        except BaseException as error:  # noqa: BLE001  # whatever it is, every caller has to hear of it
            _raise_for(batches, error)
        else:
            rest = iter(results)
            for batch in batches:
                own = [next(rest) for _ in batch.statements]
                if not batch.results.done():
                    batch.results.set_result(own)

    async def _send_apart(self, batches: Sequence[_Batch], error: DatabaseError) -> None:
        """Send again what failed together: half and half where it was too much, else each alone and all at once."""
        if is_overload(str(error)):
            middle = len(batches) // 2
            await self._send(batches[:middle])
            await self._send(batches[middle:])
        else:
            await asyncio.gather(*(self._send([batch]) for batch in batches))


def _raise_for(batches: Sequence[_Batch], error: BaseException) -> None:
    for batch in batches:
        if not batch.results.done():
            batch.results.set_exception(error)
