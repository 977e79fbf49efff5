"""The benchmark of sweeps: `uv run python -m tests.bench.sweeps [--before COMMIT]`, some minutes; it needs Node 20.

A tick of a hundred due threads and a hundred approvals at once, on the real local D1 with 60 ms added to every request, and
what model calls of 50 s among calls of 5 s cost a sweep. Where one in ten is slow all times are a quarter, and told as if they
were not.
"""

import asyncio
import logging
import os
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import structlog
import typer

from tests.bench.earlier import Figures, show
from tests.bench.proxy import Proxy, counting_proxy
from tests.bench.service import measure_crowd, measure_straggler, measure_stragglers
from tests.d1.wrangler import running_edge


async def measure(proxy: Proxy) -> Figures:
    """Requests, rows and seconds of the crowd, and the seconds of the two sweeps with slow calls."""
    found = await measure_crowd(proxy) | await measure_straggler(proxy) | await measure_stragglers(proxy)
    told = {
        name: f"{found[f'{name}.requests']:.0f} / {found[f'{name}.rows_written']:.0f} / {found[f'{name}.wall_s']:.1f}"
        for name in ("tick", "approvals")
    }
    return {
        "a tick of 100: requests / rows written / s": told["tick"],
        "100 approvals at once: requests / rows written / s": told["approvals"],
        "a tick of 100, one call of 50 s, the others of 5 s; ideal 55: s": f"{found['straggler.wall_s']:.1f}",
        "a tick of 100, one call in ten of 50 s, the others of 5 s; ideal 95: s": f"{found['stragglers.wall_s']:.0f}",
    }


def main(
    *,
    before: Annotated[str | None, typer.Option(help="A commit to measure beside this one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures alone.")] = False,
) -> None:
    """Measure ticks and approvals of a hundred threads, and what slow model calls cost them."""
    os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        proxy = stack.enter_context(counting_proxy(stack.enter_context(running_edge(folder))))
        figures = asyncio.run(measure(proxy))
    show("tests.bench.sweeps", figures, before=before, as_json=as_json)


if __name__ == "__main__":
    typer.run(main)
