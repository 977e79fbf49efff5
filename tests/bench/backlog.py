"""The benchmark of a backlog: `uv run python -m tests.bench.backlog [--before COMMIT]`.

How long a claim of ten threads, and a sweep of ten (claim, drafts, commits), take on the embedded database: when 50,000 threads
are due, and when the last of them are. The model is switched off, so what is timed is the service and its database.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import chdir
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import structlog
import typer

from tests.bench.crowd import fill, take_all_but
from tests.bench.door import claim, migrate, opened_door
from tests.bench.earlier import Figures, show

CLAIMED = 10
TIMES = 10


async def measure(file: Path, when: str) -> Figures:
    """The median of `TIMES` claims and of as many sweeps."""
    async with opened_door(f"sqlite:///{file}") as (service, _):
        claims = await _median_ms(lambda: claim(service, CLAIMED))
        sweeps = await _median_ms(lambda: service.campaigns.resume(max_threads=CLAIMED))
    return {f"ms a claim of ten, {when}": f"{claims:.1f}", f"ms a sweep of ten, {when}": f"{sweeps:.0f}"}


async def _median_ms(call: Callable[[], Awaitable[Any]]) -> float:
    taken: list[float] = []
    for _ in range(TIMES):
        began = time.perf_counter()
        assert await call()
        taken.append(time.perf_counter() - began)
    return 1000 * median(taken)


def main(
    *,
    size: Annotated[int, typer.Option(help="Threads that are due.")] = 50_000,
    before: Annotated[str | None, typer.Option(help="A commit to measure beside this one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures alone.")] = False,
) -> None:
    """Time claims and sweeps at the beginning and at the end of a backlog."""
    os.environ |= {"LLM_KILL_SWITCH": "true", "LANGGRAPH_STRICT_MSGPACK": "true"}
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with TemporaryDirectory() as folder, chdir(folder):
        file = Path(folder, "d1.db")
        migrate(f"sqlite:///{file}")
        fill(file, size)
        figures = asyncio.run(measure(file, f"{size:,} due"))
        take_all_but(file, 2 * TIMES * CLAIMED)
        figures |= asyncio.run(measure(file, "the last of them"))
    show("tests.bench.backlog", figures, before=before, as_json=as_json, arguments=["--size", str(size)])


if __name__ == "__main__":
    typer.run(main)
