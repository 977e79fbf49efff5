"""What a claim and a page cost on real D1 when thousands wait: the rows they give, and not the rows there are."""

from datetime import timedelta

import pytest

from backend.domain.access import Reach
from backend.domain.facts import MAX_COMPANY_FACTS
from backend.domain.flags import Flags
from backend.listings import LOOKED_AT
from backend.store.attendance import MAX_NAMED
from backend.store.dossier import MAX_MEMORIES, MAX_PAST_TOUCHES
from backend.store.intake import D1Intake
from backend.store.records import D1Records
from backend.sweeps import CLAIM_SIZE
from tests.d1.wrangler import Edge
from tests.northwind import SCRIPT, new_contact
from tests.story.fleet import Fleet, claim, open_fleet

CROWD = 3_000
ROWS_A_THREAD = 40
"""A claim reads a thread's index entry and row, and with it the case: contact, campaign, facts, history, checkpoint."""
ROWS_A_DRAFT = 8
ROWS_A_CONTACT = 40
"""A contact that comes in, with its company, its thread and what may be withdrawn."""
ROWS_A_LINE = 4
ROWS_A_DOSSIER = 200
FAR = timedelta(days=365)


async def rows_of_claim(fleet: Fleet) -> int:
    """What one claim of fifty reads, with the look before it, by D1's own count."""
    before = fleet.database.meter.copy()
    assert len(await claim(fleet.campaigns.threads, lease=FAR, limit=CLAIM_SIZE)) == CLAIM_SIZE
    return fleet.database.meter.since(before).rows_read


@pytest.mark.req("RUN-R7")
async def test_a_claim_reads_what_it_takes_however_many_are_due_or_leased(lone_edge: Edge) -> None:
    """Fifty threads of thousands that are due; and fifty when all others are leased by somebody else."""
    async with open_fleet(SCRIPT, url=lone_edge.url, token=lone_edge.token) as fleet:
        await fleet.rows.crowd(CROWD)
        assert await rows_of_claim(fleet) <= CLAIM_SIZE * ROWS_A_THREAD
        until = "2027-06-01T00:00:00.000Z"
        await fleet.rows.set_threads(lease_owner="somebody", lease_until_at=until, fence=7)
        await fleet.rows.free_some(CLAIM_SIZE)
        assert await rows_of_claim(fleet) <= CLAIM_SIZE * ROWS_A_THREAD


@pytest.mark.req("API-R15")
@pytest.mark.parametrize("campaign_id", [None, "close", "another"])
async def test_a_page_of_drafts_reads_what_it_shows(lone_edge: Edge, campaign_id: str | None) -> None:
    """The first page, a page deep in the list, and a campaign of whose drafts none waits."""
    async with open_fleet(SCRIPT, url=lone_edge.url, token=lone_edge.token) as fleet:
        await fleet.rows.crowd(CROWD)
        await fleet.rows.add_campaign("another")
        cursor = None
        for place in (None, "2026-11-01T00:00:00.000Z~close:c2"):
            before = fleet.database.meter.copy()
            page = await fleet.service.views.drafts(campaign_id=campaign_id, cursor=place, limit=20)
            assert len(page.drafts) == (0 if campaign_id == "another" else 20)
            assert fleet.database.meter.since(before).rows_read <= 21 * ROWS_A_DRAFT
            assert page.next_cursor != cursor or campaign_id == "another"
            cursor = page.next_cursor


@pytest.mark.req("RUN-R21")
async def test_a_page_of_parked_threads_reads_what_it_shows(lone_edge: Edge) -> None:
    """None of thousands, and pages of twenty when all of them were given up."""
    async with open_fleet(SCRIPT, url=lone_edge.url, token=lone_edge.token) as fleet:
        await fleet.rows.crowd(CROWD)
        before = fleet.database.meter.copy()
        assert (await fleet.service.parked.page(limit=20)).threads == []
        assert fleet.database.meter.since(before).rows_read <= 2
        await fleet.rows.set_threads(status="parked")
        before = fleet.database.meter.copy()
        page = await fleet.service.parked.page(limit=20)
        following = await fleet.service.parked.page(cursor=page.next_cursor, limit=20)
        assert len({thread.thread_id for thread in [*page.threads, *following.threads]}) == 40
        assert fleet.database.meter.since(before).rows_read <= 2 * 42


