"""What the service itself asks of D1: its verbs over the bridge, with fakes for the model and the mail."""

from tests.bench.proxy import Proxy, Traffic
from tests.northwind import SCRIPT
from tests.story.fleet import Fleet, open_fleet

TICK = 100


async def measure_service(proxy: Proxy) -> dict[str, Traffic]:
    """The traffic of one composed touch, of one approved send and of a tick of `TICK` due threads, all with a coach."""
    crowd = [f"contact{number}" for number in range(TICK)]
    async with open_fleet(SCRIPT, coach=True, url=proxy.url, token=proxy.edge.token, contacts=["ada", *crowd]) as fleet:
        await fleet.enrol()
        touch = await _traffic_of_tick(proxy, fleet, threads=1)
        draft_id = await fleet.pending()
        before = proxy.traffic.copy()
        assert (await fleet.decide_on(draft_id, "approve")).sent
        send = proxy.traffic.since(before)
        await fleet.campaigns.enrol("close", crowd, principal="op")
        return {"touch": touch, "send": send, "tick": await _traffic_of_tick(proxy, fleet, threads=TICK)}


async def _traffic_of_tick(proxy: Proxy, fleet: Fleet, *, threads: int) -> Traffic:
    before = proxy.traffic.copy()
    report = await fleet.resume()
    assert [run.status for run in report.runs] == ["awaiting_approval"] * threads
    return proxy.traffic.since(before)
