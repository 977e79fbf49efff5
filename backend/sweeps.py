"""A sweep keeps its width: so many runs at a time, and a free slot takes the next due thread.

Threads are claimed ahead, many in one request, but no more of them than will begin soon: a claimed thread that waits for a slot
burns its lease. A sweep begins with a claim as wide as it is, and claims more the faster its runs turn out to be.
"""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal, NamedTuple
from uuid import uuid4

import structlog

from backend.domain.campaign import ThreadStatus
from backend.errors import AgenticSalesError
from backend.ports import Due, Lease, Look, RollCall, Threads

SWEEP_WIDTH = 10
"""Runs at a time, unless the settings say otherwise."""
CLAIM_SIZE = 50
"""Most threads of one claim, whose cases come back in the same answer."""
LOOK_SIZE = 200
"""Most due threads a sweep looks at in one request."""
AHEAD_S = 5.0
"""A sweep claims what will begin within so many seconds, by what its latest runs took."""
BEGIN_WITHIN_S = 10.0
"""A claimed thread that has not begun by then is let go: what is left of its lease would not outlast the longest run."""
TAKEN_EVERY_S = 60.0
"""A sweep that took all says so unless one that began within so many seconds did; a sweep costs at most a row a minute."""
SWEPT_EVERY_S = 240.0
"""A sweep that goes on says that it looks when nobody has for so many seconds."""
FUTILE_CLAIMS = 3
"""A sweep ends after so many claims in a row that got nothing: others have all that is due."""

_log = structlog.get_logger()

RunStatus = Literal[ThreadStatus, "lease_lost", "not_committed"]
"""The states a run leaves its thread in; the last two say that it left it to another worker, or as it was."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """A run left its thread so: `draft_id` names the draft that waits now, `next_touch_at` is when a sweep takes it up.

    `error` is empty unless the run failed; `model_failures` counts asks that came to nothing and were replaced by a default.
    """

    thread_id: str
    status: RunStatus
    reason: str = ""
    step: int = 0
    draft_id: str | None = None
    sent: bool = False
    error: str = ""
    next_touch_at: str | None = None
    model_failures: int = 0


@dataclass(frozen=True, slots=True)
class SweepReport:
    """One sweep did this, thread by thread; `took_all` says that nothing was due any more when it ended.

    Of what was due when it began, `left` were another sweep's when it came to them, and `absent` were taken by none: they are
    named, at most twenty of them, when the sweep took all.
    """

    runs: list[RunReport]
    took_all: bool = True
    left: int = 0
    absent: list[str] = field(default_factory=list[str])

    @property
    def counts(self) -> dict[str, int]:
        """Runs by the status they left; `sent`, `failed`, `model_failures`, `left` and `absent` are counted beside it."""
        tally = Counter(run.status for run in self.runs)
        return {
            "claimed": len(self.runs),
            "sent": sum(run.sent for run in self.runs),
            "failed": sum(bool(run.error) for run in self.runs),
            "model_failures": sum(run.model_failures for run in self.runs),
            "left": self.left,
            "absent": len(self.absent),
            **dict(sorted(tally.items())),
        }


class _Claimed(NamedTuple):
    """A leased thread that waits for a slot, and until when it may begin, on this host's own stopwatch."""

    lease: Lease
    begin_before: float


