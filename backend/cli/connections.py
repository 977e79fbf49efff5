"""Clients that are slow, gone or too many: a deadline for each part of a request, and a bound on the number of connections."""

import asyncio
import socket
from typing import Final

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from backend.api.bodies import BODY_DEADLINE_S

KEEP_ALIVE_S: Final = 5
"""The longest rest of a connection between two requests."""
HEAD_DEADLINE_S: Final = 10.0
"""From the first byte of a request, or from the connection, to the end of the headers."""
LINGER_S: Final = 5.0
"""A body is read this much longer than its deadline, so that a client still gets the answer that says so."""
UNREAD_DEADLINE_S: Final = 30
"""The longest a client may leave what it was sent without acknowledgement."""
DEADLINES_S: dict[type, float] = {h11.IDLE: HEAD_DEADLINE_S, h11.SEND_BODY: BODY_DEADLINE_S + LINGER_S}
"""By what h11 says of the client: it owes a head, or the rest of a body."""
LONGEST_REQUEST_S: Final = 160
"""A decision runs its thread while its caller waits; a run ends after at most 150 s."""
MAX_CONNECTIONS: Final = 250
"""Requests on more connections than this are answered 503 by the server; on twice as many a connection is closed unread."""


class DeadlineConnection(H11Protocol):
    """uvicorn's connection, which is cut off when the head or the body of a request does not arrive in time."""

    _phase: type | None = None
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as H11Protocol has it
        """Begin to wait for a request, unless there are too many who do."""
        super().connection_made(transport)
        if len(self.connections) > 2 * MAX_CONNECTIONS:
            transport.abort()
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take what came, and give what is still to come its deadline."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        super().connection_lost(exc)
        if self._deadline:
            self._deadline.cancel()

    def _watch(self) -> None:
        """Set a deadline where a part of a request begins; bytes of the same part do not put it off."""
        phase = self.conn.their_state
        if phase is self._phase:
            return
        self._phase = phase
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None
        if phase in DEADLINES_S:
            self._deadline = self.loop.call_later(DEADLINES_S[phase], self.transport.abort)


def configure(app: ASGIApp) -> uvicorn.Config:
    """Return how such connections are served: no WebSockets, and no more requests at once than connections."""
    return uvicorn.Config(
        app,
        http=DeadlineConnection,
        ws="none",
        interface="asgi3",
        log_config=None,
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS + 1,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=LONGEST_REQUEST_S,
    )


def listen(host: str, port: int) -> socket.socket:
    """Listen for such connections.

    Raises:
        OSError: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; accepted sockets inherit it
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * UNREAD_DEADLINE_S)
    # asyncio sets TCP_NODELAY only where the protocol is named; without it an answer waits 40 ms for the client's delayed ACK.
    return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, listener.detach())
