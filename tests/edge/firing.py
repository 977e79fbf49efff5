"""Fires the Worker's cron trigger as the platform would, and reads back what became of it."""

from typing import Any
from uuid import uuid4

import httpx

from tests.d1.wrangler import Edge

FIRED_AT_MS = 1_795_341_600_000
FIRED_AT = "2026-11-22T10:00:00.000Z"


def own_cron() -> str:
    """A cron expression nobody else fires, so that its rows are one test's own."""
    return f"*/5 * * * {uuid4().hex}"


def fire(edge: Edge, cron: str, fired_at_ms: int = FIRED_AT_MS) -> int:
    """Fire the trigger as the platform would; the status is how the handler ended."""
    firing = {"cron": cron, "time": str(fired_at_ms)}
    return httpx.get(f"{edge.url}/cdn-cgi/handler/scheduled", params=firing, timeout=30, trust_env=False).status_code


def ticks(edge: Edge, cron: str) -> Any:
    """Scheduled time, attempts, whether accepted, and error of every tick of `cron`."""
    sql = "SELECT scheduled_at, attempts, accepted_at IS NOT NULL AS accepted, error FROM ticks WHERE cron = ?1 ORDER BY 1"
    headers = {"Authorization": f"Bearer {edge.token}"}
    read = httpx.post(f"{edge.url}/d1/raw", json={"sql": sql, "params": [cron]}, headers=headers, trust_env=False)
    return read.json()["result"][0]["results"]["rows"]
