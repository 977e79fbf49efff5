"""What a run may take: steps, seconds, requests to D1."""

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.campaigns import LEASE, RUN_DEADLINE_S, Campaigns
from backend.domain.facts import MAX_FACT_CHARS
from backend.settings import Settings
from backend.sweeps import BEGIN_WITHIN_S
from tests.fakes.silent_model import SilentLLM
from tests.northwind import SCRIPT
from tests.story.fleet import Fleet, open_fleet


async def assert_failed_whole(fleet: Fleet, campaigns: Campaigns, budget: str) -> None:
    """Run the due thread over its budget: one attempt more, and nothing else is different."""
    await fleet.enrol()
    (run,) = (await campaigns.resume()).runs
    assert f"over its budget of {budget}" in run.error
    thread = await fleet.thread()
    assert (thread["status"], thread["attempts"], thread["lease_owner"]) == ("scheduled", 1, None)
    assert await fleet.state() == {}
    assert await fleet.rows.drafts() == []


@pytest.mark.req("AA02-R25")
async def test_a_run_past_its_deadline_fails_whole() -> None:
    """A writer that never answers costs the thread one attempt, and not even the plan made before it is stored."""
    async with open_fleet(SCRIPT, coach=True) as fleet:
        silent = SilentLLM(fleet.model, silent_on="email:compose")
        hurried = replace(fleet.campaigns, make_llm=silent, run_deadline_s=0.2)
        await assert_failed_whole(fleet, hurried, "0.2 s")


@pytest.mark.req("AA02-R25")
async def test_a_run_past_its_steps_fails_whole() -> None:
    """A run that takes more steps than its budget is treated alike."""
    async with open_fleet(SCRIPT, coach=True) as fleet:
        await assert_failed_whole(fleet, replace(fleet.campaigns, run_step_limit=2), "2 steps")


@pytest.mark.req("AA02-R25")
def test_a_lease_outlives_the_longest_run() -> None:
    """Two model calls and a send fit into the deadline of a run, and the deadline into the lease, however late it began."""
    two_calls_and_a_send_s = 2 * Settings.model_fields["model_deadline_s"].default + 15
    assert two_calls_and_a_send_s < RUN_DEADLINE_S < LEASE / timedelta(seconds=1) - BEGIN_WITHIN_S


async def test_a_composed_touch_takes_three_requests() -> None:
    """See what is due, claim and read it, commit; with a coach and without."""
    for coach in (False, True):
        async with open_fleet(SCRIPT, coach=coach) as fleet:
            await fleet.enrol()
            before = fleet.database.meter.copy()
            await fleet.resume()
            assert fleet.database.meter.since(before).requests == 3


async def test_an_approved_send_takes_three_requests() -> None:
    """Decide and read, reserve, commit; over HTTP the look-up of the token is the fourth."""
    async with open_fleet(SCRIPT, coach=True) as fleet:
        await fleet.enrol()
        await fleet.resume()
        draft_id = await fleet.pending()
        before = fleet.database.meter.copy()
        await fleet.decide_on(draft_id, "approve")
        assert fleet.database.meter.since(before).requests == 3


async def test_a_document_as_a_fact_is_stored_whole_and_quoted_short() -> None:
    """A fact of 200 KB survives every run and costs a prompt no more than its first thousand characters."""
    document = "the close takes three days and " * 6_400
    async with open_fleet(SCRIPT, coach=True) as fleet:
        await fleet.rows.set_facts(value=document)
        await fleet.enrol()
        await fleet.touch()
        assert [row["value"] for row in await fleet.rows.all("company_facts")] == [document]
        assert max(len(asked.prompt.user) for asked in fleet.model.asked) < MAX_FACT_CHARS + 2_000
    async with open_fleet() as fleet:
        await fleet.rows.set_facts(value=document)
        await fleet.enrol()
        await fleet.touch()
        assert "the close takes three days" in fleet.mailer.delivered[0].body
        assert len(fleet.mailer.delivered[0].body) < 2_000
