"""The saver reaches the database alone, or as part of the run's transaction.

A saver and the shallow copies that `with_allowlist` makes of it share one `Core`, which holds all that changes.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from weakref import ref

from backend.checkpointer.codec import Codec
from backend.checkpointer.fence import Head, ThreadKey, Unit
from backend.checkpointer.group_commit import GroupCommit
from backend.checkpointer.heads import Heads
from backend.checkpointer.rows import Page, Stored
from backend.checkpointer.sql import Place, select_ancestors, select_place
from backend.checkpointer.staged import Staging
from backend.d1.statements import Database, Result, Statement
from backend.d1.transaction import Transaction, current_transaction

MAX_HEADS = 64
"""Threads of which one task of the program remembers what it read."""


class Core:
    """Reads pages and makes rows durable."""

    def __init__(self, database: Database, key: str | None) -> None:
        self.database = database
        self.codec = Codec(key)
        self._commits = GroupCommit(database)
        self._heads = Heads()

    def joined(self, transaction: Transaction) -> Staging:
        """Return this saver's part of `transaction`."""
        found = transaction.participant(self)
        return found if isinstance(found, Staging) else transaction.join(self, Staging())

    def prefetch(self, transaction: Transaction, place: Place, page: Page) -> None:
        """Give the transaction what its opening batch read."""
        staging = self.joined(transaction)
        staging.prefetched[place[:2]] = page
        staging.heads[place[:2]] = _head(place, page)

    async def read(self, place: Place) -> Page:
        """Read one checkpoint, from the transaction where it has it, and remember the head for the writes that follow."""
        transaction = current_transaction()
        if transaction is not None:
            return await self._read_joined(place, self.joined(transaction))
        page = await self.fetch(select_place(place))
        head = _head(place, page)
        self._remember(head)
        if page.checkpoints:
            self._heads.read(head, page.checkpoints[0]["checkpoint_id"])
        return page

    async def read_ancestors(self, place: Place, channels: str) -> Page:
        """Read the ancestors in which the JSON array `channels` is found, the nearest first; staged ones are the nearest."""
        transaction = current_transaction()
        staging = self.joined(transaction) if transaction else Staging()
        staged, base = staging.climb(place)
        if not staged and base == place:
            return staging.lay_over(await self.fetch(select_ancestors(place, channels)))
        if base is None:
            return staging.lay_over(Page(staged))
        results = await self.execute([*select_place(base), *select_ancestors(base, channels)])
        nearest, above = Page.of(results[:3]), Page.of(results[3:])
        rows = [*staged, *nearest.checkpoints, *above.checkpoints]
        return staging.lay_over(Page(rows, [*nearest.writes, *above.writes], [*nearest.blobs, *above.blobs]))

    async def fetch(self, statements: Sequence[Statement]) -> Page:
        """Read a page of what is committed."""
        return Page.of(await self.execute(statements))

    async def execute(self, statements: Sequence[Statement]) -> list[Result]:
        """Send a batch after everything that was written before."""
        await self._commits.drain()
        return await self.database.batch(statements)

    async def change(self, statements: Sequence[Statement]) -> None:
        """Send a batch that deletes or copies, and forget the heads it may have moved."""
        await self.execute(statements)
        self._heads.forget()
        _HEADS.set({key: head for key, head in _HEADS.get({}).items() if key[0] is not self})

    async def write(self, stored: Stored, *, may_wait: bool = False) -> None:
        """Stage the rows in the transaction, or make them durable.

        With `may_wait` they may share the batch of the run's next ones, when another task than the one that read the thread
        calls: that is how LangGraph stores a run's input, and nobody there awaits it before the next call.
        """
        key = stored.place[:2]
        transaction = current_transaction()
        if transaction is not None:
            staging = self.joined(transaction)
            staging.units.append(Unit(stored, staging.heads.get(key)))
            return
        head = self._heads.of(stored, _HEADS.get({}).get((self, key)))
        if may_wait and head is not None and not head.read_by_this_task():
            self._commits.defer(Unit(stored, head))
        else:
            await self._commits.commit(Unit(stored, head))

    def _remember(self, head: Head) -> None:
        if task := asyncio.current_task():
            head.reader = ref(task)
        others = [(key, other) for key, other in _HEADS.get({}).items() if key != (self, head.key)]
        _HEADS.set(dict([*others[1 - MAX_HEADS :], ((self, head.key), head)]))

    async def _read_joined(self, place: Place, staging: Staging) -> Page:
        page = staging.page_of(place)
        if page is None:
            page = Page() if staging.has(place) else await self.fetch(select_place(place))
        if not staging.has(place):
            staging.heads.setdefault(place[:2], _head(place, page))
        return staging.overlay(place, page)


_HEADS: ContextVar[Mapping[tuple[Core, ThreadKey], Head]] = ContextVar("checkpoint_heads")
"""This task of the program read this: the tasks LangGraph starts inherit it, other runs do not see it."""


def _head(place: Place, page: Page) -> Head:
    """Return what a run knows after reading `page`: the fence keeps the newest checkpoint, and so its blobs, in place."""
    newest = bool(page.checkpoints) and page.checkpoints[0]["checkpoint_id"] == page.newest_id
    return Head(place[:2], page.newest_id, {row["blob_id"] for row in page.blobs} if newest else set())
