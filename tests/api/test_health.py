"""Whether the service can work."""

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.d1.statements import Statement
from backend.errors import DatabaseUnreachable, DatabaseUnwritable
from backend.store.schema import D1Schema
from tests.api.door import BrokenDatabase, Door
from tests.fakes.clock import SkewedClock


@pytest.mark.req("API-R19")
async def test_a_service_is_ready_when_its_database_is(door: Door) -> None:
    """Ready with every migration; 503 names the one that is missing; the process lives all the while."""
    assert (await door.client.get("/readyz")).json() == {"status": "ready", "reasons": []}
    await door.service.database.batch([Statement("DELETE FROM d1_migrations WHERE name = '0003_ticks.sql'")])
    lacking = await door.client.get("/readyz")
    assert (lacking.status_code, lacking.json()["type"]) == (503, "urn:agentic-sales:not-migrated")
    assert "0003_ticks.sql" in lacking.json()["detail"]
    assert (await door.client.get("/healthz")).json() == {"status": "ok"}


@pytest.mark.req("API-R19")
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_a_monitor_may_ask_for_the_head_alone(door: Door, path: str) -> None:
    """HEAD is answered as GET is."""
    assert (await door.client.head(path)).status_code == 200


@pytest.mark.req("API-R19")
async def test_a_service_without_its_database_is_not_ready(door: Door) -> None:
    """A database that gives no answer is 503 and says so; the process lives all the while."""
    silent = BrokenDatabase(door.service.database, DatabaseUnreachable("connection refused", tries=5))
    door.app.state.service = replace(door.service, schema=D1Schema(silent))
    answer = await door.client.get("/readyz")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:agentic-sales:database-unreachable")
    assert (await door.client.get("/healthz")).status_code == 200


@pytest.mark.req("RUN-R3")
@pytest.mark.parametrize(("off_s", "status"), [(0, 200), (30, 200), (-30, 200), (31, 503), (-31, 503), (86_400, 503)])
async def test_a_host_whose_clock_is_off_is_not_ready(door: Door, off_s: float, status: int) -> None:
    """Half a minute either way is none; beyond it the answer says by how much and what follows."""
    off = SkewedClock(door.clock, timedelta(seconds=off_s))
    door.app.state.service = replace(door.service, clock=off)
    answer = await door.client.get("/readyz")
    assert answer.status_code == status
    if status == 503:
        assert answer.json()["type"] == "urn:agentic-sales:clock-differs"
        assert f"{abs(off_s)} s {'ahead of' if off_s > 0 else 'behind'}" in answer.json()["detail"]


@pytest.mark.req("RUN-R20")
async def test_a_service_whose_disk_is_full_is_not_ready(door: Door) -> None:
    """Reading still works, so only a write shows it: 503 with what to do, and no statement."""
    full = BrokenDatabase(door.service.database, DatabaseUnwritable("database or disk is full"))
    door.app.state.service = replace(door.service, schema=ReadingSchema(full))
    answer = await door.client.get("/readyz")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:agentic-sales:database-unwritable")
    assert "make room" in answer.json()["detail"]


class ReadingSchema(D1Schema):
    """A schema of which everything can be read."""

    async def pending(self) -> list[str]:
        """See `ports.Schema.pending`."""
        return []


@pytest.mark.req("RUN-R20")
async def test_asking_often_writes_seldom(door: Door) -> None:
    """A hundred probes in ten seconds write one row."""
    await door.client.get("/readyz")
    before = door.service.database.meter.copy()
    for _ in range(100):
        await door.client.get("/readyz")
    assert door.service.database.meter.since(before).rows_written == 0
    door.clock.advance(timedelta(seconds=10))
    await door.client.get("/readyz")
    assert door.service.database.meter.since(before).rows_written > 0


@pytest.mark.req("SWEEP-R13", "SWEEP-R14", "SWEEP-R16")
async def test_a_service_that_nobody_wakes_is_degraded_and_answers_200(door: Door) -> None:
    """Nobody sweeps and nobody decides: 200 says why, and the thread that no sweep took is named to an operator alone."""
    await door.seed("ada", "bob")
    await door.sweep()
    door.clock.advance(timedelta(days=5))
    brought_forward = "UPDATE threads SET status = 'scheduled', next_touch_at = ?1 WHERE thread_id = 'close:bob'"
    await door.service.database.batch([Statement(brought_forward, ("2026-01-01T00:00:00.000Z",))])
    answer = await door.client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    missed = "threads that were due when the last whole sweep began and were taken by none: 1"
    assert answer.json()["reasons"] == [
        "no sweep for 5 days, where at most 15 minutes are meant",
        "a draft has waited 5 days for a person, where at most 4 days are meant",
        missed,
    ]
    assert (await door.read("/readyz", role="operator"))["reasons"][-1] == f"{missed}: close:bob"
    assert (await door.client.get("/readyz", headers={"Authorization": "Bearer unknown"})).json()["reasons"][-1] == missed
    assert (await door.client.get("/healthz")).json() == {"status": "ok"}
