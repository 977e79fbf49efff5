"""Sweeps in a process of their own: beside sweeps in the same process, whoever asked for something waited a few times longer.

The process reads how many threads to claim, a line each, and answers each with a report, a line of JSON. It ends when its
input ends, after the runs under way, so it outlives its service by no more than those.
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

from backend.campaigns import Campaigns, RunReport, SweepReport
from backend.desk import look_around
from backend.errors import AgenticSalesError, public_sentence
from backend.logs import configure_logs
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

    async def __call__(self, *, max_threads: int) -> SweepReport:
        """See `Resume`; calls wait for each other.

        Raises:
            SweepFailed: it raised there, or the process ended.
        """
        async with self._turn:
            line = await self._ask(max_threads)
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

    async def _ask(self, max_threads: int) -> bytes:
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, limit=_MAX_REPORT_BYTES
            )
        process = self._process
        with suppress(ConnectionError):  # it has just ended, and so has what it says
            _piped(process.stdin).write(f"{max_threads}\n".encode())
        line = await _piped(process.stdout).readline()
        if not line:
            self._process = None
            await process.wait()
        return line


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
    async with open_service() as service:
        while line := await asyncio.to_thread(sys.stdin.readline):
            told = await _sweep(service.campaigns, max_threads=int(line))
            sys.stdout.write(json.dumps(told) + "\n")
            sys.stdout.flush()


async def _sweep(campaigns: Campaigns, *, max_threads: int) -> dict[str, Any]:
    try:
        return asdict(await campaigns.resume(max_threads=max_threads))
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
