"""From a cron trigger to an email: the Worker, the real local D1 behind its bridge, and the service as a process of its own."""

import asyncio
import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from backend.d1.database import open_database
from backend.store.tokens import D1Tokens
from tests.d1.wrangler import Edge
from tests.edge.firing import FIRED_AT, fire, own_cron, ticks
from tests.northwind import CAMPAIGN_BODY, contact_body
from tests.processes import running
from tests.serving import Served


@contextmanager
def serving(edge: Edge) -> Generator[Served]:
    """The service on the port the Worker forwards to, with the bridge for its database and no ticker of its own."""
    environment = {
        "PATH": os.environ["PATH"],
        "D1_URL": edge.url,
        "D1_TOKEN": edge.token,
        "CRON_SECRET": edge.cron_secret,
        "PORT": str(edge.service_port),
        "LLM_KILL_SWITCH": "true",
        "SEND_DAYS": "mon-sun",
        "SEND_HOURS": "00:00-24:00",
    }
    with running(["serve", "--no-ticker"], environment) as command:
        headers = {"Authorization": f"Bearer {asyncio.run(make_token(edge))}"}
        announced = command.stdout.readline()
        assert announced.startswith("agentic-sales serves"), command.stderr.read()
        with httpx.Client(base_url=f"http://127.0.0.1:{edge.service_port}", headers=headers, timeout=60) as client:
            yield Served(command, client)


async def make_token(edge: Edge) -> str:
    """An operator's token for an hour."""
    async with open_database(edge.url, edge.token) as database:
        return await D1Tokens(database).create(uuid4().hex, "operator", now=datetime.now(UTC), expires_in=timedelta(hours=1))


def drafts_of(served: Served, campaign_id: str) -> list[dict[str, Any]]:
    """The drafts of one campaign that wait."""
    return list(served.ask("GET", f"/drafts?campaign_id={campaign_id}")["drafts"])


def enrol(served: Served) -> tuple[str, str]:
    """A contact in a campaign, due at once: the ids of both."""
    campaign_id, contact_id = (f"{noun}-{uuid4().hex}" for noun in ("campaign", "contact"))
    served.ask("POST", "/contacts", {"contacts": [contact_body(contact_id)]})
    served.ask("POST", "/campaigns", {**CAMPAIGN_BODY, "campaign_id": campaign_id})
    served.ask("POST", f"/campaigns/{campaign_id}/enrolments", {"contact_id": contact_id})
    return campaign_id, contact_id


@pytest.mark.req("EDGE-R9", "EDGE-R10")
@pytest.mark.usefixtures("service_port")
def test_a_cron_firing_resumes_a_due_thread_and_its_repeat_does_nothing(edge: Edge) -> None:
    """The firing is one tick and the thread gets one draft, which is sent when a rep approves it; SIGTERM ends in order."""
    cron = own_cron()
    with serving(edge) as served:
        campaign_id, contact_id = enrol(served)
        assert fire(edge, cron) == 200
        served.read_log_until("run.committed", campaign_id)
        (draft,) = drafts_of(served, campaign_id)
        assert fire(edge, cron) == 200
        served.ask("POST", "/cron/resume?wait=true")
        assert drafts_of(served, campaign_id) == [draft]
        assert ticks(edge, cron) == [[FIRED_AT, 1, 1, ""]]
        served.ask("POST", f"/drafts/{draft['draft_id']}/approve", {"version": draft["version"]})
        assert len(list(Path(".data/outbox").glob("*.eml"))) == 1
        thread = served.ask("GET", f"/campaigns/{campaign_id}/threads/{contact_id}")
        assert (thread["status"], thread["step"]) == ("scheduled", 1)
        assert served.end(signal.SIGTERM) == 0


@pytest.mark.req("EDGE-R11", "EDGE-R19")
@pytest.mark.usefixtures("service_port")
def test_a_firing_while_the_service_is_down_is_made_good_by_its_repeat(edge: Edge) -> None:
    """Between two lives of the service a firing fails loudly; repeated once it serves again, it is the same one tick."""
    cron = own_cron()
    with serving(edge) as served:
        campaign_id, _ = enrol(served)
    assert fire(edge, cron) == 500
    with serving(edge) as served:
        assert fire(edge, cron) == 200
        served.read_log_until("run.committed", campaign_id)
        assert len(drafts_of(served, campaign_id)) == 1
    assert ticks(edge, cron) == [[FIRED_AT, 2, 1, ""]]