@pytest.mark.req("ACCESS-R12")
@pytest.mark.parametrize("campaign_ids", [("another",), ("another", "close")])
async def test_a_page_within_a_limit_reads_a_page_of_each_campaign(lone_edge: Edge, campaign_ids: tuple[str, ...]) -> None:
    """Drafts that wait and threads that were given up, where thousands are in one campaign and none in the other."""
    reach, most_rows = Reach(campaign_ids), 21 * ROWS_A_DRAFT * len(campaign_ids)
    shown = 20 if "close" in campaign_ids else 0
    async with open_fleet(SCRIPT, url=lone_edge.url, token=lone_edge.token) as fleet:
        await fleet.rows.crowd(CROWD)
        await fleet.rows.add_campaign("another")
        await fleet.rows.set_threads(status="parked")
        for place in (None, "2026-11-01T00:00:00.000Z~close:c2"):
            before = fleet.database.meter.copy()
            assert len((await fleet.service.views.drafts(cursor=place, limit=20, reach=reach)).drafts) == shown
            assert fleet.database.meter.since(before).rows_read <= most_rows
        for place in (None, "close:c2"):
            before = fleet.database.meter.copy()
            assert len((await fleet.service.parked.page(cursor=place, limit=20, reach=reach)).threads) == shown
            assert fleet.database.meter.since(before).rows_read <= most_rows


@pytest.mark.req("RUN-R24")
async def test_an_import_reads_what_it_names(lone_edge: Edge) -> None:
    """Ten people, of whom one does not want to be written to any more, where thousands of drafts wait."""
    async with open_fleet(SCRIPT, url=lone_edge.url, token=lone_edge.token) as fleet:
        await fleet.rows.crowd(CROWD)
        before = fleet.database.meter.copy()
        people = [new_contact(f"c{number}") for number in range(9)]
        await D1Intake(fleet.database).add_contacts([*people, {**new_contact("c9"), "unsubscribed": True}])
        assert fleet.database.meter.since(before).rows_read <= 10 * ROWS_A_CONTACT


@pytest.mark.req("RUN-R25")
async def test_a_run_reads_the_best_and_the_latest_of_a_contact(lone_edge: Edge) -> None:
    """Of thousands of facts, sends and memories it reads those it may use."""
    async with open_fleet(SCRIPT, url=lone_edge.url, token=lone_edge.token) as fleet:
        await fleet.rows.burden(CROWD)
        before = fleet.database.meter.copy()
        _, dossier = await D1Records(fleet.database, Flags()).brief("close", "ada")
        assert fleet.database.meter.since(before).rows_read <= ROWS_A_DOSSIER
        found = (len(dossier["facts"]), len(dossier["history"]), len(dossier["memories"]))
        assert found == (MAX_COMPANY_FACTS, MAX_PAST_TOUCHES, MAX_MEMORIES)


@pytest.mark.req("LIST-R6")
async def test_a_page_of_a_list_reads_what_it_looks_at(lone_edge: Edge) -> None:
    """Contacts and threads of thousands, from the first and from a place deep in the list, in one request each."""
    async with open_fleet(SCRIPT, url=lone_edge.url, token=lone_edge.token) as fleet:
        await fleet.rows.crowd(CROWD)
        lists = fleet.service.lists
        for place in (None, "c2"):
            before = fleet.database.meter.copy()
            assert len((await lists.contacts("close", cursor=place, limit=20)).contacts) == 20
            assert len((await lists.threads("close", cursor=place, limit=20)).threads) == 20
            few = await lists.threads("close", status="stopped", cursor=place, limit=20)
            spent = fleet.database.meter.since(before)
            assert spent.rows_read <= (21 + 21 + 20 * LOOKED_AT) * ROWS_A_LINE
            assert (few.threads, spent.requests) == ([], 3)
            assert few.next_cursor is not None


async def test_a_sweep_ends_where_everybody_is_leased(lone_edge: Edge) -> None:
    """Nothing is free, so nothing is run: one look said so, and the sweep left its word."""
    async with open_fleet(SCRIPT, url=lone_edge.url, token=lone_edge.token) as fleet:
        await fleet.rows.crowd(CROWD)
        await fleet.rows.set_threads(lease_owner="somebody", lease_until_at="2027-06-01T00:00:00.000Z", fence=7)
        before = fleet.database.meter.copy()
        assert (await fleet.resume()).runs == []
        spent = fleet.database.meter.since(before)
        assert (spent.requests, spent.rows_written) == (2, 1)


@pytest.mark.req("SWEEP-R15")
async def test_the_roll_is_called_at_the_cost_of_what_is_named(lone_edge: Edge) -> None:
    """Of thousands that were due before the last whole sweep and are free twenty are read; of thousands due later none."""
    async with open_fleet(SCRIPT, url=lone_edge.url, token=lone_edge.token) as fleet:
        await fleet.resume()
        await fleet.rows.crowd(CROWD)
        for named in (MAX_NAMED, 0):
            before = fleet.database.meter.copy()
            assert len((await fleet.service.attendance.read()).absent) == named
            spent = fleet.database.meter.since(before)
            assert (spent.requests, spent.rows_read <= MAX_NAMED * ROWS_A_LINE) == (1, True)
            await fleet.rows.set_threads(next_touch_at="2027-06-01T00:00:00.000Z")
