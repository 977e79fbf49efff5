"""Sweeps in a process of their own, as the service sees that process."""

import asyncio
import signal
import sys
from dataclasses import asdict

import pytest

from backend.cli.sweeper import Sweeper, SweepFailed, sweeping
from backend.desk import open_desk
from backend.store.intake import D1Intake
from backend.sweeps import RunReport
from backend.wiring import open_service
from tests.northwind import settle
from tests.rows import Rows

REPORT = RunReport("close:ada", "awaiting_approval", step=2, draft_id="close:ada:2:1")
STAND_IN = """
import json, sys
for number, line in enumerate(sys.stdin):
    print(json.dumps({answer}), flush=True)
"""
HEARS_THE_END = """
import json, sys
assert sys.stdin.readline() and not sys.stdin.readline()
print(json.dumps({"runs": [{"thread_id": "first", "status": "scheduled"}], "took_all": False}), flush=True)
"""

DIES_IN_A_REPORT = """
import sys
sys.stdin.readline()
sys.stdout.write('{"runs": [')
"""


def stand_in(answer: str) -> Sweeper:
    """A sweeper whose process answers with this expression of a `line`."""
    return Sweeper([sys.executable, "-c", STAND_IN.replace("{answer}", answer)])


@pytest.mark.req("SERVE-R8")
async def test_a_report_comes_back_whole() -> None:
    """Each run with everything it says, and whether anything is due still."""
    sweeper = stand_in(f"{{'runs': [{asdict(REPORT)}], 'took_all': False}}")
    report = await sweeper(stop=asyncio.Event())
    assert (report.runs, report.took_all) == ([REPORT], False)
    await sweeper.close()


@pytest.mark.req("SERVE-R8")
async def test_sweeps_asked_for_at_once_are_made_in_turn() -> None:
    """Each caller gets the answer to its own line, in turn, and there is one process."""
    sweeper = stand_in("{'runs': [{'thread_id': line.strip(), 'status': str(number)}], 'took_all': True}")
    reports = await asyncio.gather(*(sweeper(stop=asyncio.Event()) for _ in range(3)))
    assert [(report.runs[0].thread_id, report.runs[0].status) for report in reports] == [("sweep", f"{n}") for n in range(3)]
    await sweeper.close()


@pytest.mark.req("SERVE-R9")
async def test_a_sweep_that_fails_says_why_and_the_next_is_made() -> None:
    """What failed there is raised here in a sentence, by the same process."""
    sweeper = stand_in("{'failed': 'The database is away.'} if number == 0 else {'runs': [], 'took_all': True}")
    with pytest.raises(SweepFailed, match="The database is away"):
        await sweeper(stop=asyncio.Event())
    assert (await sweeper(stop=asyncio.Event())).runs == []
    await sweeper.close()


@pytest.mark.req("SERVE-R9")
async def test_a_process_that_ended_is_started_anew() -> None:
    """The call under way fails, and the next one is answered by another process."""
    sweeper = stand_in("sys.exit() if number else {'runs': [], 'took_all': True}")
    for _ in range(2):
        assert (await sweeper(stop=asyncio.Event())).took_all
        with pytest.raises(SweepFailed, match="its process ended"):
            await sweeper(stop=asyncio.Event())
    await sweeper.close()


@pytest.mark.req("SERVE-R9")
async def test_a_process_that_is_killed_in_the_middle_of_a_report_is_started_anew() -> None:
    """Half a report is none: each call fails in a sentence, by a process of its own."""
    sweeper = Sweeper([sys.executable, "-c", DIES_IN_A_REPORT])
    with pytest.raises(SweepFailed, match="its process ended"):
        await sweeper(stop=asyncio.Event())
    with pytest.raises(SweepFailed, match="its process ended"):
        await sweeper(stop=asyncio.Event())
    await sweeper.close()


@pytest.mark.req("SERVE-R4", "SERVE-R8")
async def test_a_sweep_that_is_told_to_stop_is_reported_still_and_none_follows() -> None:
    """The process hears that its input ended while it sweeps, and answers; who asked after the word gets an empty report."""
    stop = asyncio.Event()
    sweeper = Sweeper([sys.executable, "-c", HEARS_THE_END])
    under_way = [asyncio.create_task(sweeper(stop=stop)) for _ in range(2)]
    await asyncio.sleep(0)
    stop.set()
    first, second = await asyncio.gather(*under_way)
    assert ([run.thread_id for run in first.runs], first.took_all) == (["first"], False)
    assert (second.runs, second.took_all) == ([], False)
    await sweeper.close()


@pytest.mark.req("SERVE-R8", "SERVE-R10")
async def test_it_works_on_the_configured_database_and_takes_no_signal() -> None:
    """What is due is drafted, signals that a terminal or an init system sends to every process end nothing, closing does."""
    async with open_desk() as desk:
        await desk.schema.migrate()
    async with open_service() as service:
        await settle(D1Intake(service.database), "ada")
        await service.campaigns.enrol("close", ["ada"], principal="op")
        async with sweeping() as sweeper:
            first = await sweeper(stop=asyncio.Event())
            process = sweeper._process
            assert process
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGINT)
            second = await sweeper(stop=asyncio.Event())
        assert [run.status for run in first.runs] == ["awaiting_approval"]
        assert (second.runs, second.took_all, process.returncode) == ([], True, 0)
        assert len(await Rows(service.database).pending()) == 1
