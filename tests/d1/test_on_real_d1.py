"""The service and its checkpointer on real local D1, over a network that repeats itself."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from backend.checkpointer.saver import D1Saver
from backend.d1.database import open_database
from backend.d1.statements import Result, Row, Statement
from backend.domain.campaign import Decision, DecisionRequest
from backend.domain.schedule import UNRESTRICTED, SendRules
from backend.domain.stops import EVERYTHING, Scope, thread_scope
from backend.errors import DraftAlreadyDecided
from backend.store.stops import D1Stops
from tests.d1.graphs import config_for, put
from tests.d1.test_checkpoint_graphs import run_deltas, run_linear, run_parallel
from tests.d1.wrangler import Edge
from tests.fakes.passing_database import PassingDatabase
from tests.northwind import MINE, SCRIPT
from tests.story.fleet import Fleet, open_fleet

COUNT_CHECKPOINTS = "SELECT count(*) AS n FROM checkpoints UNION ALL SELECT count(*) FROM checkpoint_writes"
DECISIONS: tuple[Decision, ...] = ("regenerate", "edit", "approve", "reject")


@dataclass
class RepeatingDatabase(PassingDatabase):
    """Loses the answer to every batch, so that the caller sends it again and gets the second one's."""

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """See `ports.Database.batch`."""
        await self.database.batch(statements)
        return await self.database.batch(statements)


@asynccontextmanager
async def fleet_on(edge: Edge, contacts: Sequence[str] = ("ada",), rules: SendRules = UNRESTRICTED) -> AsyncGenerator[Fleet]:
    """A fleet with a coach, alone on real D1: a sweep takes every thread that is due, whoever enrolled it."""
    async with open_fleet(SCRIPT, coach=True, url=edge.url, token=edge.token, contacts=contacts, rules=rules) as fleet:
        yield fleet


def picked(rows: Sequence[Row], *columns: str) -> list[list[Any]]:
    """These columns of each row."""
    return [[row[column] for column in columns] for row in rows]


async def live(fleet: Fleet) -> list[Any]:
    """Four decisions on one thread, and everything that can be told of it afterwards without ids."""
    await fleet.enrol()
    for decision in DECISIONS:
        edited = {"edited": MINE} if decision == "edit" else {}
        await fleet.touch(decision, **edited)
    (checkpoints,) = await fleet.database.batch([Statement(COUNT_CHECKPOINTS)])
    told = [
        picked(await fleet.rows.threads(), "status", "step", "attempts", "next_touch_at"),
        picked(await fleet.rows.drafts(), "step", "version", "status", "decision", "subject", "approved_body"),
        picked(await fleet.rows.sends(), "step", "state"),
        sorted(row["action"] for row in await fleet.rows.audit()),
        checkpoints.rows,
    ]
    return [told, (await fleet.state())["coach_plan"], fleet.sent_days(), fleet.model.count("campaign:coach_plan")]


@pytest.mark.parametrize(
    ("rules", "rows"), [(UNRESTRICTED, 13), (SendRules(mailbox_cap_a_day=9), 13), (SendRules(domain_cap_a_day=9), 14)]
)
async def test_a_touch_is_billed_the_rows_it_was_promised(lone_edge: Edge, rules: SendRules, rows: int) -> None:
    """A composed touch writes 9 rows and an approved send 13, entries of indexes among them: an index more is one too many.

    A cap on the recipient's domain has an index of its own. The sweep's own row is written once a minute, by the sweep before.
    """
    async with fleet_on(lone_edge, rules=rules) as fleet:
        await fleet.resume()
        await fleet.enrol()
        before = fleet.database.meter.copy()
        await fleet.resume()
        composed = fleet.database.meter.since(before).rows_written
        before = fleet.database.meter.copy()
        await fleet.decide("approve")
        assert (composed, fleet.database.meter.since(before).rows_written) == (9, rows)


@pytest.mark.req("D1-R15", "AA02-R4", "AA02-R13")
async def test_a_thread_is_the_same_on_real_d1_with_every_batch_sent_twice(lone_edge: Edge) -> None:
    """Threads, drafts, ledger, audit, checkpoints and plan equal those of the embedded database and a quiet network."""
    async with open_fleet(SCRIPT, coach=True) as fleet:
        expected = await live(fleet)
    async with fleet_on(lone_edge) as fleet:
        fleet.campaigns = fleet.on(RepeatingDatabase(fleet.database))
        assert await live(fleet) == expected
        assert set(fleet.mailer.deliveries.values()) == {1}
        assert fleet.mailer.attempts.total() == 2


