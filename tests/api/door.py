"""The real application over a database of its own, with fakes at the ports: what the tests of the HTTP layer knock on."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from backend.api.app import create_app
from backend.d1.statements import Result, Statement
from backend.domain.access import Role
from backend.wiring import Service, open_service
from tests.databases import place_migrated
from tests.fakes.clock import FixedClock
from tests.fakes.mailer import RecordingMailer
from tests.fakes.scripted_model import ScriptedLLM
from tests.northwind import CAMPAIGN_BODY, SCRIPT, contact_body
from tests.releases import COMMIT
from tests.rows import Rows

CRON_SECRETS = ("the cron secret in force", "the one before it, gültig still")


class BrokenDatabase:
    """Fails each request in the way it was told to."""

    def __init__(self, database: Any, failure: Exception) -> None:
        self.meter = database.meter
        self._failure = failure

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """Fail."""
        assert statements
        raise self._failure


@dataclass
class Door:
    """The application, a client with each role's token, and a hand on everything around it."""

    app: FastAPI
    service: Service
    client: httpx.AsyncClient
    tokens: dict[str, str]
    clock: FixedClock
    model: ScriptedLLM
    mailer: RecordingMailer

    async def ask(self, method: str, path: str, role: str | None = "operator", **request: Any) -> httpx.Response:
        """Make a request in a role; without one there is no token."""
        headers = {"Authorization": f"Bearer {self.tokens[role]}"} if role else {}
        return await self.client.request(method, path, headers=headers | request.pop("headers", {}), **request)

    async def post(self, path: str, body: Any = None, *, role: str | None = "operator") -> httpx.Response:
        """Post a JSON body, or none."""
        return await self.ask("POST", path, role, **({} if body is None else {"json": body}))

    async def read(self, path: str, *, role: str = "rep", **params: Any) -> Any:
        """Get a path that answers 200."""
        answer = await self.ask("GET", path, role, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    @property
    def rows(self) -> Rows:
        """What the database holds."""
        return Rows(self.service.database)

    async def seed(self, *contact_ids: str) -> None:
        """Add one campaign, and enrol these contacts in it."""
        contacts = [contact_body(contact_id) for contact_id in contact_ids]
        assert (await self.post("/contacts", {"contacts": contacts})).status_code == 200
        assert (await self.post("/campaigns", CAMPAIGN_BODY)).status_code in {200, 201}
        assert (await self.post("/campaigns/close/enrolments", {"contact_ids": list(contact_ids)})).status_code == 201

    async def sweep(self) -> Any:
        """Let one tick pass, and return its report."""
        answer = await self.post("/cron/resume?wait=true", role="cron")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def held_draft(self, contact_id: str = "ada") -> str:
        """Seed, sweep, and return the id of the one draft that waits."""
        await self.seed(contact_id)
        await self.sweep()
        return await self.pending()

    async def pending(self) -> str:
        """The id of the one draft that waits."""
        (draft,) = (await self.read("/drafts"))["drafts"]
        return str(draft["draft_id"])


@asynccontextmanager
async def open_ready(
    folder: Path, tokens: dict[str, str], *, clock: FixedClock, make_llm: ScriptedLLM, mailer: RecordingMailer, **settings: Any
) -> AsyncGenerator[Service]:
    """Open a migrated service in `folder`, and make `tokens` hold one for every role."""
    overrides = {
        "d1_url": f"sqlite:///{folder}/door.db",
        "cron_secret": CRON_SECRETS[0],
        "cron_secret_previous": CRON_SECRETS[1],
        "release_commit": COMMIT,  # else git is asked, twice a door
        **settings,
    }
    await place_migrated(folder / "door.db")
    async with open_service(overrides, clock=clock, make_llm=make_llm, mailer=mailer) as service:
        roles: tuple[Role, ...] = ("rep", "operator", "cron")
        for role in roles:
            tokens[role] = await service.tokens.create(f"the-{role}", role, now=clock.now(), expires_in=timedelta(days=365))
        yield service


@cache
def application() -> FastAPI:
    """The application, built once, because that takes longer than a test; `state.open` opens what is behind it."""

    def open_behind() -> AbstractAsyncContextManager[Service]:
        opened: AbstractAsyncContextManager[Service] = app.state.open()
        return opened

    app = create_app(open_behind)
    return app


@asynccontextmanager
async def open_door(folder: Path, *, script: dict[str, Any] | None = None, **settings: Any) -> AsyncGenerator[Door]:
    """Start the application on a migrated database in `folder`, with a token for every role."""
    clock, model, mailer = FixedClock(), ScriptedLLM(SCRIPT if script is None else script), RecordingMailer()
    tokens: dict[str, str] = {}
    app = application()
    app.state.open = partial(open_ready, folder, tokens, clock=clock, make_llm=model, mailer=mailer, **settings)
    async with app.router.lifespan_context(app):
        service: Service = app.state.service
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
            yield Door(app, service, client, tokens, clock, model, mailer)
