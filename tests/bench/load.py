"""Requests at a steady rate over kept connections, each timed from when it was to be sent, so that a stall counts in full."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import httpx

Latencies = dict[str, list[float]]


@dataclass
class Load:
    """What is asked for in turn, by name, and how long each took in seconds; `drafts` are the ids that are approved."""

    client: httpx.AsyncClient
    drafts: list[str]
    latencies: Latencies = field(default_factory=dict[str, list[float]])

    async def put_on(self, names: Sequence[str], *, per_s: float, during_s: float) -> None:
        """Make requests in turn, `per_s` a second, without waiting for the answers of those before."""
        began, turn = time.perf_counter(), cycle(names)
        async with asyncio.TaskGroup() as requests:
            for number in range(round(per_s * during_s)):
                due = began + number / per_s
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                requests.create_task(self._time(next(turn), due))

    async def _time(self, name: str, due: float) -> None:
        answer = await self._ask(name)
        assert answer.status_code == httpx.codes.OK, answer.text
        self.latencies.setdefault(name, []).append(time.perf_counter() - due)

    async def _ask(self, name: str) -> Any:
        if name == "approve":
            return await self.client.post(f"/drafts/{self.drafts.pop()}/approve")
        return await self.client.get(f"/{name}")


def percentile_ms(latencies_s: Sequence[float], percent: float) -> float:
    """The latency in ms that `percent` of the requests did not exceed."""
    ordered = sorted(latencies_s)
    return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
