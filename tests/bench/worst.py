"""The benchmark of the worst that comes in, and of short commands: `uv run python -m tests.bench.worst [--before COMMIT]`.

CPU time and memory of a running service that is sent 1 MB and 4 MB of unknown keys, and of one whose model answers with 512 MB
of blanks in gzip; and the CPU time of commands that do little. Each service is started afresh.
"""

import asyncio
import gzip
import os
import resource
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import chdir
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated

import httpx
import typer

from tests.bench.door import COMMAND
from tests.bench.doors import CAMPAIGN, post, served
from tests.bench.earlier import Figures, show

UNKNOWN_KEYS = {"4 MB, 380,000 unknown keys": 380_000, "1 MB, 95,000 unknown keys": 95_000}
"""The worst that was taken, and the worst that is."""
ANSWER_MB = 512
RUNS = 5
TICKS_A_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """The CPU time a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_S


def most_mb(pid: int) -> float:
    """The most memory that a process has had."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1000


async def cost(name: str, pid: int, ask: Callable[[], Awaitable[httpx.Response]]) -> Figures:
    """What one request cost the service, and what it was answered with."""
    before_s, before_mb = cpu_s(pid), most_mb(pid)
    answer = await ask()
    cost_s, added_mb = cpu_s(pid) - before_s, most_mb(pid) - before_mb
    return {f"{name}: CPU s, MB added, answer": f"{cost_s:.2f}, {added_mb:.0f}, {answer.status_code}"}


async def measure_bodies(folder: Path) -> Figures:
    """Keys that nobody knows, where contacts are expected; the smaller body first."""
    figures: Figures = {}
    async with served(folder, "http://127.0.0.1:9") as (client, pid):
        await client.post("/contacts", json={"contacts": []})
        for name, number in sorted(UNKNOWN_KEYS.items(), key=lambda item: item[1]):
            keys = ",".join(f'"{key:06}":1' for key in range(number))
            body = f'{{"contacts":[{{{keys}}}]}}'.encode()
            headers = {"Content-Type": "application/json"}
            figures |= await cost(name, pid, partial(client.post, "/contacts", content=body, headers=headers))
    return figures


async def measure_answer(folder: Path) -> Figures:
    """A model's server that is no model."""
    packed = gzip.compress(b" " * (ANSWER_MB * 1_000_000), 9)
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    )

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head.encode() + packed)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, served(folder, f"http://127.0.0.1:{port}") as (client, pid):
        await post(client, "/campaigns", CAMPAIGN)
        await post(client, "/contacts", {"contacts": [{"contact_id": "a", "address": "a@crowd.example", "name": "Ada"}]})
        asked = {"campaign_id": "close", "contact_id": "a"}
        return await cost("answer of 512 MB", pid, lambda: client.post("/emails", json=asked))


def measure_commands() -> Figures:
    """The median CPU time of each command, with what it starts."""
    figures: Figures = {}
    subprocess.run([COMMAND, "migrate"], check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # a command of our own
    for arguments in (["tokens", "list"], ["--help"], ["--version"]):
        taken: list[float] = []
        for _ in range(RUNS):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([COMMAND, *arguments], check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # as above
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        figures[f"agentic-sales {' '.join(arguments)}: CPU s"] = f"{median(taken):.2f}"
    return figures


def main(
    *,
    before: Annotated[str | None, typer.Option(help="A commit to measure beside this one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures alone.")] = False,
) -> None:
    """Send the worst, and start the shortest."""
    figures: Figures = {}
    for measure in (measure_bodies, measure_answer):
        with TemporaryDirectory() as folder:
            figures |= asyncio.run(measure(Path(folder)))
    with TemporaryDirectory() as folder, chdir(folder):
        figures |= measure_commands()
    show("tests.bench.worst", figures, before=before, as_json=as_json)


if __name__ == "__main__":
    typer.run(main)
