"""The benchmark of the D1 data plane: `uv run --group bench python -m tests.bench.d1 [--markdown]`.

Our saver and the peer go through one and the same Worker on the real local D1, each on a database of its own, with a proxy in
front that counts what passes and adds latency. The exit code is 1 when a target is missed. It needs Node 20.
"""

import asyncio
import logging
import os
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import structlog
import typer
from langgraph.checkpoint.conformance import checkpointer_test, validate
from rich.console import Console

from tests.bench.proxy import Proxy, counting_proxy
from tests.bench.savers import PEER, open_ours, open_peer, open_sqlite, peer_version
from tests.bench.service import measure_service
from tests.bench.table import Figures, markdown, missed, rich_table
from tests.bench.workloads import Saver, Workload, workloads
from tests.d1.wrangler import running_edge

LATENCIES_MS = (0, 60, 150)
QUICK_RUNS = 3
"""Without latency the fastest of so many counts: what is timed is the saver and not the machine's other work."""
TIMED = ("chat", "start sync", "resume sync")

_progress = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything one run of the benchmark found."""

    ours: Figures
    peer: Figures
    reference: Figures

    def notes(self) -> list[str]:
        """What has to be said beside the table."""
        chat_s, thread_s = self.reference["chat.wall_s"], self.reference["thread.wall_s"]
        return [
            f"The peer is {PEER} {peer_version()}; it fails where it takes a write's type for the checkpoint's. Without any",
            f"network, LangGraph's AsyncSqliteSaver takes {chat_s:.2f} s for the chat and {thread_s:.2f} s for the thread.",
            "`uv run --group bench python -m tests.bench.d1 --markdown` measures it again, and fails when a target is missed.",
        ]


async def measure(folder: Path, ours: Proxy, peer: Proxy) -> Measured:
    """Measure the savers, one after the other, and the service."""
    figures = await measure_saver("D1Saver", open_ours, ours)
    _progress.print("the service's own cost")
    figures |= {f"service {name}": value for name, value in (await measure_service(ours)).items()}
    theirs = await measure_saver(PEER, open_peer, peer)
    _progress.print("AsyncSqliteSaver, for reference")
    async with open_sqlite(folder) as saver:
        return Measured(figures, theirs, await measure_time(saver, QUICK_RUNS))


async def measure_saver(
    name: str, open_saver: Callable[[Proxy], AbstractAsyncContextManager[Saver]], proxy: Proxy
) -> dict[str, float]:
    """Every figure of one saver, by the names that the table's lines use; a workload it fails at has none."""
    figures: dict[str, float] = {}
    async with open_saver(proxy) as saver:
        for workload, call in workloads(saver).items():
            _progress.print(f"{name}: {workload}")
            before = proxy.traffic.copy()
            if await _seconds(call) is not None:
                counts = asdict(proxy.traffic.since(before))
                figures |= {f"{workload}.{count}": value for count, value in counts.items()}
        for latency_ms in LATENCIES_MS:
            _progress.print(f"{name}: {latency_ms} ms a request")
            proxy.latency_s = latency_ms / 1000
            times = await measure_time(saver, QUICK_RUNS if latency_ms == 0 else 1)
            figures |= {f"{figure} at {latency_ms} ms": took_s for figure, took_s in times.items()}
        proxy.latency_s = 0
        _progress.print(f"{name}: conformance")
        figures["conformance.passed"] = await count_conformance(saver)
    return figures


async def measure_time(saver: Saver, runs: int) -> dict[str, float]:
    """How long a chat takes, and a thread from its start over its interrupt to its end: the fastest of so many runs."""
    chats: list[float] = []
    threads: list[float] = []
    for _ in range(runs):
        calls = workloads(saver)
        chat, start, resume = [await _seconds(calls[workload]) or 0.0 for workload in TIMED]
        chats.append(chat)
        threads.append(start + resume)
    return {"chat.wall_s": min(chats), "thread.wall_s": min(threads)}


async def _seconds(call: Workload) -> float | None:
    """How long `call` takes; None when the saver fails at it, which is a finding and no end of the run."""
    began = time.perf_counter()
    try:
        await call()
    except Exception as error:  # noqa: BLE001  # whatever a peer raises is its result
        _progress.print(f"  fails: {type(error).__name__}: {error}", markup=False)
        return None
    return time.perf_counter() - began


async def count_conformance(saver: Saver) -> int:
    """How many tests of langgraph-checkpoint-conformance pass."""

    @checkpointer_test(name=type(saver).__name__)
    async def opened() -> AsyncGenerator[Saver, None]:
        yield saver

    report = await validate(opened)
    return sum(result.tests_passed for result in report.results.values())


def main(*, as_markdown: Annotated[bool, typer.Option("--markdown", help="Print the README's form.")] = False) -> None:
    """Measure our saver and the peer through the same Worker; fail when a target is missed."""
    os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(TemporaryDirectory())) for _ in range(3)]
        _progress.print("starting the Worker on two databases")
        proxies = [stack.enter_context(counting_proxy(stack.enter_context(running_edge(folder)))) for folder in folders[1:]]
        measured = asyncio.run(measure(folders[0], *proxies))
    if as_markdown:
        typer.echo(markdown(measured.ours, measured.peer, measured.notes()), nl=False)
    else:
        Console().print(rich_table(measured.ours, measured.peer), *measured.notes(), sep="\n")
    if lines := missed(measured.ours):
        _progress.print("Missed:", *lines, sep="\n  ")
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
