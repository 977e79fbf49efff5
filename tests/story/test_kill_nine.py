"""Real processes, killed by a signal that cannot be caught and frozen past their lease: one delivery an approval."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from backend.campaigns import LEASE
from tests.fakes.other_process import Fate
from tests.northwind import SCRIPT
from tests.processes import nursery, start_process
from tests.story.fleet import Fleet, open_fleet
from tests.story.victims import World, approve_and_freeze, campaigns_of, work, work_until_killed

CONTACTS = ("ada", "bo", "cy", "dee")
DEATHS = 6
MOST_REQUESTS = 7
"""Four contacts' first touches take 25, so several processes die on the way."""
PATIENCE_S = 60
PAST_LEASE = LEASE + timedelta(minutes=1)
DAY = timedelta(hours=24)
NEVER = timedelta(0)


@asynccontextmanager
async def story(world: World) -> AsyncGenerator[Fleet]:
    """Four contacts, enrolled and due, in a database that other processes open too."""
    world.begin()
    async with open_fleet(SCRIPT, coach=True, url=world.url, contacts=CONTACTS, clock=world.clock) as fleet:
        await fleet.campaigns.enrol("close", CONTACTS, principal="op")
        yield fleet


def draw_fate(dice: random.Random) -> Fate:
    """Any moment of a process's life: around or within a request, or around the provider's answer."""
    number, delay_s = dice.randint(1, MOST_REQUESTS), dice.uniform(0, 0.004)
    around_email = [Fate("email", 1, "before"), Fate("email", 2, "after")]
    around_request = [
        Fate("request", number, "before"),
        Fate("request", number, "within", delay_s),
        Fate("request", number, "after"),
    ]
    return dice.choice([*around_email, *around_request, *around_request])


async def ended(process: ForkServerProcess) -> int | None:
    """Wait for a process, and return how it ended."""
    await asyncio.to_thread(process.join, PATIENCE_S)
    return process.exitcode


async def recover(fleet: Fleet, world: World) -> None:
    """A process that lives, one lease later, until nothing is left to do."""
    for _ in range(3):
        world.clock.advance(PAST_LEASE)
        await work(campaigns_of(world, fleet.database), fleet.database)


async def standings(fleet: Fleet) -> list[tuple[str, int, str]]:
    """Where every thread stands, and what the ledger says of its first touch."""
    states = {row["thread_id"]: row["state"] for row in await fleet.rows.sends()}
    return [(row["status"], row["step"], states.get(row["thread_id"], "")) for row in await fleet.rows.threads()]


@pytest.mark.req("AA02-R13", "AA02-R20", "AA02-R21")
@pytest.mark.parametrize("seed", range(5))
async def test_after_any_kills_each_approval_is_one_delivery(tmp_path: Path, seed: int) -> None:
    """Six processes die one after another wherever the dice say; what lives afterwards finds every thread and loses nothing."""
    world, dice = World(tmp_path, DAY), random.Random(seed)  # noqa: S311  # dice of a story
    async with story(world) as fleet:
        exits: list[int | None] = []
        for _ in range(DEATHS):
            exits.append(await ended(start_process(work_until_killed, world, draw_fate(dice))))
            world.clock.advance(PAST_LEASE)
        await recover(fleet, world)
        assert set(exits) <= {0, -signal.SIGKILL}
        assert exits.count(-signal.SIGKILL) >= 4
        assert set(world.provider.deliveries().values()) == {1}
        assert len(world.provider.deliveries()) == len(CONTACTS)
        assert await standings(fleet) == [("scheduled", 1, "sent")] * len(CONTACTS)
        plans = {str((await fleet.state(f"close:{contact}"))["coach_plan"]) for contact in CONTACTS}
        assert len(plans) == 1
        assert {row["version"] for row in await fleet.rows.drafts(step=0)} == {1}


@pytest.mark.req("AA02-R21")
async def test_a_provider_without_a_memory_is_never_asked_twice(tmp_path: Path) -> None:
    """Killed right after its email left, over a provider that would deliver it again: a person is asked instead."""
    world = World(tmp_path, NEVER)
    async with story(world) as fleet:
        for number in (1, 2):
            assert await ended(start_process(work_until_killed, world, Fate("email", number, "after"))) == -signal.SIGKILL
            world.clock.advance(PAST_LEASE)
        await recover(fleet, world)
        assert world.provider.attempts() == world.provider.deliveries()
        assert set(world.provider.deliveries().values()) == {1}
        parked = ("parked", 0, "unknown")
        assert sorted(await standings(fleet)) == sorted([parked] * 2 + [("scheduled", 1, "sent")] * 2)


# The processes that freeze: one before its reservation, one after it, one after the provider's answer, one before its commit.
FROZEN = (Fate("request", 2, "before"), Fate("request", 2, "after"), Fate("email", 1, "after"), Fate("request", 3, "before"))


async def freeze_four(fleet: Fleet, world: World) -> list[ForkServerProcess]:
    """Four people approve a draft each, and each one's process stops on its way."""
    await campaigns_of(world, fleet.database).resume()
    drafts = [str(row["draft_id"]) for row in await fleet.rows.drafts()]
    processes: list[ForkServerProcess] = []
    for fate, draft_id in zip(FROZEN, drafts, strict=True):
        told, tells = nursery().Pipe(duplex=False)
        processes.append(start_process(approve_and_freeze, world, fate, draft_id, tells))
        assert await asyncio.to_thread(told.poll, PATIENCE_S)
    return processes


async def thaw(processes: Sequence[ForkServerProcess]) -> list[int | None]:
    """Let them go on to their end."""
    for process in processes:
        while process.is_alive():  # the word that it stops comes a moment before it does
            os.kill(process.pid or 0, signal.SIGCONT)
            await asyncio.to_thread(process.join, 0.05)
    return [process.exitcode for process in processes]


@pytest.mark.req("AA02-R21")
@pytest.mark.parametrize("frozen_for", [PAST_LEASE, timedelta(hours=25)], ids=["past its lease", "past the provider's memory"])
@pytest.mark.parametrize("memory", [DAY, NEVER], ids=["a day's memory", "no memory"])
async def test_four_frozen_processes_send_nothing_twice(tmp_path: Path, frozen_for: timedelta, memory: timedelta) -> None:
    """While they are stopped another process takes their threads over; when they go on nobody gets a second email."""
    world = World(tmp_path, memory)
    async with story(world) as fleet:
        processes = await freeze_four(fleet, world)
        world.clock.advance(frozen_for)
        await recover(fleet, world)
        assert await thaw(processes) == [0] * len(FROZEN)
        await recover(fleet, world)
        assert set(world.provider.deliveries().values()) == {1}
        stands = await standings(fleet)
        assert set(stands) <= {("scheduled", 1, "sent"), ("parked", 0, "unknown"), ("parked", 0, "reserved")}
        if (frozen_for, memory) == (PAST_LEASE, DAY):
            assert stands == [("scheduled", 1, "sent")] * len(CONTACTS)
            assert len(world.provider.deliveries()) == len(CONTACTS)
