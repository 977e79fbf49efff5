"""Processes of their own, each at the price of a fork: one server without threads has imported what all of them need."""

import multiprocessing
import os
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from signal import Signals
from typing import IO

PRELOADED = ["backend.api.app", "backend.cli.commands", "backend.wiring", "uvicorn", "tests.story.victims"]


def nursery() -> ForkServerContext:
    """Where processes come from."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def start_process(target: Callable[..., None], *arguments: object) -> ForkServerProcess:
    """Start `target` in a process of its own."""
    process = nursery().Process(target=target, args=arguments, daemon=True)
    process.start()
    return process


@dataclass(frozen=True)
class Command:
    """`agentic-sales` in a process of its own, and what it prints as a shell would read it."""

    process: ForkServerProcess
    stdout: IO[str]
    stderr: IO[str]

    def end(self, number: Signals) -> tuple[int | None, str]:
        """Send a signal; how the process ended, and the rest of its standard error."""
        os.kill(self.process.pid or 0, number)
        said = self.stderr.read()
        self.process.join()
        return self.process.exitcode, said


@contextmanager
def running(arguments: Sequence[str], environment: Mapping[str, str]) -> Generator[Command]:
    """Run `agentic-sales` in the present folder, and kill it if it is still there at the end."""
    (out, out_end), (err, err_end) = (nursery().Pipe(duplex=False) for _ in range(2))
    process = start_process(_become_command, arguments, dict(environment), Path.cwd(), out_end, err_end)
    out_end.close()
    err_end.close()
    with out, err, os.fdopen(os.dup(out.fileno())) as stdout, os.fdopen(os.dup(err.fileno())) as stderr:
        try:
            yield Command(process, stdout, stderr)
        finally:
            process.kill()
            process.join()


def _become_command(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path, out: Connection, err: Connection
) -> None:
    from backend.cli import main  # noqa: PLC0415  # its own process only: the tests need no command line

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for connection, number in ((out, 1), (err, 2)):
        os.dup2(connection.fileno(), number)
        connection.close()
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    sys.argv = ["agentic-sales", *arguments]
    main()
