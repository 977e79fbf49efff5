"""What people decide turns a flag off, and never on."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from backend.cli.commands import app
from backend.domain.flags import ORCHESTRATOR_ROLE_PLAN
from backend.domain.release import Judgement
from backend.wiring import Service, open_service
from evals.watch import MAX_WINDOW, judge
from tests.northwind import SCRIPT
from tests.releases import COMMIT, promoted
from tests.rows import Rows
from tests.story.fleet import open_fleet

NAME = "CAMPAIGN_COACH_ENABLED"


def decided(kept: float, number: int, *, treated: bool = True, each: int = 1) -> list[Judgement]:
    """As many judgements, `each` to a thread."""
    return [Judgement(f"t{treated}{kept}{n // each}", kept, treated) for n in range(number)]


@pytest.mark.req("FLAG-R9", "FLAG-R10")
@pytest.mark.parametrize(
    ("judgements", "decision"),
    [
        (decided(1, 30) + decided(0, 20), "ROLLBACK"),
        (decided(1, 29) + decided(0, 20), "HOLD"),
        (decided(1, 38) + decided(0, 12), "HOLD"),
        (decided(0.69, 50), "ROLLBACK"),
        (decided(0.7, 50), "HOLD"),
        (decided(1, 45) + decided(0, 10) + decided(1, 60, treated=False), "ROLLBACK"),
        (decided(1, 45) + decided(0, 10) + decided(1, 49, treated=False), "HOLD"),
        (decided(0, 60, treated=False), "HOLD"),
    ],
)
def test_people_decide_by_the_bars_of_the_gate(judgements: list[Judgement], decision: str) -> None:
    """Surely under 0.80, surely worse than before, or neither; 49 are too few, of either time."""
    assert judge(judgements).decision == decision


@pytest.mark.req("FLAG-R9")
def test_drafts_of_one_thread_are_alike() -> None:
    """Twenty rejections in one thread say less than twenty in twenty."""
    assert judge(decided(1, 30) + decided(0, 20, each=20)).decision == "HOLD"


@pytest.mark.req("FLAG-R10")
async def test_a_decision_is_a_judgement() -> None:
    """Approved is kept whole, rejected not at all, edited by the words that stand; a stop is none. One request reads them."""
    async with open_fleet(SCRIPT, coach=True, contacts=("ada", "bo")) as fleet:
        await fleet.enrol()
        await fleet.touch("approve")
        await fleet.fast_forward()
        (draft,) = await fleet.rows.drafts(status="pending")
        half = " ".join(draft["body"].split()[: len(draft["body"].split()) // 3])
        edited = {"subject": draft["subject"], "body": half}
        await fleet.decide("edit", edited=edited, override=True)
        await fleet.touch("reject")
        await fleet.enrol("bo")
        await fleet.touch("stop")
        before = fleet.database.meter.copy()
        found = await fleet.service.switches.judgements(NAME, limit=MAX_WINDOW)
        assert fleet.database.meter.since(before).requests == 1
    rejected, changed, approved = found
    assert (rejected.kept, approved.kept, all(each.treated for each in found)) == (0, 1, True)
    assert 0.3 < changed.kept < 0.7


async def with_rejections(number: int, flag: str = NAME) -> None:
    """Fill the folder's database with a flag that is on, and rejected drafts since."""
    async with open_service({}) as service:
        await turn_on(service, flag)
        await Rows(service.database).judge_crowd(number, "reject")


async def turn_on(service: Service, flag: str = NAME) -> None:
    """Turn a flag on by a PROMOTE of the service's commit."""
    record = replace(promoted(service.clock.now() - timedelta(minutes=5)), flag=flag)
    await service.switches.record(record, by="op")
    await service.switches.set(flag, on=True, by="bea", why="")


def run(arguments: str) -> tuple[int, str]:
    """A command in the test's own folder, and what it says."""
    done = CliRunner().invoke(app, arguments.split())
    return done.exit_code, done.stdout + done.stderr


@pytest.mark.req("FLAG-R9", "FLAG-R11")
def test_the_command_turns_a_flag_off_and_keeps_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty rejections: exit code 20, the audit trail says why, and the PROMOTE of before turns nothing on again."""
    monkeypatch.setenv("RELEASE_COMMIT", COMMIT)
    run("migrate")
    asyncio.run(with_rejections(49))
    assert run(f"gate watch --flag {NAME}")[0] == 0
    asyncio.run(with_rejections(50))
    code, said = run(f"gate watch --flag {NAME}")
    assert (code, said.startswith(f"{NAME} was turned off: people let 0% of drafts stand")) == (20, True)
    assert "gate watch" in run(f"flags history {NAME}")[1]
    code, said = run(f"flags set {NAME} on --by bea")
    assert (code, "is ROLLBACK" in " ".join(said.split())) == (1, True)
    assert run("gate watch --flag NOTHING")[0] == 1


@pytest.mark.req("FLAG-R13")
def test_a_flag_is_not_judged_by_drafts_it_does_not_govern(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty rejected drafts of a campaign say nothing of single emails: the flag stays on, and nobody believes it watched."""
    monkeypatch.setenv("RELEASE_COMMIT", COMMIT)
    run("migrate")
    asyncio.run(with_rejections(50, ORCHESTRATOR_ROLE_PLAN))
    code, said = run(f"gate watch --flag {ORCHESTRATOR_ROLE_PLAN}")
    assert (code, said.startswith(f"{ORCHESTRATOR_ROLE_PLAN} cannot be watched")) == (1, True)
    assert run(f"flags history {ORCHESTRATOR_ROLE_PLAN}")[1].count(" on ") == 1
