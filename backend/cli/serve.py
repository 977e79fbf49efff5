"""The API on this machine: a local ticker in place of cron, a token to begin with, and an orderly end."""

import asyncio
import gc
import socket
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext, suppress
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Final
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI
from uvicorn.server import HANDLED_SIGNALS

from backend.api.app import create_app
from backend.api.cron import Resume, Sweeps
from backend.cli.connections import configure, listen
from backend.cli.sweeper import sweeping
from backend.cli.terminal import out, say
from backend.desk import Surroundings, look_around
from backend.egress import is_loopback
from backend.errors import AgenticSalesError, UnknownToken
from backend.wiring import Service, open_service

TOKEN_LIFETIME: Final = timedelta(hours=12)


class AddressUnavailable(AgenticSalesError):
    """The service cannot listen where it was told to."""

    def __init__(self, host: str, port: int, why: str) -> None:
        super().__init__(f"Cannot listen on {host}, port {port}: {why}. Nothing was started; give another --port or --host.")


async def serve(*, host: str | None, port: int | None, tick_seconds: float | None) -> None:
    """Serve until a signal comes, then claim nothing more, finish what runs, and return.

    `host` and `port` None are the settings'; `tick_seconds` None leaves sweeping to a cron outside.

    Raises:
        SettingRefused, AddressUnavailable: nothing was started.
    """
    around = look_around()
    host = host or around.host
    with _listen(host, around.port if port is None else port) as listener:
        url = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        async with open_service() as service, _resuming(service, around) as resume:
            if around.is_embedded:
                await service.schema.migrate()
            async with _local_token(service, around, host, listener.getsockname()[1]) as token:
                app = create_app(lambda: nullcontext(service), resume)
                server = _Server(app, lambda: _announce(url, token, tick_seconds, around), tick_seconds)
                await server.serve(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        return listen(host, port)
    except OSError as error:
        raise AddressUnavailable(host, port, error.strerror or str(error)) from error


def _resuming(service: Service, around: Surroundings) -> AbstractAsyncContextManager[Resume]:
    """Sweeps in a process of their own, unless the database is in the memory of this one."""
    return nullcontext(service.campaigns.resume) if around.is_embedded and not around.database_file else sweeping()


@asynccontextmanager
async def _local_token(service: Service, around: Surroundings, host: str, port: int) -> AsyncGenerator[str | None]:
    """An operator's token for as long as the service runs, where database and callers are this machine's own; else None."""
    if not around.is_embedded or not is_loopback(host):
        yield None
        return
    name = f"serve-{port}"
    with suppress(UnknownToken):  # one that a killed process left behind
        await service.tokens.revoke(name, now=service.clock.now())
    token = await service.tokens.create(name, "operator", now=service.clock.now(), expires_in=TOKEN_LIFETIME)
    try:
        yield token
    finally:
        await service.tokens.revoke(name, now=service.clock.now())


def _announce(url: str, token: str | None, tick_seconds: float | None, around: Surroundings) -> None:
    """Say where to go, and with which token."""
    sweeps = "when POST /cron/resume is called" if tick_seconds is None else f"every {tick_seconds:g} s, in place of cron"
    lines = [
        ("reference", f"{url}/docs"),
        ("drafts", f"{url}/drafts"),
        ("token", token or "make one: agentic-sales tokens create --role operator --name NAME"),
        ("sweeps", sweeps),
        ("database", _tell_database(around)),
        ("outbox", str(Path(around.outbox_dir).absolute())) if around.outbox_dir else ("mail", around.mail),
        ("model", _tell_model(around)),
    ]
    if token:
        lines.insert(3, ("", f"an operator's, for {TOKEN_LIFETIME // timedelta(hours=1)} hours or until this ends"))
        lines.append(("try", f"curl -H 'Authorization: Bearer {token}' {url}/drafts"))
    say(out(), f"agentic-sales serves {url} (Ctrl-C ends it)", "bold")
    for name, what in lines:
        say(out(), f"  {name:<10} {what}")


def _tell_database(around: Surroundings) -> str:
    """Name the file, wherever this was started, or whose database it is."""
    if around.is_embedded:
        return str(around.database_file or "in memory, gone when this ends")
    return "D1"


def _tell_model(around: Surroundings) -> str:
    """Name who plans and writes; a loopback model is told by its address, because it may be anybody."""
    if around.models_are_off:
        return "none, LLM_KILL_SWITCH is on: plans and drafts are the defaults"
    if not around.has_model_key:
        return "none, for want of DEEPSEEK_API_KEY: plans and drafts are the defaults"
    url = urlsplit(around.model_url)
    return f"what listens on {url.netloc}" if is_loopback(url.hostname or "") else "DeepSeek"


class _Server(uvicorn.Server):
    """uvicorn with a ticker; a signal is an orderly end, after which the process goes on and exits 0."""

    def __init__(self, app: FastAPI, announce: Callable[[], None], tick_seconds: float | None) -> None:
        super().__init__(configure(app))
        self._app = app
        self._announce = announce
        self._tick_seconds = tick_seconds
        self._tasks: list[asyncio.Task[None]] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start answering, then ticking."""
        await super().startup(sockets)
        gc.freeze()  # what was imported stays; a full collection over it would hold up every answer for 200 ms
        if self._tick_seconds is not None:
            self._tasks.append(asyncio.create_task(_tick(self._sweeps, self._tick_seconds), name="ticker"))
        self._announce()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Take the signals, and unlike uvicorn do not raise them again at the end."""
        loop = asyncio.get_running_loop()
        for number in HANDLED_SIGNALS:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in HANDLED_SIGNALS:
                loop.remove_signal_handler(number)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop claiming at once; what runs is finished while the server shuts down."""
        for task in self._tasks:
            task.cancel()
        self._tasks = [asyncio.create_task(self._sweeps.close(), name="last sweep")]
        super().handle_exit(sig, frame)

    @property
    def _sweeps(self) -> Sweeps:
        sweeps: Sweeps = self._app.state.sweeps
        return sweeps


async def _tick(sweeps: Sweeps, every_s: float) -> None:
    """Ask for a sweep now and every `every_s` seconds."""
    while True:
        sweeps.ask()
        await asyncio.sleep(every_s)
