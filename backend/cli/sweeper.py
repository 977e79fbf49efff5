"""Sweeps in a process of their own: beside sweeps in the same process, whoever asked for something waited a few times longer.

The process reads a line for each sweep, and answers each with a report, a line of JSON. When its input ends it claims nothing
more and ends after the runs under way, so it outlives its service by no more than those.
"""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from typing import Any, Final, TypeVar

import structlog

from backend.campaigns import Campaigns
from backend.desk import look_around
from backend.errors import AgenticSalesError, public_sentence
from backend.logs import configure_logs
from backend.sweeps import RunReport, SweepReport
from backend.wiring import open_service

Stream = TypeVar("Stream", asyncio.StreamReader, asyncio.StreamWriter)

COMMAND: Final = (sys.executable, "-m", "backend.cli.sweeper")
_MAX_REPORT_BYTES: Final = 16 * 1024 * 1024
_END_WITHIN_S: Final = 10
_NICENESS: Final = 5
"""People who wait come before sweeps where both want the processor."""

_log = structlog.get_logger()


class SweepFailed(AgenticSalesError):
    """A sweep failed in the process for sweeps; what it had claimed is taken up again when the leases end."""

    status = 503

    def __init__(self, why: str) -> None:
        super().__init__(f"The sweep failed: {why} Threads it had claimed are taken up when their leases end.")


class Sweeper:
    """`Resume` in another process, which is started at the first call, and again after it ended."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._turn = asyncio.Lock()
        self._process: Process | None = None

    async def __call__(self, *, stop: asyncio.Event) -> SweepReport:
        """See `Resume`; calls wait for each other. What is stopped stays so: the process ends with its report.

        Raises:
            SweepFailed: it raised there, or the process ended.
        """
        async with self._turn:
            if stop.is_set():
                return SweepReport([], took_all=False)
            line = await self._ask(stop)
        told: dict[str, Any] = json.loads(line) if line else {"failed": "its process ended."}
        if "failed" in told:
            raise SweepFailed(told["failed"])
        return SweepReport([RunReport(**run) for run in told.pop("runs")], **told)

    async def close(self) -> None:
        """End the process, which has nothing under way when every call has been answered."""
        process, self._process = self._process, None
        if process is None:
            return
        _piped(process.stdin).close()
        try:
            await asyncio.wait_for(process.wait(), _END_WITHIN_S)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _ask(self, stop: asyncio.Event) -> bytes:
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, limit=_MAX_REPORT_BYTES
            )
        process = self._process
        with suppress(ConnectionError):  # it has just ended, and so has what it says
            _piped(process.stdin).write(b"sweep\n")
        stopping = asyncio.create_task(_close_when(stop, process))
        try:
            line = await _piped(process.stdout).readline()
        finally:
            stopping.cancel()
        if not line.endswith(b"\n"):  # it ended, perhaps in the middle of a report
            self._process, line = None, b""
            await process.wait()
        return line


async def _close_when(stop: asyncio.Event, process: Process) -> None:
    await stop.wait()
    _piped(process.stdin).close()


def _piped(stream: Stream | None) -> Stream:
    assert stream  # noqa: S101  # the process was started with pipes
    return stream


@asynccontextmanager
async def sweeping() -> AsyncGenerator[Sweeper]:
    """A sweeper, whose process has ended when the block has."""
    sweeper = Sweeper()
    try:
        yield sweeper
    finally:
        await sweeper.close()


async def serve_sweeps() -> None:
    """Make the sweeps that standard input asks for, until it ends."""
    stop, asked = asyncio.Event(), asyncio.Queue[str]()
    async with open_service() as service:
        listening = asyncio.create_task(_listen(stop, asked))
        while await asked.get():
            told = await _sweep(service.campaigns, stop)
            sys.stdout.write(json.dumps(told) + "\n")
            sys.stdout.flush()
        await listening


async def _listen(stop: asyncio.Event, asked: asyncio.Queue[str]) -> None:
    """Hear what is asked while sweeps are made, and that nothing more will be."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked.put_nowait(line)
    stop.set()
    asked.put_nowait("")


async def _sweep(campaigns: Campaigns, stop: asyncio.Event) -> dict[str, Any]:
    try:
        return asdict(await campaigns.resume(stop=stop))
    except Exception as error:  # noqa: BLE001  # the top of a sweep: the service goes on, and so do later sweeps
        _log.error("sweep.failed", error=type(error).__name__)
        return {"failed": public_sentence(error)}


def main() -> None:
    """Sweep for the service that started this process; a signal to both ends the service, and the service this."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.nice(_NICENESS)
    configure_logs(look_around().log_level)
    asyncio.run(serve_sweeps())


if __name__ == "__main__":
    main()
