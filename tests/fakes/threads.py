"""Due threads in memory, for sweeps: what they look at, claim and let go."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

from backend.errors import DatabaseUnreachable
from backend.ports import Claim, Due, Lease, Look, RollCall, Threads

NOON = "2026-11-23T12:00:00.000Z"


@dataclass
class DueThreads:
    """The part of `ports.Threads` that a sweep uses, over `waiting`, the longest due first.

    Every request takes `takes_s`; the one numbered `fails_at` (from 1) gets no answer. What is in `others` is another sweep's
    by now. `rolls` are the roll calls, with the second of each.
    """

    waiting: list[str]
    takes_s: float = 0.0
    fails_at: int = 0
    swept_s_ago: float = 0.0
    others: set[str] = field(default_factory=set[str])
    asked: list[str] = field(default_factory=list[str])
    rolls: list[tuple[float, RollCall]] = field(default_factory=list[tuple[float, RollCall]])
    held: dict[str, Lease] = field(default_factory=dict[str, Lease])
    released: list[str] = field(default_factory=list[str])
    fences: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def port(self) -> Threads:
        """As the port that a sweep takes."""
        return cast("Threads", self)

    async def _ask(self, what: str) -> None:
        self.asked.append(what)
        await asyncio.sleep(self.takes_s)
        if len(self.asked) == self.fails_at:
            raise DatabaseUnreachable(what, tries=5)

    async def look(self, *, limit: int) -> Look:
        """See `ports.Threads.look`."""
        await self._ask("look")
        due = [Due(thread_id, self.fences.get(thread_id, 0)) for thread_id in self.waiting[:limit]]
        return Look(due, NOON, len(self.rolls), self.swept_s_ago, self.swept_s_ago)

    async def claim(self, due: Sequence[Due], *, owner: str, lease: timedelta, roll: RollCall | None = None) -> Claim:
        """See `ports.Threads.claim`."""
        del lease
        await self._ask(f"claim {len(due)}" if due else "roll")
        if roll:
            self.rolls.append((asyncio.get_running_loop().time(), roll))
        leases = [Lease(each.thread_id, owner, each.fence + 1) for each in due if each.thread_id not in self.others]
        for each in leases:
            self.waiting.remove(each.thread_id)
            self.fences[each.thread_id] = each.fence
            self.held[each.thread_id] = each
        return Claim(leases, [], len(self.rolls))

    async def let_go(self, leases: Sequence[Lease]) -> None:
        """See `ports.Threads.let_go`."""
        await self._ask(f"let go {len(leases)}")
        for lease in leases:
            del self.held[lease.thread_id]
            self.waiting.append(lease.thread_id)
            self.released.append(lease.thread_id)