@pytest.mark.req("STOP-R6")
async def test_a_pause_and_a_cancel_are_the_same_on_real_d1_with_every_batch_sent_twice(lone_edge: Edge) -> None:
    """Under every cap: paused nothing is composed, resumed the touch leaves, cancelled the thread ends."""
    rules = SendRules(mailbox_cap_a_day=9, mailbox_cap_an_hour=9, domain_cap_a_day=9, min_gap=timedelta(hours=20))
    async with fleet_on(lone_edge, rules=rules) as fleet:
        stops = D1Stops(RepeatingDatabase(fleet.database))
        await fleet.enrol()
        for scope in (Scope("mailbox", "ben@vendor.example"), Scope("campaign", "close"), thread_scope("close", "ada")):
            assert (await stops.say(scope, "pause", by="op", why="")).threads <= 1
            assert (await fleet.resume()).runs == []
            await stops.say(scope, "resume", by="op", why="")
        await fleet.resume()
        assert (await fleet.decide("approve")).sent
        await stops.say(EVERYTHING, "cancel", by="op", why="")
        assert (await fleet.thread())["status"] == "stopped"
        assert (await stops.page()).stops == []


async def test_ticks_at_once_on_real_d1_run_each_due_thread_once(lone_edge: Edge) -> None:
    """Four processes sweep twenty-four due threads at the same instant: each is composed once and has one draft."""
    contacts = [f"contact{number}" for number in range(24)]
    async with fleet_on(lone_edge, contacts) as fleet:
        await fleet.campaigns.enrol("close", contacts, principal="op")
        reports = await asyncio.gather(*(fleet.on(fleet.database).resume() for _ in range(4)))
        ran = [run.thread_id for report in reports for run in report.runs]
        assert sorted(ran) == sorted(f"close:{contact_id}" for contact_id in contacts)
        assert fleet.model.count("email:compose") == len(contacts)
        assert len(await fleet.rows.pending()) == len(contacts)


async def test_a_double_click_on_real_d1_is_one_decision(lone_edge: Edge) -> None:
    """Two processes approve the same draft at the same instant: one sends, the other learns who was first."""
    async with fleet_on(lone_edge) as fleet:
        await fleet.enrol()
        await fleet.resume()
        draft_id = await fleet.pending()
        clicks = [fleet.on(fleet.database).decide(draft_id, DecisionRequest("approve", who)) for who in ("ana", "ben")]
        ended = await asyncio.gather(*clicks, return_exceptions=True)
        assert sorted(type(result) is DraftAlreadyDecided for result in ended) == [False, True]
        assert fleet.mailer.attempts.total() == 1


@pytest.mark.req("D1-R15", "D1-R11")
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
@pytest.mark.parametrize("run", [run_linear, run_parallel, run_deltas], ids=lambda run: run.__name__)
async def test_a_graph_on_real_d1_is_as_over_memory_with_every_batch_sent_twice(
    edge: Edge, thread_id: str, durability: Any, run: Any
) -> None:
    """Interrupts side by side, answers one by one, deltas: the second sending finds its work done."""
    async with open_database(edge.url, edge.token) as database:
        found = await run(D1Saver(RepeatingDatabase(database)), thread_id, durability)
    assert found == await run(InMemorySaver(), thread_id, durability)


@pytest.mark.req("D1-R17")
async def test_500_pending_writes_come_back_from_real_d1_in_one_request(edge: Edge, thread_id: str) -> None:
    """Five hundred tasks write at once; what they wrote is read in order, and little more than five requests wrote it."""
    async with open_database(edge.url, edge.token) as database:
        saver = D1Saver(database)
        config = await put(saver, thread_id, {})
        before = database.meter.copy()
        writes = (saver.aput_writes(config, [("channel", number)], f"task-{number:03}", "~path") for number in range(500))
        await asyncio.gather(*writes)
        written = database.meter.since(before)
        found = await saver.aget_tuple(config_for(thread_id))
        assert found is not None
        assert found.pending_writes == [(f"task-{number:03}", "channel", number) for number in range(500)]
        assert written.requests <= 8
        assert database.meter.since(before).requests == written.requests + 1
