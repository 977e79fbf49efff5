"""An operator looks at the flags and flips them, over HTTP and from a terminal."""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from backend.cli.commands import app
from backend.d1.statements import Result, Statement
from backend.domain.flags import Flags
from backend.errors import FlagFlipped, FlagNotReleased
from backend.store.switches import D1Switches
from backend.wiring import open_service
from tests.api.door import Door, open_door
from tests.fakes.passing_database import PassingDatabase
from tests.releases import COMMIT, promoted

NAME = "CAMPAIGN_COACH_ENABLED"


@pytest.fixture
async def door(tmp_path: Path) -> AsyncGenerator[Door]:
    """The application of a known commit, with every flag off by default."""
    async with open_door(tmp_path, release_commit=COMMIT) as opened:
        yield opened


async def flag(door: Door) -> dict[str, Any]:
    """The coach's flag as it is listed."""
    listed = (await door.read("/flags", role="operator"))["flags"]
    return next(each for each in listed if each["name"] == NAME)


async def put(door: Door, *, on: bool, why: str = "") -> tuple[int, Any]:
    """Flip the coach's flag."""
    answer = await door.ask("PUT", f"/flags/{NAME}", json={"on": on, "why": why})
    return answer.status_code, answer.json()


@pytest.mark.req("FLAG-R1", "FLAG-R2", "FLAG-R4")
async def test_a_flag_is_turned_on_by_a_promote_and_off_by_a_word(door: Door) -> None:
    """Each flip is a row of the audit trail that says who and why; what is refused leaves none."""
    assert (await flag(door))["why_not"] == "There is no verdict of the gate on commit cccccccccccc."
    status, refused = await put(door, on=True)
    assert (status, refused["type"]) == (409, "urn:agentic-sales:flag-not-released")
    assert await door.rows.audit(principal="the-operator") == []
    await door.service.switches.record(promoted(door.clock.now()), by="op")
    status, view = await put(door, on=True, why="after the demo")
    assert (status, view["is_on"], view["set_by"], view["why_not"]) == (200, True, "the-operator", None)
    assert (await put(door, on=False, why="rejected"))[1]["is_on"] is False
    history = await door.read(f"/flags/{NAME}/history", role="operator")
    assert [(flip["turned_on"], flip["by"], flip["why"]) for flip in history["flips"]] == [
        (False, "the-operator", "rejected"),
        (True, "the-operator", "evidence e1: after the demo"),
    ]


