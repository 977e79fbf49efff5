"""A database that can be watched and held back, sends everything twice, or fails when it is told to."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from backend.d1.statements import Result, Statement
from tests.fakes.passing_database import PassingDatabase


@dataclass
class WaveringDatabase(PassingDatabase):
    """Passes batches on to `database`, `times` over, after `gate` is open; `fails` may raise instead."""

    times: int = 1
    fails: Callable[[Sequence[Statement]], None] = lambda _: None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    batches: list[list[Statement]] = field(default_factory=list[list[Statement]])
    in_flight: int = 0
    most_in_flight: int = 0

    def __post_init__(self) -> None:
        self.gate.set()

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """See `ports.Database.batch`."""
        self.batches.append(list(statements))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await self.gate.wait()
            self.fails(statements)
            results = [await self.database.batch(statements) for _ in range(self.times)]
        finally:
            self.in_flight -= 1
        return results[0]


async def turns() -> None:
    """Let everything that is ready run."""
    for _ in range(100):
        await asyncio.sleep(0)
