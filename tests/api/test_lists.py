"""Campaigns, whoever is enrolled in one, and where each thread stands, page by page."""

from typing import Any

import pytest

from backend.listings import LOOKED_AT
from tests.api.door import Door
from tests.northwind import CAMPAIGN_BODY


async def pages(door: Door, path: str, **params: Any) -> list[list[dict[str, Any]]]:
    """Every page of a list."""
    found: list[list[dict[str, Any]]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await door.read(path, **params, **cursor)
        (items,) = (value for name, value in page.items() if name != "next_cursor")
        found.append(items)
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


async def ids(door: Door, path: str, name: str, **params: Any) -> list[list[str]]:
    """The ids on every page of a list."""
    return [[item[name] for item in page] for page in await pages(door, path, **params)]


@pytest.mark.req("LIST-R1")
async def test_campaigns_are_listed_by_id(door: Door) -> None:
    """Each once, with who sends; none is no error."""
    assert await pages(door, "/campaigns") == [[]]
    for campaign_id in ("b", "a.b", "c", "a", "B"):
        await door.post("/campaigns", {**CAMPAIGN_BODY, "campaign_id": campaign_id})
    assert await ids(door, "/campaigns", "campaign_id", limit=2) == [["B", "a"], ["a.b", "b"], ["c"]]
    ((campaign, *_),) = await pages(door, "/campaigns")
    assert campaign == {
        "campaign_id": "B",
        "name": CAMPAIGN_BODY["name"],
        "sender_name": "Ben Ortiz",
        "sender_address": "ben@vendor.example",
        "created_at": "2026-11-23T09:00:00.000Z",
    }


@pytest.mark.req("LIST-R2")
async def test_the_contacts_of_a_campaign_are_those_enrolled_in_it(door: Door) -> None:
    """Each once with the flags that stand, and nobody of a campaign whose id begins alike."""
    await door.seed("b", "a", "c")
    await door.post("/campaigns", {**CAMPAIGN_BODY, "campaign_id": "close-2"})
    await door.post("/campaigns/close-2/enrolments", {"contact_id": "c"})
    await door.rows.raise_flag("a", "replied")
    assert await ids(door, "/campaigns/close/contacts", "contact_id", limit=1) == [["a"], ["b"], ["c"]]
    assert await ids(door, "/campaigns/close-2/contacts", "contact_id") == [["c"]]
    ((contact, *_),) = await pages(door, "/campaigns/close/contacts")
    assert contact == {
        "contact_id": "a",
        "name": "Ada Ngata",
        "address": "a@northwind.example",
        "title": "CFO",
        "company_name": "Northwind",
        "do_not_contact": False,
        "bounced": False,
        "unsubscribed": False,
        "replied": True,
    }


@pytest.mark.req("LIST-R3")
async def test_threads_are_listed_with_where_they_stand(door: Door) -> None:
    """Every thread, or those of a status, with its step, why it stands there and when it goes on."""
    await door.seed("a", "b", "c")
    await door.sweep()
    await door.post("/drafts/close:a:0:1/approve")
    await door.post("/drafts/close:b:0:1/stop")
    path = "/campaigns/close/threads"
    assert await ids(door, path, "contact_id", limit=1) == [["a"], ["b"], ["c"]]
    stands = [(thread["status"], thread["step"]) for (thread,) in await pages(door, path, limit=1)]
    assert stands == [("scheduled", 1), ("stopped", 0), ("awaiting_approval", 0)]
    assert await ids(door, path, "contact_id", status="stopped") == [["b"]]
    assert await ids(door, path, "contact_id", status="parked") == [[]]
    ((scheduled,),) = await pages(door, path, status="scheduled")
    assert scheduled == {
        "thread_id": "close:a",
        "campaign_id": "close",
        "contact_id": "a",
        "status": "scheduled",
        "status_reason": (await door.rows.thread("close:a"))["status_reason"],
        "step": 1,
        "attempts": 0,
        "next_touch_at": "2026-11-26T09:00:00.000Z",
    }
    assert (await door.ask("GET", f"{path}?status=lost", "rep")).status_code == 422


@pytest.mark.req("LIST-R4")
async def test_a_page_of_a_status_looks_at_so_many_threads_and_no_more(door: Door) -> None:
    """Those of the status between many others are found on later pages, each once; the pages before may be empty."""
    names = [f"c{number:03}" for number in range(2 * LOOKED_AT + 3)]
    await door.seed(*names)
    await door.rows.stop_threads(f"close:{names[LOOKED_AT]}", f"close:{names[-2]}", f"close:{names[-1]}")
    found = await ids(door, "/campaigns/close/threads", "contact_id", status="stopped", limit=1)
    assert found == [[], [names[LOOKED_AT]], [names[-2]], [names[-1]]]
    whole = await ids(door, "/campaigns/close/threads", "contact_id", status="scheduled", limit=3)
    assert [name for page in whole for name in page] == [
        name for name in names if name not in {names[LOOKED_AT], names[-2], names[-1]}
    ]
    assert max(map(len, whole)) == 3


@pytest.mark.req("LIST-R5")
@pytest.mark.parametrize("what", ["contacts", "threads"])
async def test_of_an_unknown_campaign_there_is_no_list(door: Door, what: str) -> None:
    """404, where one nobody is enrolled in has an empty page."""
    await door.post("/campaigns", CAMPAIGN_BODY)
    assert await pages(door, f"/campaigns/close/{what}") == [[]]
    answer = await door.ask("GET", f"/campaigns/open/{what}", "rep")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:agentic-sales:unknown-campaign")