@pytest.mark.req("FLAG-R2")
@pytest.mark.parametrize(
    "changes",
    [
        {"decision": "HOLD"},
        {"decided_at": "2026-01-01T00:00:00.000Z"},
        {"commit_sha": "b" * 40},
        {"author": "the-operator"},
        {"policy_sha256": "p"},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_evidence_that_does_not_fit_turns_nothing_on(door: Door, changes: dict[str, Any]) -> None:
    """A HOLD, a stale verdict, another commit's, one under other bars, and the author's own word."""
    await door.service.switches.record(promoted(door.clock.now(), **changes), by="op")
    assert (await put(door, on=True))[0] == 409
    assert (await flag(door))["is_on"] is False
    assert await door.rows.all("flags") == []


@pytest.mark.req("FLAG-R5")
async def test_the_newest_verdict_on_the_commit_decides(door: Door) -> None:
    """A PROMOTE that a later attempt did not repeat turns nothing on."""
    for attempt, decision in enumerate(("PROMOTE", "HOLD"), 1):
        await door.service.switches.record(promoted(door.clock.now(), attempt=attempt, decision=decision), by="op")
    assert (await put(door, on=True))[0] == 409


@pytest.mark.req("FLAG-R6")
async def test_a_flag_that_stands_so_is_left_alone(door: Door) -> None:
    """Off twice is one row; on twice asks for no evidence the second time, though it is stale by then."""
    assert [(await put(door, on=False))[0] for _ in range(2)] == [200, 200]
    await door.service.switches.record(promoted(door.clock.now()), by="op")
    await put(door, on=True)
    door.clock.advance(timedelta(days=30))
    assert (await put(door, on=True))[0] == 200
    assert len(await door.rows.audit(principal="the-operator")) == 2


@dataclass
class InterruptedDatabase(PassingDatabase):
    """Lets something happen between what a flip has read and its batch."""

    meanwhile: Callable[[], Awaitable[object]] = field(kw_only=True)
    batches: int = 0

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """See `Database.batch`."""
        self.batches += 1
        if self.batches == 2:
            await self.meanwhile()
        return await self.database.batch(statements)


@pytest.mark.req("FLAG-R5", "FLAG-R6")
@pytest.mark.parametrize("event", ["a rollback", "a word"])
async def test_a_flag_is_not_turned_on_over_what_came_meanwhile(door: Door, event: str) -> None:
    """The gate says ROLLBACK, or somebody says off once more, while the request to turn it on is on its way: it stays off."""
    switches = door.service.switches
    await switches.record(promoted(door.clock.now()), by="op")
    await switches.set(NAME, on=False, by="op", why="")

    async def meanwhile() -> None:
        if event == "a word":
            await switches.set(NAME, on=False, by="bea", why="")
        else:
            door.clock.advance(timedelta(minutes=1))
            await switches.record(promoted(door.clock.now(), attempt=2, decision="ROLLBACK"), by="op")

    slow = D1Switches(InterruptedDatabase(door.service.database, meanwhile=meanwhile), Flags(), COMMIT)
    with pytest.raises((FlagNotReleased, FlagFlipped)):
        await slow.set(NAME, on=True, by="op", why="")
    assert not (await flag(door))["is_on"]
    assert await door.rows.audit(action="turn on") == []


@pytest.mark.req("FLAG-R7")
async def test_the_running_service_follows_with_its_next_sweep(door: Door) -> None:
    """No restart: the first sweep asks no coach, the one after the flip does, the one after the next flip does not."""
    await door.seed("ada")
    await door.sweep()
    await door.service.switches.record(promoted(door.clock.now()), by="op")
    asked = []
    for contact_id, on in (("bob", True), ("cyd", False)):
        assert (await put(door, on=on))[0] == 200
        await door.seed(contact_id)
        asked.append(len(door.model.asked))
        await door.sweep()
    names = [each.prompt.name for each in door.model.asked]
    assert "campaign:coach_plan" not in names[: asked[0]]
    assert "campaign:coach_plan" in names[asked[0] : asked[1]]
    assert "campaign:coach_plan" not in names[asked[1] :]


@pytest.mark.req("FLAG-R4")
async def test_a_flag_nobody_knows_is_404(door: Door) -> None:
    """It is named, with those there are, and nothing is written."""
    for method, path in (("PUT", "/flags/COACH"), ("GET", "/flags/COACH/history")):
        answer = await door.ask(method, path, json={"on": False})
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:agentic-sales:unknown-flag")
    assert (await door.ask("PUT", f"/flags/{NAME}", json={"on": "off"})).status_code == 422
    assert await door.rows.all("flags") == []


@pytest.mark.req("FLAG-R8")
async def test_a_verdict_is_recorded_once_an_attempt(door: Door) -> None:
    """The same evidence twice is one row, and another verdict as the same attempt is refused."""
    record = promoted(door.clock.now())
    assert [await door.service.switches.record(record, by="op") for _ in range(2)] == [True, False]
    with pytest.raises(Exception, match="Attempt 1 on CAMPAIGN_COACH_ENABLED at commit cccccccccccc is on record"):
        await door.service.switches.record(promoted(door.clock.now(), evidence_sha256="better"), by="op")
    (row,) = await door.rows.all("gate_decisions")
    assert (row["evidence_sha256"], row["recorded_by"]) == ("e1", "op")


def run(arguments: str) -> tuple[int, str]:
    """A command in the test's own folder, and everything it says."""
    done = CliRunner().invoke(app, arguments.split(), env={"RELEASE_COMMIT": COMMIT})
    return done.exit_code, done.stdout + done.stderr


async def record_promote() -> None:
    """Record a fresh PROMOTE in the folder's database."""
    async with open_service({}) as service:
        await service.switches.record(promoted(datetime.now(UTC)), by="op")


@pytest.mark.req("FLAG-R1", "FLAG-R3", "FLAG-R4")
def test_a_terminal_does_the_same() -> None:
    """Listed with what keeps it from being turned on, refused without evidence and to the author, turned on, and off."""
    run("migrate")
    assert "There is no verdict of the gate" in re.sub(r"\s+", " ", run("flags list")[1])
    assert run(f"flags set {NAME} on --by bea")[0] == 1
    asyncio.run(record_promote())
    code, said = run(f"flags set {NAME} on --by ana.n")
    assert (code, "'ana.n' made the change" in said) == (1, True)
    assert run(f"flags set {NAME} on --by bea")[1].startswith(f"{NAME} is on, set by bea at 2")
    assert run(f"flags set {NAME} off --why enough")[0] == 0
    code, said = run(f"flags history {NAME}")
    assert (code, [line.split()[1] for line in said.splitlines()[1:3]]) == (0, ["off", "on"])
    assert run("flags set NOTHING off")[0] == 1
