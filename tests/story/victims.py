"""What the processes do that `test_kill_nine` kills and freezes; each is a fresh one, forked from a server without threads."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from backend.campaigns import Campaigns
from backend.d1.clock import TimedDatabase
from backend.d1.database import open_database
from backend.d1.meter import MeteredDatabase
from backend.domain.campaign import DecisionRequest
from backend.domain.flags import Flags
from tests.fakes.clock import FixedClock
from tests.fakes.other_process import Fate, FatedDatabase, FatedMailer, FileClock, FolderProvider, freeze, kill_nine
from tests.fakes.scripted_model import ScriptedLLM
from tests.northwind import SCRIPT
from tests.rows import Rows
from tests.story.fleet import wire


@dataclass(frozen=True)
class World:
    """What all processes of one story share: a folder with the database, the clock and the provider's books."""

    folder: Path
    replay_window: timedelta

    @property
    def url(self) -> str:
        """Where the database is."""
        return f"sqlite:///{self.folder}/d1.db"

    @property
    def clock(self) -> FileClock:
        """The time, for all of them."""
        return FileClock(self.folder / "now")

    @asynccontextmanager
    async def database(self) -> AsyncGenerator[MeteredDatabase, None]:
        """The database, as one process opens it."""
        async with open_database(self.url) as opened:
            yield TimedDatabase(opened, self.clock.now)

    @property
    def provider(self) -> FolderProvider:
        """The provider, for all of them."""
        return FolderProvider(self.folder, self.clock, self.replay_window)

    def begin(self) -> None:
        """Let time begin."""
        self.clock.set(FixedClock().now())


async def work(campaigns: Campaigns, database: MeteredDatabase) -> None:
    """A tick, then a person who approves whatever waits; `database` is the person's own."""
    await campaigns.resume()
    for draft_id in await Rows(database).pending():
        await campaigns.decide(draft_id, DecisionRequest("approve", "ana"))


def campaigns_of(world: World, database: MeteredDatabase) -> Campaigns:
    """The verbs of a process that lives."""
    return wire(database, world.clock, ScriptedLLM(SCRIPT), world.provider, Flags())


def _fated_campaigns(world: World, database: MeteredDatabase, fate: Fate, end: Callable[[], None]) -> Campaigns:
    mailer = FatedMailer(world.provider, fate, end)
    return wire(FatedDatabase(database, fate, end), world.clock, ScriptedLLM(SCRIPT), mailer, Flags())


def work_until_killed(world: World, fate: Fate) -> None:
    """Work as `work` does, and be killed where fate has it."""

    async def live() -> None:
        async with world.database() as database:
            await work(_fated_campaigns(world, database, fate, kill_nine), database)

    asyncio.run(live())


def approve_and_freeze(world: World, fate: Fate, draft_id: str, frozen: Connection) -> None:
    """Approve one draft, say so and stop where fate has it, and go on when somebody continues the process."""

    def stop() -> None:
        frozen.send(True)  # noqa: FBT003  # any word does
        freeze()

    async def live() -> None:
        async with world.database() as database:
            campaigns = _fated_campaigns(world, database, fate, stop)
            await campaigns.decide(draft_id, DecisionRequest("approve", "ana"))

    asyncio.run(live())
