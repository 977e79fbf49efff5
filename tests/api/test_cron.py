"""The cron trigger's request."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from backend.api.cron import Sweeps
from backend.d1.database import open_database
from backend.errors import DatabaseUnreachable
from backend.ports import Prompt
from backend.sweeps import RunReport, SweepReport
from tests.api.door import Door, open_door
from tests.northwind import EMAIL
from tests.rows import Rows


class GatedResume:
    """Resumes nothing, behind a gate; each call takes the next report or failure, and then there is nothing due."""

    def __init__(self, *outcomes: SweepReport | Exception) -> None:
        self.calls = 0
        self.gate = asyncio.Event()
        self.rests: asyncio.Queue[int] = asyncio.Queue()
        self._outcomes = list(outcomes)

    async def __call__(self, *, stop: asyncio.Event) -> SweepReport:
        """Wait for the gate, then answer or fail."""
        self.stop = stop
        self.calls += 1
        await self.gate.wait()
        if not self._outcomes:
            self.rests.put_nowait(self.calls)
            return SweepReport([])
        outcome = self._outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


FULL = SweepReport([RunReport(f"close:c{n}", "awaiting_approval") for n in range(10)], took_all=False)


@pytest.mark.req("API-R13")
async def test_waiting_for_a_sweep_answers_with_its_report(door: Door) -> None:
    """The report counts the runs and says of each thread where it stands; a sweep of nothing is a report too."""
    await door.seed("ada", "bob")
    report = await door.sweep()
    nothing = {"claimed": 0, "sent": 0, "failed": 0, "model_failures": 0, "left": 0, "absent": 0}
    assert report["counts"] == {**nothing, "claimed": 2, "awaiting_approval": 2}
    assert {run["thread_id"]: run["status"] for run in report["runs"]} == {
        "close:ada": "awaiting_approval",
        "close:bob": "awaiting_approval",
    }
    waiting = {draft["draft_id"] for draft in (await door.read("/drafts"))["drafts"]}
    assert {run["draft_id"] for run in report["runs"]} == waiting
    assert await door.sweep() == {"counts": nothing, "runs": [], "absent": []}


@pytest.mark.req("SERVE-R4")
async def test_a_second_signal_leaves_the_runs_under_way() -> None:
    """The first one's wait is cancelled, and the sweep is not: who waits after it sees its end."""
    resume = GatedResume(FULL)
    sweeps = Sweeps(resume)
    sweeps.ask()
    first = asyncio.create_task(sweeps.close())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait({first})
    resume.gate.set()
    with capture_logs() as logs:
        await sweeps.close()
    assert [log["claimed"] for log in logs] == [10]


@pytest.mark.req("API-R13")
async def test_the_application_ends_only_after_its_runs(tmp_path: Path) -> None:
    """A run that is under way when the application ends is not cut off: its draft is there, and its lease is free."""
    thinking = asyncio.Event()

    def think(_prompt: Prompt) -> dict[str, str]:
        thinking.set()
        return EMAIL

    async with open_door(tmp_path, script={"email:compose": think}) as door:
        await door.seed("ada")
        answer = await door.post("/cron/resume", role="cron")
        assert (answer.status_code, answer.json()) == (202, {"accepted": True})
        await thinking.wait()
    async with open_database(f"sqlite:///{tmp_path}/door.db") as database:
        thread = await Rows(database).thread()
    assert (thread["status"], thread["lease_owner"]) == ("awaiting_approval", None)


@pytest.mark.req("API-R13")
async def test_closing_claims_nothing_more() -> None:
    """With more due than one sweep takes, a closing application tells it to stop, waits for it and makes no other."""
    resume = GatedResume(FULL, FULL, FULL)
    sweeps = Sweeps(resume)
    sweeps.ask()
    await asyncio.sleep(0)
    closing = asyncio.create_task(sweeps.close())
    await asyncio.sleep(0)
    assert resume.stop.is_set()
    resume.gate.set()
    await closing
    assert resume.calls == 1


async def test_asking_while_a_sweep_runs_is_one_more_sweep() -> None:
    """However often it is asked meanwhile, one sweep follows, which sees what became due since."""
    resume = GatedResume(FULL)
    sweeps = Sweeps(resume)
    sweeps.ask()
    await asyncio.sleep(0)
    for _ in range(5):
        sweeps.ask()
    resume.gate.set()
    assert [await resume.rests.get(), await resume.rests.get()] == [2, 3]
    sweeps.ask()
    assert await resume.rests.get() == 4
    await sweeps.close()
    assert resume.calls == 4


async def test_a_sweep_that_fails_does_not_end_sweeping() -> None:
    """The failure is logged by its name, and what was asked for meanwhile is swept."""
    resume = GatedResume(DatabaseUnreachable("timeout", tries=5))
    sweeps = Sweeps(resume)
    with capture_logs() as logs:
        sweeps.ask()
        await asyncio.sleep(0)
        sweeps.ask()
        resume.gate.set()
        assert await resume.rests.get() == 2
    assert logs[0] == {"event": "sweep.failed", "error": "DatabaseUnreachable", "log_level": "error"}
    await sweeps.close()
