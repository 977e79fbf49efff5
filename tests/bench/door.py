"""The service and its door inside the benchmark's process, in the words of whichever version is measured."""

import inspect
import os
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from backend.api.app import create_app
from backend.wiring import Service, open_service

OWNER = "bench"
COMMAND = str(Path(sys.executable).with_name("agentic-sales"))
AT_ANY_HOUR = {
    "SEND_DAYS": "mon-sun",
    "SEND_HOURS": "00:00-24:00",
    "MAILBOX_CAP_A_DAY": "0",
    "MAILBOX_CAP_AN_HOUR": "0",
    "RECIPIENT_DOMAIN_CAP_A_DAY": "0",
    "MIN_GAP_HOURS": "0",
}
"""Variables under which an approved email leaves at once; written out, because earlier commits are measured too."""


def migrate(url: str) -> None:
    """Bring a database to this version, as an operator does."""
    environment = {**os.environ, "D1_URL": url}
    subprocess.run([COMMAND, "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # our own command


@asynccontextmanager
async def opened_door(
    url: str, secret: str | None = None, **adapters: Any
) -> AsyncGenerator[tuple[Service, httpx.AsyncClient]]:
    """The service on a database, and a client that asks it as an operator."""
    os.environ |= {"D1_URL": url, "D1_TOKEN": secret or "", **AT_ANY_HOUR}
    async with open_service(**adapters) as service:
        app = create_app(lambda: nullcontext(service))
        token = await service.tokens.create(
            f"{OWNER}-{uuid4().hex}", "operator", now=service.clock.now(), expires_in=timedelta(days=60)
        )
        headers = {"Authorization": f"Bearer {token}"}
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://bench.example", headers=headers, timeout=600) as client,
        ):
            yield service, client


async def claim(service: Service, limit: int) -> int:
    """Claim so many threads for a minute; how many there were."""
    threads: Any = service.campaigns.threads
    if not hasattr(threads, "claim_due"):
        look = await threads.look(limit=limit)
        return len((await threads.claim(look.due, owner=OWNER, lease=timedelta(minutes=1))).leases)
    claim_due = threads.claim_due
    if "until_at" in inspect.signature(claim_due).parameters:
        now = service.clock.now()
        instants = [at.strftime("%Y-%m-%dT%H:%M:%S.000Z") for at in (now, now + timedelta(minutes=1))]
        return len(await claim_due(owner=OWNER, now=instants[0], until_at=instants[1], limit=limit))
    claimed = await claim_due(owner=OWNER, lease=timedelta(minutes=1), limit=limit)
    return len(claimed.leases)
