"""The benchmark of the doors: `uv run python -m tests.bench.doors [--before COMMIT]`.

A running `agentic-sales serve` is asked 50 times a second over kept connections, first while nothing else happens and then
beside a sweep of many due threads, whose model is scripted and answers at once. The exit code is 1 when a target is missed.
"""

import asyncio
import json
import os
import re
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console

from backend.demo.scripted_model import Reply, ScriptedModelServer
from tests.bench.door import AT_ANY_HOUR, COMMAND
from tests.bench.earlier import Figures, show
from tests.bench.load import Latencies, Load, percentile_ms

PER_S = 50
TURNS = ("healthz", "drafts", "healthz", "drafts", "healthz", "drafts", "healthz", "drafts", "healthz", "approve")
TARGET_P99_MS = 100
BATCH = 500

PLAN = {
    "angle": "a shorter month-end close",
    "tone": "direct",
    "cadence_days": [0, 3, 5],
    "max_touches": 3,
    "stop_criteria": "Stop when a meeting is booked.",
}
EMAIL = {"subject": "Your month-end close", "body": "Hello Ada, three days are a long close. Shall we talk?"}
CAMPAIGN = {
    "campaign_id": "close",
    "name": "Close",
    "offer": "We shorten the close.",
    "sender": {"name": "Ben Ortiz", "address": "ben@vendor.example"},
}

_progress = Console(stderr=True)


@asynccontextmanager
async def served(folder: Path, model_url: str) -> AsyncGenerator[tuple[httpx.AsyncClient, int]]:
    """A service in a process of its own; a client with the token it printed, and the process's id."""
    variables = {
        "LLM_KILL_SWITCH": "false",
        "DEEPSEEK_API_KEY": "scripted",
        "DEEPSEEK_BASE_URL": model_url,
        "CAMPAIGN_COACH_ENABLED": "true",
        "LOG_LEVEL": "WARNING",
        **AT_ANY_HOUR,
    }
    process = await asyncio.create_subprocess_exec(
        *(COMMAND, "serve", "--port", "0", "--no-ticker"), cwd=folder, env={**os.environ, **variables}, stdout=subprocess.PIPE
    )
    assert process.stdout
    try:
        said = (await process.stdout.readuntil(b"  try  ")).decode()
        url, token = re.search(r"reference +(\S+)/docs", said), re.search(r"token +(\S+)", said)
        assert url
        assert token
        limits = httpx.Limits(max_keepalive_connections=100, keepalive_expiry=3)
        async with httpx.AsyncClient(
            base_url=url[1], headers={"Authorization": f"Bearer {token[1]}"}, timeout=60, limits=limits
        ) as client:
            yield client, process.pid
    finally:
        process.terminate()
        await process.wait()


async def post(client: httpx.AsyncClient, path: str, body: Any = None) -> Any:
    """Post what must succeed."""
    answer = await client.post(path, json=body)
    assert answer.is_success, answer.text
    return answer.json()


async def enrol(client: httpx.AsyncClient, prefix: str, count: int) -> None:
    """Add and enrol so many contacts, all due at once."""
    ids = [f"{prefix}{number}" for number in range(count)]
    for start in range(0, count, BATCH):
        batch = ids[start : start + BATCH]
        contacts = [{"contact_id": one, "address": f"{one}@northwind.example", "name": "Ada Ngata"} for one in batch]
        await post(client, "/contacts", {"contacts": contacts})
        await post(client, "/campaigns/close/enrolments", {"contact_ids": batch})


async def pending(client: httpx.AsyncClient) -> list[str]:
    """The ids of every draft that waits."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await client.get("/drafts", params={"limit": 100, **cursor})).json()
        found += [draft["draft_id"] for draft in page["drafts"]]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


async def measure(folder: Path, *, during_s: float, due: int, delay_s: float) -> dict[str, Latencies]:
    """The latencies of each request, quiet and beside a sweep."""

    def answer(name: str, _system: str, _user: str) -> Reply:
        return Reply(json.dumps(PLAN if name == "campaign:coach_plan" else EMAIL), delay_s=delay_s)

    approvals = round(2 * during_s * PER_S * TURNS.count("approve") / len(TURNS)) + 2
    async with ScriptedModelServer(answer) as model, served(folder, model.base_url) as (client, pid):
        _progress.print(f"process {pid}: enrolling {approvals} contacts and drafting to them")
        await post(client, "/campaigns", CAMPAIGN)
        await enrol(client, "first", approvals)
        await post(client, "/cron/resume?wait=true")
        drafts = await pending(client)
        _progress.print("quiet")
        quiet = Load(client, drafts)
        await quiet.put_on(TURNS, per_s=PER_S, during_s=during_s)
        _progress.print(f"beside a sweep of {due} due threads")
        await enrol(client, "due", due)
        before = len(model.requests)
        await post(client, "/cron/resume")
        busy = Load(client, drafts)
        await busy.put_on(TURNS, per_s=PER_S, during_s=during_s)
        swept = (len(model.requests) - before) // 2
        _progress.print(f"the sweep drafted to {swept} in {during_s:g} s")
        assert swept < due, "the sweep ended before the measurement did: raise --due"
        return {"quiet": quiet.latencies, "beside a sweep": busy.latencies}


def main(
    *,
    seconds: Annotated[float, typer.Option(help="How long each of the two loads lasts.")] = 20,
    due: Annotated[int, typer.Option(help="Threads that are due for the sweep.")] = 2000,
    delay: Annotated[float, typer.Option(help="Seconds the model takes to answer.")] = 0,
    before: Annotated[str | None, typer.Option(help="A commit to measure beside this one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures alone.")] = False,
) -> None:
    """Ask a running service 50 times a second, quiet and beside a sweep; fail when a target is missed."""
    with TemporaryDirectory() as folder:
        measured = asyncio.run(measure(Path(folder), during_s=seconds, due=due, delay_s=delay))
    figures: Figures = {}
    missed = False
    for when, latencies in measured.items():
        for name, taken in sorted(latencies.items()):
            p50, p99, most = (percentile_ms(taken, percent) for percent in (50, 99, 100))
            missed = missed or p99 > TARGET_P99_MS
            figures[f"{name}, {when}: ms, p50 / p99 / most"] = f"{p50:.1f} / {p99:.1f} / {most:.1f}"
    arguments = ["--seconds", str(seconds), "--due", str(due), "--delay", str(delay)]
    show("tests.bench.doors", figures, before=before, as_json=as_json, arguments=arguments)
    if missed and not as_json:
        _progress.print(f"Missed: p99 within {TARGET_P99_MS} ms")
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
