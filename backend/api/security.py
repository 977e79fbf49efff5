"""Bearer tokens with roles say who may ask, checked before a byte of a body is read; and private answers.

The roles a route enforces are the ones its OpenAPI entry states, because both are `x-roles`. A token that is limited to
campaigns is refused by every route whose entry does not state that it keeps within them.
"""

import hmac
from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from fastapi.security.utils import get_authorization_scheme_param
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.api.bodies import MAX_BYTES_KEY, with_body
from backend.domain.access import CRON_NAME, Principal, Role
from backend.errors import RoleForbidden, TokenLimited, TokenMissing
from backend.wiring import Service

ROLES_KEY = "x-roles"
WITHIN_REACH_KEY = "x-within-reach"

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


async def get_service(request: Request) -> Service:
    """The service this application was opened with; async, because FastAPI runs any other dependency in a thread."""
    service: Service = request.app.state.service
    return service


async def get_principal(request: Request) -> Principal:
    """The principal, as the route has established it."""
    principal: Principal = request.state.principal
    return principal


Wired = Annotated[Service, Depends(get_service)]
Who = Annotated[Principal, Depends(get_principal)]


class GuardedRoute(APIRoute):
    """A route for the roles in its `x-roles`; one that names none is for nobody."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Put the check before everything else, reading the body included."""
        handle = super().get_route_handler()
        stated = self.openapi_extra or {}
        roles: tuple[Role, ...] = tuple(stated.get(ROLES_KEY, ()))
        takes_body = self.body_field is not None

        async def handle_for_roles(request: Request) -> Response:
            principal = await _admit(request, roles)
            if principal.reach.is_limited and not stated.get(WITHIN_REACH_KEY):
                raise TokenLimited
            request.state.principal = principal
            return await handle(await with_body(request, stated[MAX_BYTES_KEY]) if takes_body else request)

        return handle_for_roles


async def identify(request: Request) -> Principal | None:
    """Return who asks, by the bearer token or the cron secret of the request; None for a stranger."""
    scheme, token = get_authorization_scheme_param(request.headers.get("Authorization"))
    return await _identify(token.strip(), await get_service(request)) if scheme.lower() == "bearer" else None


async def _admit(request: Request, roles: tuple[Role, ...]) -> Principal:
    principal = await identify(request)
    if principal is None:
        raise TokenMissing
    if principal.role not in roles:
        raise RoleForbidden(principal.role, roles)
    return principal


async def _identify(token: str, service: Service) -> Principal | None:
    if not token:
        return None
    if _is_one_of(token, service.cron_secrets):
        return Principal(CRON_NAME, "cron")
    return await service.tokens.find(token, service.clock.now())


def _is_one_of(token: str, secrets: Sequence[str]) -> bool:
    """Compare the bytes as they were sent with every secret: `compare_digest` raises on texts beyond ASCII."""
    return any([hmac.compare_digest(token.encode("latin-1"), secret.encode()) for secret in secrets])  # noqa: C419  # all, not until the first


class SecurityHeaders:
    """Adds the headers that keep an answer out of caches, frames and other origins, where the answer has not set its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)
