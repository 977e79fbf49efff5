"""What a rep is shown."""

from datetime import timedelta
from typing import Any

import pytest

from tests.api.door import Door
from tests.northwind import CAMPAIGN_BODY, CONTACT_BODY, EMAIL, FACT_BODY, MINE, PLAN
from tests.story.fleet import claim

THREAD = "/campaigns/close/threads/ada"


async def because(door: Door) -> str:
    """The code of why the thread waits."""
    return str((await door.read(THREAD))["waiting_because"]["code"])


@pytest.mark.req("API-R14")
async def test_a_thread_is_shown_whole_in_one_request(door: Door) -> None:
    """Plan and touch with all their provenance, the ledger's row, and when it goes on; one read beside the token's."""
    draft_id = await door.held_draft()
    second = (await door.post(f"/drafts/{draft_id}/regenerate", {"feedback": "Shorter."}, role="rep")).json()["next_draft_id"]
    await door.post(f"/drafts/{second}/edit", {**MINE}, role="rep")
    before = door.service.database.meter.copy()
    thread = await door.read(THREAD)
    assert door.service.database.meter.since(before).requests == 2
    plan = thread["plan"]
    assert {key: plan[key] for key in PLAN} == PLAN
    assert (plan["provenance"]["source"], thread["plan_in_force"]) == ("model", True)
    assert (thread["status"], thread["step"], thread["next_touch_at"]) == ("scheduled", 1, "2026-11-26T09:00:00.000Z")
    (touch,) = thread["touches"]
    first, last = touch["versions"]
    assert (first["decision"]["decision"], first["decision"]["feedback"]) == ("regenerate", "Shorter.")
    assert (last["decision"]["decided_by"], last["decision"]["approved"]) == ("the-rep", MINE)
    assert last["body"].startswith(EMAIL["body"])
    known = f"source: {FACT_BODY['source']}; observed 2026-09-30; confidence 90%"
    assert last["provenance"]["evidence"] == [f"close_days: {FACT_BODY['value']} ({known})"]
    assert touch["decision_provenance"]["source"] == "person"
    (email,) = door.mailer.delivered
    assert (touch["outcome"], touch["message_id"], touch["sent_at"]) == ("sent", email.message_id, email.sent_at)
    assert touch["ledger"]["state"] == "sent"


@pytest.mark.req("API-R14")
async def test_a_thread_says_why_it_waits(door: Door) -> None:
    """Due, running, waiting for a person, waiting for its gap, retried, parked: each has its code; an ended one has none."""
    await door.seed("ada")
    assert await because(door) == "sweep"
    assert len(await claim(door.service.campaigns.threads)) == 1
    assert await because(door) == "running"
    door.clock.advance(timedelta(minutes=4))
    await door.sweep()
    assert await because(door) == "approval"
    door.mailer.lose_answer()
    failed = (await door.post(f"/drafts/{await door.pending()}/approve")).json()
    assert (failed["status"], failed["sent"], failed["next_touch_at"]) == ("decided", False, "2026-11-23T09:05:00.000Z")
    assert failed["error"]
    assert await because(door) == "retry"
    door.clock.advance(timedelta(minutes=1))
    await door.sweep()
    assert await because(door) == "gap"
    door.clock.advance(timedelta(days=3))
    await door.sweep()
    door.mailer.refuse()
    await door.post(f"/drafts/{await door.pending()}/approve")
    assert await because(door) == "parked"
    await door.rows.set_threads(status="stopped")
    assert (await door.read(THREAD))["waiting_because"] is None


@pytest.mark.req("API-R14")
async def test_a_plan_that_is_switched_off_is_shown_as_not_in_force(door: Door) -> None:
    """It stays readable for audit."""
    await door.held_draft()
    await door.rows.store_flag("CAMPAIGN_COACH_ENABLED", 0)
    thread = await door.read(THREAD)
    assert (thread["plan"]["angle"], thread["plan_in_force"]) == (PLAN["angle"], False)


@pytest.mark.req("API-R14")
@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/campaigns/open/threads/ada", "campaign"),
        ("/campaigns/close/threads/eve", "contact"),
        ("/campaigns/close/threads/bob", "thread"),
        ("/drafts/none", "draft"),
        ("/drafts?campaign_id=open", "campaign"),
    ],
)
async def test_what_is_not_there_is_named(door: Door, path: str, kind: str) -> None:
    """404 says whether the campaign, the contact, the enrolment or the draft is missing."""
    await door.seed("ada")
    await door.post("/contacts", {"contacts": [{**CONTACT_BODY, "contact_id": "bob", "address": "bob@x.example"}]})
    answer = await door.ask("GET", path, "rep")
    assert (answer.status_code, answer.json()["type"]) == (404, f"urn:agentic-sales:unknown-{kind}")


