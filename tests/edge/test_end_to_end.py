"""From a cron trigger to an email: the Worker, the real local D1 behind its bridge, and the service as a process of its own."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from backend.d1.database import open_database
from backend.d1.tokens import D1Tokens
from tests.d1.wrangler import Edge
from tests.edge.firing import FIRED_AT, fire, own_cron, ticks

COMMAND = str(Path(sys.executable).with_name("agentic-sales"))
PATIENCE_S = 120


@dataclass(frozen=True, slots=True)
class Served:
    """The service, and a client that carries an operator's token."""

    process: asyncio.subprocess.Process
    client: httpx.AsyncClient

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        """Ask for something that must succeed."""
        answer = await self.client.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    async def drafts_for(self, address: str) -> list[dict[str, Any]]:
        """The drafts to one address, as soon as there are any."""
        async with asyncio.timeout(PATIENCE_S):
            while not (drafts := (await self.ask("GET", f"/drafts?for={address}"))["drafts"]):
                await asyncio.sleep(0.05)
        return list(drafts)


@asynccontextmanager
async def serving(edge: Edge) -> AsyncGenerator[Served]:
    """The service on the port the Worker forwards to, with the bridge for its database and no ticker of its own."""
    environment = {
        "PATH": os.environ["PATH"],
        "D1_URL": edge.url,
        "D1_TOKEN": edge.token,
        "CRON_SECRET": edge.cron_secret,
        "PORT": str(edge.service_port),
        "LLM_KILL_SWITCH": "true",
    }
    arguments = [COMMAND, "serve", "--no-ticker"]
    with Path("service.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*arguments, env=environment, stdout=asyncio.subprocess.PIPE, stderr=log)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE_S), open_database(edge.url, edge.token) as database:
            token = await D1Tokens(database).create(
                uuid4().hex, "operator", now=datetime.now(UTC), expires_in=timedelta(hours=1)
            )
            assert await process.stdout.readline(), Path("service.log").read_text("utf-8")
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{edge.service_port}", headers=headers) as client:
            yield Served(process, client)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def enrol(served: Served) -> tuple[str, str]:
    """A contact in a campaign, due at once; the campaign's id and the contact's address."""
    campaign_id, contact_id = (f"{noun}-{uuid4().hex}" for noun in ("campaign", "contact"))
    address = f"{contact_id}@northwind.example"
    sender = {"name": "Ben Ortiz", "address": "ben@vendor.example"}
    campaign = {"campaign_id": campaign_id, "name": "Month-end", "offer": "We shorten the close.", "sender": sender}
    await served.ask("POST", "/contacts", {"contacts": [{"contact_id": contact_id, "address": address, "name": "Ada Ngata"}]})
    await served.ask("POST", "/campaigns", campaign)
    await served.ask("POST", f"/campaigns/{campaign_id}/enrolments", {"contact_id": contact_id})
    return campaign_id, address


@pytest.mark.req("EDGE-R9", "EDGE-R10")
@pytest.mark.usefixtures("service_port")
async def test_a_cron_firing_resumes_a_due_thread_and_its_repeat_does_nothing(edge: Edge) -> None:
    """The firing is one tick and the thread gets one draft, which is sent when a rep approves it; SIGTERM ends in order."""
    cron = own_cron()
    async with serving(edge) as served:
        campaign_id, address = await enrol(served)
        assert await asyncio.to_thread(fire, edge, cron) == 200
        (draft,) = await served.drafts_for(address)
        assert await asyncio.to_thread(fire, edge, cron) == 200
        await served.ask("POST", "/cron/resume?wait=true")
        assert await served.drafts_for(address) == [draft]
        assert ticks(edge, cron) == [[FIRED_AT, 1, 1, ""]]
        await served.ask("POST", f"/drafts/{draft['draft_id']}/approve", {"version": draft["version"]})
        assert len(list(Path(".data/outbox").glob("*.eml"))) == 1
        thread = await served.ask("GET", f"/campaigns/{campaign_id}/threads/{address.partition('@')[0]}")
        assert (thread["status"], thread["step"]) == ("scheduled", 1)
        served.process.send_signal(signal.SIGTERM)
        assert await served.process.wait() == 0


@pytest.mark.req("EDGE-R11")
@pytest.mark.usefixtures("service_port")
async def test_a_firing_while_the_service_is_down_is_made_good_by_its_repeat(edge: Edge) -> None:
    """Between two lives of the service a firing fails loudly; the platform's repeat of it, once it serves again, is the tick."""
    cron = own_cron()
    async with serving(edge) as served:
        _, address = await enrol(served)
    assert await asyncio.to_thread(fire, edge, cron) == 500
    async with serving(edge) as served:
        assert await asyncio.to_thread(fire, edge, cron) == 200
        assert len(await served.drafts_for(address)) == 1
    assert ticks(edge, cron) == [[FIRED_AT, 2, 1, ""]]
