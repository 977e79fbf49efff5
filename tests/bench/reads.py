"""The benchmark of reads: `uv run python -m tests.bench.reads [--before COMMIT]`, some minutes; it needs Node 20.

Rows that D1 says it read, on the real local D1, with 50,000 threads that are due, 200,000 drafts and 1,000,000 facts, for a
claim, for every page and for every other request the service takes. The rows are put into the database's file while no
Worker runs. Nothing here has a target that is a number: what is read is to be as much as what is answered.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import chdir
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import httpx
import structlog
import typer
from rich.console import Console

from backend.wiring import Service
from tests.bench.crowd import fill, lease_all_but
from tests.bench.door import OWNER, claim, opened_door
from tests.bench.earlier import Figures, show
from tests.d1.wrangler import Edge, migrate, running_edge

CLAIMED = 10

_progress = Console(stderr=True)


class Asked:
    """The service, and what each thing asked of it cost."""

    def __init__(self, service: Service, client: httpx.AsyncClient) -> None:
        self.service = service
        self.client = client
        self.figures: Figures = {}

    async def cost(self, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        """Make a call, and note the rows it read and wrote."""
        before = self.service.database.meter.copy()
        answer = await call()
        cost = self.service.database.meter.since(before)
        self.figures[name] = f"{cost.rows_read:,} / {cost.rows_written:,}"
        _progress.print(f"  {name}: {self.figures[name]}", markup=False)
        return answer

    async def ask(self, name: str, method: str, path: str, **request: Any) -> Any:
        """Ask over HTTP; an answer that is no success is named with its status."""

        async def call() -> httpx.Response:
            return await self.client.request(method, path, **request)

        before = len(self.figures)
        answer = await self.cost(name, call)
        assert len(self.figures) == before + 1, name
        if not answer.is_success:
            self.figures[name] += f" ({answer.status_code})"
        return answer.json() if answer.content else None


async def measure_claims(edge: Edge, name: str) -> Figures:
    """A claim of ten threads, and then a sweep of ten more."""
    async with opened_door(edge.url, edge.token) as (service, client):
        asked = Asked(service, client)
        assert await asked.cost(f"claim of ten, {name}", lambda: claim(service, CLAIMED)) == CLAIMED
        await asked.cost(f"sweep of ten, {name}", lambda: service.campaigns.resume(max_threads=CLAIMED))
        return asked.figures


async def measure_requests(edge: Edge) -> Figures:
    """Every request there is, on the database of the crowd."""
    async with opened_door(edge.url, edge.token) as (service, client):
        asked = Asked(service, client)
        await _read(asked)
        await _write(asked)
        return asked.figures


async def _read(asked: Asked) -> None:
    pages: dict[str, dict[str, Any]] = {
        "the first": {},
        "of 100": {"limit": 100},
        "of a campaign": {"campaign_id": "waits"},
        "of a campaign without any that wait": {"campaign_id": "quiet"},
        **{f"with status={status}": {"status": status} for status in ("pending", "decided", "withdrawn", "all")},
    }
    for name, params in pages.items():
        await asked.ask(f"GET /drafts, {name}", "GET", "/drafts", params=params)
    cursor = (await asked.ask("GET /drafts, the first, again", "GET", "/drafts", params={"limit": 1}))["next_cursor"]
    deep = cursor.replace("waits:c1", "waits:c45000")
    await asked.ask("GET /drafts, a deep one", "GET", "/drafts", params={"cursor": deep})
    await asked.ask("GET /threads/parked, the first", "GET", "/threads/parked")
    await asked.ask("GET /threads/parked, a deep one", "GET", "/threads/parked", params={"cursor": "lost:c45000"})
    await asked.ask("GET /drafts/{id}", "GET", "/drafts/waits:c7:2:1")
    await asked.ask("GET a thread", "GET", "/campaigns/quiet/threads/c7")
    await asked.ask("GET /readyz", "GET", "/readyz")
    await asked.cost("tokens list", asked.service.tokens.list)


async def _write(asked: Asked) -> None:
    close, ids = "/campaigns/close", [f"n{number}" for number in range(100)]
    people = [{"contact_id": one, "address": f"{one}@crowd.example", "name": "Ada Ngata"} for one in ids]
    await asked.ask("POST /contacts, 100 new", "POST", "/contacts", json={"contacts": people})
    await asked.ask("POST /contacts, 100 known", "POST", "/contacts", json={"contacts": people})
    leaver = {"contact_id": "c9", "address": "c9@crowd.example", "name": "C", "unsubscribed": True}
    await asked.ask("POST /contacts, one who unsubscribed", "POST", "/contacts", json={"contacts": [leaver]})
    await asked.ask("POST enrolments, 100", "POST", f"{close}/enrolments", json={"contact_ids": ids})
    campaign = {"campaign_id": "new", "name": "n", "offer": "o", "sender": {"name": "s", "address": "s@vendor.example"}}
    await asked.ask("POST /campaigns", "POST", "/campaigns", json=campaign)
    await asked.ask("POST requeue", "POST", "/campaigns/lost/threads/c3/requeue")
    await asked.ask("POST stop of a thread", "POST", f"{close}/threads/c49000/stop")
    for name, contact_id in {"POST /emails": "c5", "POST /emails, 50,000 facts and sends of the contact": "hub"}.items():
        await asked.ask(name, "POST", "/emails", json={"campaign_id": "close", "contact_id": contact_id})
    await asked.service.campaigns.resume(max_threads=CLAIMED)
    page = (await asked.client.get("/drafts", params={"campaign_id": "close"})).json()
    composed = [draft["draft_id"] for draft in page["drafts"]]
    for verb in ("approve", "edit", "regenerate", "reject", "stop"):
        draft_id = composed.pop()
        card = (await asked.client.get(f"/drafts/{draft_id}")).json()
        body = {"subject": card["subject"], "body": f"{card['body']}\n"} if verb == "edit" else {}
        await asked.ask(f"POST {verb}", "POST", f"/drafts/{draft_id}/{verb}", json=body)
    tokens, now = asked.service.tokens, asked.service.clock.now()
    await asked.cost("tokens create", lambda: tokens.create(OWNER, "rep", now=now, expires_in=timedelta(hours=1)))
    await asked.cost("tokens revoke", lambda: tokens.revoke(OWNER, now=now))


def measure(size: int) -> Figures:
    """Every figure, on one database that is filled once and changed in between."""
    figures: Figures = {}
    with TemporaryDirectory() as name, chdir(name):
        folder = Path(name)
        (crowd := folder / "crowd").mkdir()
        migrate(crowd)
        (file,) = [file for file in crowd.rglob("*.sqlite") if "D1DatabaseObject" in str(file) and file.stem != "metadata"]
        _progress.print(f"filling {file}")
        fill(file, size)
        figures |= _on(crowd, "due", lambda edge: measure_claims(edge, f"{size:,} due"))
        figures |= _on(crowd, "asked", measure_requests)
        lease_all_but(file, 2 * CLAIMED)
        figures |= _on(crowd, "leased", lambda edge: measure_claims(edge, f"{size:,} leased"))
    return figures


def _on(crowd: Path, name: str, run: Callable[[Edge], Any]) -> Figures:
    (folder := crowd.parent / name).mkdir()
    with running_edge(folder, migrated=crowd) as edge:
        _progress.print(f"{name}: the Worker runs")
        figures: Figures = asyncio.run(run(edge))
        return figures


def main(
    *,
    size: Annotated[int, typer.Option(help="Contacts of the crowd.")] = 50_000,
    before: Annotated[str | None, typer.Option(help="A commit to measure beside this one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures alone.")] = False,
) -> None:
    """Ask everything there is to ask of a large database, and print the rows read and written."""
    os.environ |= {"LLM_KILL_SWITCH": "true", "LANGGRAPH_STRICT_MSGPACK": "true"}
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    show("tests.bench.reads", measure(size), before=before, as_json=as_json, arguments=["--size", str(size)])


if __name__ == "__main__":
    typer.run(main)
