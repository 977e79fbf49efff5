"""Whether the service can work."""

from dataclasses import replace

import pytest

from backend.d1.statements import Statement
from backend.errors import DatabaseUnreachable
from backend.store.schema import D1Schema
from tests.api.door import BrokenDatabase, Door


@pytest.mark.req("API-R19")
async def test_a_service_is_ready_when_its_database_is(door: Door) -> None:
    """Ready with every migration; 503 names the one that is missing; the process lives all the while."""
    assert (await door.client.get("/readyz")).json() == {"status": "ready"}
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
