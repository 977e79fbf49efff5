"""A campaign and a contact share one thread, and flags are read once a run."""

import asyncio

import pytest

from backend.domain.flags import Flags
from backend.errors import UnknownCampaign, UnknownContact
from backend.store.records import D1Records
from tests.northwind import SCRIPT
from tests.story.fleet import claim, open_fleet


@pytest.mark.req("AA02-R1")
async def test_enrolling_twice_at_the_same_instant_makes_one_thread() -> None:
    """Ten enrolments at once: one is new, all name the same thread, and it is due once."""
    async with open_fleet() as fleet:
        asks = [fleet.on(fleet.database).enrol("close", ["ada"], principal="op") for _ in range(10)]
        enrolments = [enrolment for (enrolment,) in await asyncio.gather(*asks)]
        assert {enrolment.thread.thread_id for enrolment in enrolments} == {"close:ada"}
        assert sum(enrolment.is_new for enrolment in enrolments) == 1
        assert len((await fleet.resume()).runs) == 1


@pytest.mark.req("AA02-R1")
async def test_enrolling_again_later_answers_with_the_thread_that_exists() -> None:
    """A thread in mid-sequence is found as it stands and nothing about it changes."""
    async with open_fleet() as fleet:
        await fleet.enrol()
        await fleet.touch()
        before = await fleet.thread()
        (again,) = await fleet.campaigns.enrol("close", ["ada"], principal="op")
        assert (again.is_new, again.thread.step) == (False, 1)
        assert await fleet.thread() == before


async def test_one_stranger_among_the_contacts_enrols_nobody() -> None:
    """An unknown contact or campaign refuses the whole request; no thread is written."""
    async with open_fleet() as fleet:
        with pytest.raises(UnknownContact, match="nobody"):
            await fleet.campaigns.enrol("close", ["ada", "nobody"], principal="op")
        with pytest.raises(UnknownCampaign, match="open"):
            await fleet.campaigns.enrol("open", ["ada"], principal="op")
        assert await fleet.rows.threads() == []


@pytest.mark.req("AA02-R18")
@pytest.mark.parametrize("default", [False, True])
async def test_a_stored_flag_overrides_the_default(default: bool) -> None:  # noqa: FBT001  # a parameter of the table
    """Without a row the default counts, and both defaults are off; a row wins in either direction."""
    assert Flags() == Flags(campaign_coach_enabled=False, orchestrator_role_plan=False)
    async with open_fleet() as fleet:
        records = D1Records(fleet.database, Flags(campaign_coach_enabled=default))
        await fleet.switch_coach(on=not default)
        assert (await records.flags()).campaign_coach_enabled is not default
        await fleet.rows.forget_flags()
        assert (await records.flags()).campaign_coach_enabled is default


@pytest.mark.req("AA02-R18")
async def test_a_flag_flipped_during_a_run_counts_from_the_next_run_on() -> None:
    """The run that was under way ends under the flags it began with."""
    async with open_fleet(SCRIPT, coach=True) as fleet:
        await fleet.enrol()
        (lease,) = await claim(fleet.campaigns.threads)
        async with fleet.campaigns.threads.run(lease) as run:
            await fleet.switch_coach(on=False)
            assert run.case.flags.campaign_coach_enabled
