"""Flags hold the hierarchy back: off is the baseline to the byte, and a flip is a rollback for threads under way."""

import json

import pytest

from backend.d1.statements import Result
from backend.domain.flags import Flags
from backend.domain.text import fence
from backend.errors import StatementFailed
from backend.store.flags import take_flags
from tests.goldens import CheckGolden
from tests.northwind import EMAIL, PLAN, SCRIPT
from tests.story.fleet import Fleet, open_fleet


def transcript(fleet: Fleet) -> str:
    """Everything the model was asked, in order."""
    return "\n".join(
        f"## {asked.tier} {asked.prompt.name}\n{asked.prompt.system}\n---\n{asked.prompt.user}" for asked in fleet.model.asked
    )


async def run_two_touches(fleet: Fleet) -> None:
    """A first touch and its follow-up, both approved."""
    await fleet.enrol()
    await fleet.touch()
    await fleet.touch()


@pytest.mark.req("AA02-R3")
async def test_off_is_byte_identical_to_the_baseline(check_golden: CheckGolden) -> None:
    """Requests to the model and the state in the checkpoint equal the golden files of the topology without a coach."""
    async with open_fleet(SCRIPT, coach=False) as fleet:
        await run_two_touches(fleet)
        state = {channel: value for channel, value in (await fleet.state()).items() if not channel.startswith("branch:")}
        draft_ids = {row["draft_id"]: f"draft-{row['step']}" for row in await fleet.rows.drafts()}
        text = json.dumps(state, indent=1, sort_keys=True)
        for draft_id, name in draft_ids.items():
            text = text.replace(draft_id, name)
        check_golden("campaign_baseline_requests.txt", transcript(fleet) + "\n")
        check_golden("campaign_baseline_state.json", text + "\n")


@pytest.mark.req("AA02-R17", "AA02-R3")
async def test_a_stored_plan_does_not_show_while_the_flag_is_off() -> None:
    """With a plan in the checkpoint and the flag off, the writer is asked exactly what the baseline asks."""
    async with open_fleet(SCRIPT, coach=False) as baseline:
        await run_two_touches(baseline)
    async with open_fleet(SCRIPT, coach=True) as fleet:
        await fleet.enrol()
        await fleet.resume()
        await fleet.switch_coach(on=False)
        await fleet.decide("approve")
        await fleet.touch()
        assert fleet.model.asked[-1] == baseline.model.asked[-1]
        assert fleet.sent_days() == baseline.sent_days()


@pytest.mark.req("AA02-R17")
async def test_on_off_on_again_the_same_plan_governs_and_nobody_asks_twice() -> None:
    """A gap set under the plan stands, the next one is the default's while the flag is off, then the planned budget ends it."""
    async with open_fleet(SCRIPT, coach=True) as fleet:
        await fleet.enrol()
        await fleet.touch()
        plan = (await fleet.state())["coach_plan"]
        await fleet.switch_coach(on=False)
        await fleet.touch()
        await fleet.switch_coach(on=True)
        await fleet.touch()
        assert (await fleet.state())["coach_plan"] == plan
        assert (await fleet.thread())["status"] == "completed"
        assert len(fleet.mailer.delivered) == PLAN["max_touches"]
        assert fleet.sent_days() == [0, PLAN["cadence_days"][1], 7]
        assert fleet.model.count("campaign:coach_plan") == 1


@pytest.mark.req("AA02-R16")
async def test_the_plan_reaches_the_writer_only_when_the_model_made_it() -> None:
    """The planned angle, tone and stop criteria stand in the writer's prompt; under the default plan all are absent."""
    async with open_fleet(SCRIPT, coach=True) as fleet:
        await fleet.enrol()
        await fleet.resume()
        assert fence("angle set by the coach", PLAN["angle"], "WISH") in fleet.model.asked[-1].prompt.user
        assert fence("tone set by the coach", PLAN["tone"], "WISH") in fleet.model.asked[-1].prompt.user
        assert fence("when to stop, set by the coach", PLAN["stop_criteria"], "WISH") in fleet.model.asked[-1].prompt.user
    async with open_fleet({"campaign:coach_plan": "no plan today", "email:compose": EMAIL}, coach=True) as fleet:
        await fleet.enrol()
        await fleet.resume()
        assert "set by the coach" not in fleet.model.asked[-1].prompt.user


@pytest.mark.req("AA02-R5")
async def test_a_thread_begun_without_a_coach_never_gets_a_plan() -> None:
    """The flag turned on after step 0 plans nothing."""
    async with open_fleet(SCRIPT, coach=False) as fleet:
        await fleet.enrol()
        await fleet.touch()
        await fleet.switch_coach(on=True)
        await fleet.touch()
        assert fleet.model.count("campaign:coach_plan") == 0
        assert "coach_plan" not in await fleet.state()


@pytest.mark.req("AA02-R17", "AA02-R19")
async def test_a_budget_that_is_spent_when_the_plan_governs_again_ends_the_thread() -> None:
    """Touches made while the flag was off count; nothing is composed past the plan's budget."""
    async with open_fleet({**SCRIPT, "campaign:coach_plan": {**PLAN, "max_touches": 2}}, coach=True) as fleet:
        await fleet.enrol()
        await fleet.touch()
        await fleet.switch_coach(on=False)
        await fleet.touch()
        await fleet.switch_coach(on=True)
        (run,) = (await fleet.fast_forward()).runs
        assert (run.status, len(fleet.mailer.delivered)) == ("completed", 2)


@pytest.mark.req("AA02-R18")
async def test_a_flag_is_stored_as_0_or_1_and_as_nothing_else() -> None:
    """Text that looks like a word for off never switches a feature on."""
    async with open_fleet(SCRIPT) as fleet:
        with pytest.raises(StatementFailed):
            await fleet.rows.store_flag("CAMPAIGN_COACH_ENABLED", "false")
        assert take_flags(Flags(), Result([{"name": "CAMPAIGN_COACH_ENABLED", "value": "false"}])) == Flags()
