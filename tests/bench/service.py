"""What the service itself asks of D1: its verbs over the bridge, with fakes for the model and the mail."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from itertools import count

from backend.ports import Answer, MakeLLM, Model, Prompt, Tier
from tests.bench.proxy import Proxy
from tests.northwind import SCRIPT
from tests.story.fleet import Fleet, open_fleet

CROWD = 100
LATENCY_S = 0.06
SCALE = 4
"""Where one call in ten is slow, calls and latency are so many times shorter than what is told of them."""
CALL_S, SLOW_CALL_S = 5.0, 50.0


async def measure_service(proxy: Proxy) -> dict[str, float]:
    """The traffic of one composed touch, of one approved send, and of a tick and a crowd of approvals; a straggler's sweep."""
    figures: dict[str, float] = {}
    watch = Watch(proxy, figures)
    async with open_fleet(SCRIPT, coach=True, url=proxy.url, token=proxy.edge.token) as fleet:
        await fleet.resume()  # writes the sweep's own row, once a minute
        await fleet.enrol()
        async with watch("touch"):
            await swept(fleet, threads=1)
        draft_id = await fleet.pending()
        async with watch("send"):
            assert (await fleet.decide_on(draft_id, "approve")).sent
    return figures | await measure_crowd(proxy) | await measure_straggler(proxy)


async def measure_crowd(proxy: Proxy) -> dict[str, float]:
    """A tick of `CROWD` due threads with a coach, and then as many approvals at once, at `LATENCY_S` a request."""
    figures: dict[str, float] = {}
    watch = Watch(proxy, figures, LATENCY_S)
    async with crowd(proxy, coach=True) as fleet:
        async with watch("tick"):
            await swept(fleet, threads=CROWD)
        drafts = await fleet.rows.pending()
        async with watch("approvals"):
            reports = await asyncio.gather(*(fleet.decide_on(draft_id, "approve") for draft_id in drafts))
        assert [report for report in reports if not report.sent] == []
    return figures


async def measure_straggler(proxy: Proxy) -> dict[str, float]:
    """The seconds of a tick of which the first model call is slow."""
    return await measure_calls(proxy, "straggler", lambda number: SLOW_CALL_S if number == 0 else CALL_S, scale=1)


async def measure_stragglers(proxy: Proxy) -> dict[str, float]:
    """The seconds of a tick of which every tenth model call is slow."""
    return await measure_calls(proxy, "stragglers", lambda number: SLOW_CALL_S if number % 10 == 5 else CALL_S, scale=SCALE)


async def measure_calls(proxy: Proxy, name: str, call_s: Callable[[int], float], *, scale: int) -> dict[str, float]:
    """The seconds of a tick without a coach, whose model calls, by number, take `call_s`; told as if nothing were scaled."""
    figures: dict[str, float] = {}
    watch = Watch(proxy, figures, LATENCY_S / scale)
    async with crowd(proxy, coach=False) as fleet:
        numbers = count()
        slow = SlowLLM(fleet.model, lambda: call_s(next(numbers)) / scale)
        fleet.campaigns = replace(fleet.campaigns, make_llm=slow)
        async with watch(name):
            await swept(fleet, threads=CROWD)
    return {f"{name}.wall_s": scale * figures[f"{name}.wall_s"]}


async def swept(fleet: Fleet, *, threads: int) -> None:
    """Sweep once; all threads hold a draft afterwards."""
    report = await fleet.resume()
    assert [run.status for run in report.runs] == ["awaiting_approval"] * threads


@asynccontextmanager
async def crowd(proxy: Proxy, *, coach: bool) -> AsyncGenerator[Fleet]:
    """A fleet whose whole crowd is due, in a campaign that no other crowd of this database is in."""
    contacts = [f"contact{number}" for number in range(CROWD)]
    async with open_fleet(SCRIPT, coach=coach, url=proxy.url, token=proxy.edge.token, contacts=contacts) as fleet:
        campaign_id = f"crowd{time.time_ns()}"
        await fleet.rows.add_campaign(campaign_id)
        await fleet.resume()  # writes the sweep's own row, once a minute
        await fleet.campaigns.enrol(campaign_id, contacts, principal="op")
        yield fleet


@dataclass(frozen=True)
class Watch:
    """Adds the traffic of a block and its seconds to `figures`; every request takes `latency_s` longer."""

    proxy: Proxy
    figures: dict[str, float]
    latency_s: float = 0.0

    @asynccontextmanager
    async def __call__(self, name: str) -> AsyncGenerator[None]:
        """Watch one block."""
        before, began = self.proxy.traffic.copy(), time.perf_counter()
        self.proxy.latency_s = self.latency_s
        try:
            yield
        finally:
            self.proxy.latency_s = 0
        self.figures[f"{name}.wall_s"] = time.perf_counter() - began
        self.figures.update({f"{name}.{what}": value for what, value in asdict(self.proxy.traffic.since(before)).items()})


@dataclass(frozen=True)
class SlowLLM:
    """Passes prompts on after as many seconds as `wait_s` says."""

    llm: MakeLLM
    wait_s: Callable[[], float]

    def __call__(self, *, tier: Tier) -> Model:
        """See `ports.MakeLLM`."""
        return _SlowModel(self.llm(tier=tier), self.wait_s)


@dataclass(frozen=True)
class _SlowModel:
    model: Model
    wait_s: Callable[[], float]

    async def ask(self, prompt: Prompt) -> Answer:
        await asyncio.sleep(self.wait_s())
        return await self.model.ask(prompt)