class Sweep:
    """One sweep, made once by `make`; `run` runs a leased thread and raises nothing."""

    def __init__(  # noqa: PLR0913  # each is a bound of its own
        self,
        threads: Threads,
        run: Callable[[Lease], Awaitable[RunReport]],
        *,
        lease: timedelta,
        width: int,
        max_threads: int,
        stop: asyncio.Event | None = None,
    ) -> None:
        self._threads = threads
        self._run = run
        self._lease = lease
        self._width = width
        self._left = max_threads
        self._stop = stop or asyncio.Event()
        self._look: Look | None = None
        self._looked_at = 0.0
        self._began_at = ""
        self._absent: list[str] = []
        self._others: set[str] = set()
        self._seen: deque[Due] = deque()
        self._may_see_more = True
        self._collided = False
        self._futile = 0
        self._claimed: deque[_Claimed] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._errand: asyncio.Task[None] | None = None
        self._failure: Exception | None = None
        self._took_s: deque[float] = deque(maxlen=width)
        self._reports: list[RunReport] = []

    async def make(self) -> SweepReport:
        """Run what is due, the longest due first, until nothing is, the sweep's bound is reached or it is told to stop.

        Told to stop it claims nothing more, lets go what it claimed and did not begin, and finishes what runs; so it does when
        a look or a claim fails.

        Raises:
            DatabaseError: a look or a claim failed; what had begun was finished.
        """
        stopping = asyncio.create_task(self._stop.wait())
        try:
            self._go_on()
            while self._running or self._errand:
                tasks = {*self._running, *({self._errand} if self._errand else ()), *(() if stopping.done() else {stopping})}
                await asyncio.wait(tasks, timeout=self._patience_s(), return_when=asyncio.FIRST_COMPLETED)
                self._go_on()
        finally:
            await _end(stopping, *self._running, *({self._errand} if self._errand else ()))
        if self._failure:
            raise self._failure
        took_all = not (self._stop.is_set() or self._seen or self._may_see_more)
        if self._absent:
            _log.error("sweep.absent", threads=self._absent)
        left = self._others.difference(self._absent, (run.thread_id for run in self._reports))
        return SweepReport(self._reports, took_all, len(left), self._absent)

    def _go_on(self) -> None:
        """Take note of what has ended, and begin whatever may begin now."""
        for task in [task for task in self._running if task.done()]:
            self._running.remove(task)
            task.result()
        if self._errand and self._errand.done():
            errand, self._errand = self._errand, None
            self._note(errand.exception())
        may_begin = not (self._stop.is_set() or self._failure)
        while may_begin and self._claimed and len(self._running) < self._width:
            claimed = self._claimed.popleft()
            if claimed.begin_before < _now():
                self._claimed.appendleft(claimed)
                break
            self._running.add(asyncio.create_task(self._time(claimed.lease)))
        if self._errand is None:
            self._errand = self._next_errand(may_begin=may_begin)

    def _note(self, failure: BaseException | None) -> None:
        if isinstance(failure, Exception):
            self._failure = failure
        elif failure:
            raise failure

    def _next_errand(self, *, may_begin: bool) -> asyncio.Task[None] | None:
        late: list[Lease] = []
        while self._claimed and (self._claimed[0].begin_before < _now() or not may_begin):
            late.append(self._claimed.popleft().lease)
        if late:
            return asyncio.create_task(self._let_go(late))
        wanted = self._wanted() if may_begin else 0
        return asyncio.create_task(self._claim(wanted)) if wanted else None

    def _wanted(self) -> int:
        """Return how many threads to claim: none while a claimed one waits, else for the free slots and a little ahead."""
        free = self._width - len(self._running)
        if self._claimed or not free or not (self._seen or self._may_see_more):
            return 0
        return min(max(free, min(free + self._ahead(), CLAIM_SIZE)), self._left)

    def _ahead(self) -> int:
        """Return how many threads beyond the free slots will begin soon; none where every slot may come free too late."""
        typical_s = sum(self._took_s) / len(self._took_s) if self._took_s else BEGIN_WITHIN_S
        return int(self._width * AHEAD_S / max(typical_s, 0.001)) if typical_s < BEGIN_WITHIN_S else 0

    async def _claim(self, wanted: int) -> None:
        look = self._look if self._look and self._seen else await self._see()
        chosen = [self._seen.popleft() for _ in range(min(wanted, len(self._seen)))]
        roll = self._roll(look)
        if not (chosen or roll):
            return
        begin_before = _now() + BEGIN_WITHIN_S
        claim = await self._threads.claim(chosen, owner=uuid4().hex, lease=self._lease, roll=roll)
        if roll:
            self._take(roll, claim.absent, claim.number)
        if not chosen:
            return
        leases = claim.leases
        self._claimed.extend(_Claimed(lease, begin_before) for lease in leases)
        self._left -= len(leases)
        self._others |= {due.thread_id for due in chosen}.difference(lease.thread_id for lease in leases)
        self._collided = len(leases) < len(chosen)
        self._futile = 0 if leases else self._futile + 1
        if self._collided:
            self._seen.clear()
            self._may_see_more = self._futile < FUTILE_CLAIMS

    async def _see(self) -> Look:
        limit = LOOK_SIZE if self._collided else min(LOOK_SIZE, self._left)
        self._look = look = await self._threads.look(limit=limit)
        self._looked_at = _now()
        self._began_at = self._began_at or look.at
        self._may_see_more = len(look.due) == limit
        found = random.sample(look.due, len(look.due)) if self._collided else look.due  # sweeps that collided part
        self._seen.extend(sorted(found, key=lambda due: due.thread_id in self._others))  # what was not to be had comes last
        return look

    def _roll(self, look: Look) -> RollCall | None:
        """Return the roll to call with a claim: when the claim takes the last of all that was due, and now and then before."""
        is_whole, since_s = not (self._seen or self._may_see_more), _now() - self._looked_at
        is_told = look.taken_s_ago + since_s >= TAKEN_EVERY_S if is_whole else look.swept_s_ago + since_s >= SWEPT_EVERY_S
        return RollCall(look.number, self._began_at, is_whole, is_told) if is_whole or is_told else None

    def _take(self, roll: RollCall, absent: list[str], number: int) -> None:
        if roll.is_whole:
            self._absent = absent
        if roll.is_told and self._look:
            self._look = replace(self._look, number=number, swept_s_ago=0.0)
            self._looked_at = _now()

    async def _let_go(self, leases: list[Lease]) -> None:
        self._left += len(leases)
        self._may_see_more = True
        try:
            await self._threads.let_go(leases)
        except AgenticSalesError as error:
            _log.warning("sweep.not_let_go", threads=len(leases), error=type(error).__name__)  # their leases end by themselves

    async def _time(self, lease: Lease) -> None:
        began = _now()
        self._reports.append(await self._run(lease))
        self._took_s.append(_now() - began)

    def _patience_s(self) -> float | None:
        """Return for how long nothing has to be done unless a task ends: until the first claimed thread is to be let go."""
        if not self._claimed or self._errand:
            return None
        return max(0.0, self._claimed[0].begin_before - _now()) + 0.001


def _now() -> float:
    """Tell the seconds of this host's stopwatch."""
    return asyncio.get_running_loop().time()


async def _end(*tasks: asyncio.Task[object]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