async def pages(door: Door, **params: Any) -> list[list[str]]:
    """The contacts of every page of drafts."""
    found: list[list[str]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await door.read("/drafts", **params, **cursor)
        found.append([draft["contact_id"] for draft in page["drafts"]])
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


@pytest.mark.req("API-R15")
async def test_pages_show_each_draft_that_waits_once_the_oldest_first(door: Door) -> None:
    """What was decided is no longer listed, and a campaign's drafts are its own."""
    names = ["a", "b", "c", "d", "e"]
    for name in names:
        await door.seed(name)
        await door.sweep()
        door.clock.advance(timedelta(seconds=1))
    first = (await door.read("/drafts"))["drafts"][0]
    assert (first["contact_name"], first["company_name"], first["subject"]) == ("Ada Ngata", "Northwind", EMAIL["subject"])
    await door.post(f"/drafts/{first['draft_id']}/stop")
    assert await pages(door, limit=2) == [["b", "c"], ["d", "e"]]
    await door.post("/campaigns", {**CAMPAIGN_BODY, "campaign_id": "other"})
    assert await pages(door, campaign_id="other") == [[]]
    assert await pages(door, campaign_id="close", limit=3) == [["b", "c", "d"], ["e"]]


@pytest.mark.req("API-R15")
async def test_a_draft_decided_between_two_pages_moves_no_other(door: Door) -> None:
    """The page after it goes on where the one before ended."""
    await door.seed("a", "b", "c", "d")
    await door.sweep()
    page = await door.read("/drafts", limit=2)
    for draft in page["drafts"]:
        await door.post(f"/drafts/{draft['draft_id']}/stop")
    after = await door.read("/drafts", limit=2, cursor=page["next_cursor"])
    assert len({draft["draft_id"] for draft in page["drafts"] + after["drafts"]}) == 4


@pytest.mark.parametrize("params", [{"cursor": "x"}, {"cursor": "2~a~b"}, {"limit": 0}, {"limit": 101}])
async def test_a_page_that_cannot_be_is_422(door: Door, params: dict[str, Any]) -> None:
    """A cursor nobody gave and a limit out of bounds are refused."""
    assert (await door.ask("GET", "/drafts", "rep", params=params)).status_code == 422


@pytest.mark.req("API-R15")
async def test_a_card_is_all_a_person_decides_on(door: Door) -> None:
    """The text, whom it is to, the facts, what writing it took, and the version before it with its decision."""
    first = await door.held_draft()
    second = (await door.post(f"/drafts/{first}/regenerate", {"feedback": "Shorter."})).json()["next_draft_id"]
    card = await door.read(f"/drafts/{second}")
    assert (card["version"], card["status"], card["decision"]) == (2, "pending", None)
    assert card["sender"] == CAMPAIGN_BODY["sender"]
    assert card["contact"] == {
        "contact_id": "ada",
        "name": "Ada Ngata",
        "address": "ada@northwind.example",
        "title": "CFO",
        "company_name": "Northwind",
        "company_domain": "northwind.example",
    }
    assert [(fact["value"], fact["confidence"]) for fact in card["facts"]] == [(FACT_BODY["value"], 0.9)]
    assert card["graph_meta"]["prompt"] == "email:compose"
    assert [(other["draft_id"], other["decision"]["decision"]) for other in card["other_versions"]] == [(first, "regenerate")]
    await door.post(f"/drafts/{second}/edit", {**MINE})
    decided = await door.read(f"/drafts/{second}")
    assert (decided["subject"], decided["decision"]["approved"]) == (EMAIL["subject"], MINE)


@pytest.mark.req("APPROVAL-R13")
async def test_a_card_shows_when_the_plan_says_to_stop(door: Door) -> None:
    """In one request beside the token's; gone while the coach is off, and where the checkpoint cannot be read."""
    draft_id = await door.held_draft()
    before = door.service.database.meter.copy()
    assert (await door.read(f"/drafts/{draft_id}"))["stop_criteria"] == PLAN["stop_criteria"]
    assert door.service.database.meter.since(before).requests == 2
    await door.rows.store_flag("CAMPAIGN_COACH_ENABLED", 0)
    assert (await door.read(f"/drafts/{draft_id}"))["stop_criteria"] is None
    await door.rows.forget_flags()
    await door.rows.damage_checkpoints()
    assert (await door.read(f"/drafts/{draft_id}"))["stop_criteria"] is None


async def test_an_approval_over_http_takes_four_requests(door: Door) -> None:
    """The token's look-up, the decision with its run's reads, the reservation and the commit."""
    draft_id = await door.held_draft()
    before = door.service.database.meter.copy()
    assert (await door.post(f"/drafts/{draft_id}/approve")).json()["sent"]
    assert door.service.database.meter.since(before).requests == 4
