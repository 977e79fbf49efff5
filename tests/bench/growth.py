"""The benchmark of growth: `uv run python -m tests.bench.growth [--before COMMIT]`.

How many bytes of the embedded database a finished thread of six touches takes, by table and index: coached, each email 900
characters of its own, every draft approved as it is and sent.
"""

import asyncio
import os
import sqlite3
from contextlib import chdir, closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import httpx
import structlog
import typer
from rich.console import Console

from backend.wiring import Service
from tests.bench.door import migrate, opened_door
from tests.bench.earlier import Figures, show
from tests.bench.workloads import prose
from tests.fakes.clock import FixedClock
from tests.fakes.scripted_model import ScriptedLLM

TOUCHES = 6
BODY_CHARS = 900
TARGET_KB = 30
PLAN = {
    "angle": "a shorter month-end close",
    "tone": "direct",
    "cadence_days": [0, 3, 5, 5, 5, 5],
    "max_touches": TOUCHES,
    "stop_criteria": "Stop when a meeting is booked.",
}
CAMPAIGN = {
    "campaign_id": "close",
    "name": "Close",
    "offer": "We shorten the close.",
    "sender": {"name": "Ben Ortiz", "address": "ben@vendor.example"},
}

_progress = Console(stderr=True)


def make_model() -> ScriptedLLM:
    """A model that plans six touches and never writes the same email twice."""
    model = ScriptedLLM({})

    def write(_prompt: Any) -> dict[str, Any]:
        number = len(model.asked)
        return {"subject": f"Your month-end close, {number}", "body": prose(number)[:BODY_CHARS], "learned": []}

    model.script = {"campaign:coach_plan": PLAN, "email:compose": write, "email:reply": write}
    return model


async def finish(service: Service, client: httpx.AsyncClient, clock: FixedClock, size: int) -> None:
    """Enrol so many, and let each of them have six touches."""
    ids = [f"c{number}" for number in range(size)]
    people = [{"contact_id": one, "address": f"{one}@crowd.example", "name": "Ada Ngata"} for one in ids]
    for path, body in {
        "/contacts": {"contacts": people},
        "/campaigns": CAMPAIGN,
        "/campaigns/close/enrolments": {"contact_ids": ids},
    }.items():
        (await client.post(path, json=body)).raise_for_status()
    for touch in range(TOUCHES):
        _progress.print(f"touch {touch + 1}")
        await service.campaigns.resume()
        while drafts := (await client.get("/drafts", params={"limit": 100})).json()["drafts"]:
            for draft in drafts:
                answer = await client.post(f"/drafts/{draft['draft_id']}/approve")
                assert answer.json()["sent"], answer.text
        clock.advance(timedelta(days=8))


def bytes_by_name(file: Path) -> dict[str, int]:
    """The pages of each table and index, in bytes; a WITHOUT ROWID table goes by its own name."""
    with closing(sqlite3.connect(file)) as database:
        return dict(database.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"))


async def measure(file: Path, size: int) -> Figures:
    """What `size` finished threads added, per thread, the largest first."""
    migrate(f"sqlite:///{file}")
    clock = FixedClock()
    async with opened_door(f"sqlite:///{file}", clock=clock, make_llm=make_model()) as (service, client):
        empty = bytes_by_name(file)
        await finish(service, client, clock, size)
        await service.campaigns.resume()
    full = bytes_by_name(file)
    grown = {name: (taken - empty.get(name, 0)) / size / 1000 for name, taken in full.items()}
    figures = {"kB a finished thread": f"{sum(grown.values()):.1f}"}
    return figures | {name: f"{kb:.2f}" for name, kb in sorted(grown.items(), key=lambda item: -item[1]) if kb >= 0.005}


def main(
    *,
    size: Annotated[int, typer.Option(help="Threads that are finished.")] = 200,
    before: Annotated[str | None, typer.Option(help="A commit to measure beside this one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures alone.")] = False,
) -> None:
    """Finish some threads and print what each of them takes; fail when that is more than the target."""
    os.environ |= {"CAMPAIGN_COACH_ENABLED": "true", "LANGGRAPH_STRICT_MSGPACK": "true"}
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with TemporaryDirectory() as folder, chdir(folder):
        measured = asyncio.run(measure(Path(folder, "d1.db"), size))
    show("tests.bench.growth", measured, before=before, as_json=as_json, arguments=["--size", str(size)])
    if not as_json and float(measured["kB a finished thread"]) > TARGET_KB:
        _progress.print(f"Missed: {TARGET_KB} kB a finished thread")
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
