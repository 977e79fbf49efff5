"""The application: the routers, what surrounds them, and the service they are the doors of.

uvicorn --factory backend.api.app:create_app
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from backend.api import campaigns, contacts, cron, drafts, emails, flags, health, reference, sends, stops, threads, unsubscribe
from backend.api.operations import install_openapi
from backend.api.problems import install_problems
from backend.api.security import SecurityHeaders
from backend.wiring import Service, open_service

_DESCRIPTION = (
    "Outreach campaigns in which one coach plans once and every touch obeys. "
    "The field step counts touches from 0; a sentence calls the same touch by its number from 1."
)
_NOUNS = (contacts, campaigns, threads, drafts, sends, stops, emails, flags, cron, health, reference, unsubscribe)


def create_app(
    open: Callable[[], AbstractAsyncContextManager[Service]] = open_service,  # noqa: A002  # it opens the service
    resume: cron.Resume | None = None,
) -> FastAPI:
    """Build the application; `open` opens its service when it starts and closes it when it ends.

    `resume` makes its sweeps somewhere else; without it they run beside the requests.
    """

    @asynccontextmanager
    async def live(app: FastAPI) -> AsyncGenerator[None]:
        async with open() as service:
            app.state.service = service
            app.state.sweeps = cron.Sweeps(resume or service.campaigns.resume)
            try:
                yield
            finally:
                await app.state.sweeps.close()

    app = FastAPI(
        title="agentic-sales",
        version=version("agentic-sales"),
        description=_DESCRIPTION,
        lifespan=live,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    for noun in _NOUNS:
        app.include_router(noun.router)
    install_problems(app)
    install_openapi(app)
    app.add_middleware(SecurityHeaders)
    return app
