"""Runs side by side share their requests, and nothing else."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from backend.d1.statements import Result, Statement
from backend.domain.campaign import DecisionRequest
from backend.wiring import assemble
from tests.fakes.late_database import LateDatabase
from tests.fakes.passing_database import PassingDatabase
from tests.northwind import SCRIPT
from tests.story.fleet import Fleet, open_fleet

CROWD = [f"contact{number}" for number in range(100)]


async def drafted(fleet: Fleet, contacts: Sequence[str]) -> list[str]:
    """Enrol the contacts and draft to them; the drafts that wait."""
    await fleet.campaigns.enrol("close", contacts, principal="op")
    await fleet.resume()
    return await fleet.rows.pending()


@pytest.mark.req("SWEEP-R5")
async def test_a_hundred_approvals_at_once_take_few_requests() -> None:
    """Each is decided, reserved, sent and committed; 300 requests apart, at most 50 together."""
    async with open_fleet(SCRIPT, coach=True, contacts=CROWD) as fleet:
        drafts = await drafted(fleet, CROWD)
        before = fleet.database.meter.copy()
        reports = await asyncio.gather(*(fleet.decide_on(draft_id, "approve") for draft_id in drafts))
        assert fleet.database.meter.since(before).requests <= 50
        assert [report.sent for report in reports] == [True] * len(CROWD)
        assert set(fleet.mailer.deliveries.values()) == {1}
        assert len(fleet.mailer.delivered) == len(CROWD)


@pytest.mark.req("SWEEP-R6")
async def test_a_late_copy_of_a_shared_request_changes_nothing() -> None:
    """Five threads are drafted to and approved side by side; each request comes again after every later one."""
    async with open_fleet(SCRIPT, coach=True, contacts=CROWD[:5]) as fleet:
        late = LateDatabase(fleet.database, now=fleet.clock.now)
        service = assemble(late, clock=fleet.clock, make_llm=fleet.model, mailer=fleet.mailer, flags=fleet.flags)
        fleet.campaigns = service.campaigns
        for _ in range(2):
            drafts = await drafted(fleet, CROWD[:5])
            await asyncio.gather(*(fleet.decide_on(draft_id, "approve") for draft_id in drafts))
            fleet.clock.advance(timedelta(days=9))
        assert late.changed == []
        assert max(len(batch) for batch in late.batches) > 50
        assert [row["step"] for row in await fleet.rows.threads()] == [2] * 5


@dataclass
class TakenOver(PassingDatabase):
    """Another worker takes one thread right before its run commits."""

    thread_id: str = "close:contact1"
    requests: list[int] = field(default_factory=list[int])

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """See `Database.batch`."""
        if any("done_fence = fence" in each.sql and self.thread_id in each.params for each in statements):
            taken = Statement(
                "UPDATE threads SET fence = fence + 1, lease_owner = 'other' WHERE thread_id = ?1", (self.thread_id,)
            )
            await self.database.batch([taken])
        self.requests.append(len(statements))
        return await self.database.batch(statements)


@pytest.mark.req("SWEEP-R2")
async def test_a_run_that_lost_its_thread_costs_its_company_nothing() -> None:
    """Of five runs that commit together one has lost its lease: it alone says so, the other drafts wait for a person."""
    async with open_fleet(SCRIPT, contacts=CROWD[:5]) as fleet:
        await fleet.campaigns.enrol("close", CROWD[:5], principal="op")
        database = TakenOver(fleet.database)
        reports = {run.thread_id: run.status for run in (await fleet.on(database).resume()).runs}
        assert reports.pop("close:contact1") == "lease_lost"
        assert set(reports.values()) == {"awaiting_approval"}
        assert len(await fleet.rows.pending()) == 4
        assert len(database.requests) == 2 + 1 + 5


async def test_decisions_on_one_draft_in_one_request_are_one_decision() -> None:
    """Twenty people approve the same draft at the same instant: one email, and nineteen learn who was first."""
    async with open_fleet(SCRIPT, contacts=CROWD[:1]) as fleet:
        (draft_id,) = await drafted(fleet, CROWD[:1])
        asked = [fleet.campaigns.decide(draft_id, DecisionRequest("approve", f"person{n}")) for n in range(20)]
        ended = await asyncio.gather(*asked, return_exceptions=True)
        assert sorted({type(end).__name__ for end in ended}) == ["DraftAlreadyDecided", "RunReport"]
        assert len(fleet.mailer.delivered) == fleet.mailer.attempts.total() == 1


async def test_a_cancelled_decision_leaves_its_company_theirs() -> None:
    """A client that hangs up while its approval is on the way changes nothing for the others, and the sweep finds its draft."""
    async with open_fleet(SCRIPT, contacts=CROWD[:3]) as fleet:
        drafts = await drafted(fleet, CROWD[:3])
        asked = [asyncio.create_task(fleet.decide_on(draft_id, "approve")) for draft_id in drafts]
        await asyncio.sleep(0)
        asked[0].cancel()
        ended = await asyncio.gather(*asked, return_exceptions=True)
        assert [getattr(end, "sent", None) for end in ended] == [None, True, True]
        assert len(fleet.mailer.delivered) == 2
