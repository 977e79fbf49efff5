"""What a refusal looks like, and what it does not say."""

import json
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from backend.errors import DatabaseUnreachable, StatementFailed
from backend.store.schema import D1Schema
from tests.api.door import BrokenDatabase, Door
from tests.northwind import CAMPAIGN_BODY, COMPANY_BODY, CONTACT_BODY, FACT_BODY

SECRET = "the words of the customer"
JSON = {"Content-Type": "application/json"}


def contact(**changes: Any) -> Any:
    """A body of one contact with these changes."""
    return {"contacts": [{**CONTACT_BODY, **changes}]}


def without(body: dict[str, Any], key: str) -> dict[str, Any]:
    """The body without this key."""
    return {name: value for name, value in body.items() if name != key}


def fact(**changes: Any) -> Any:
    """A body of one contact whose company's one fact has these changes."""
    return contact(company={**COMPANY_BODY, "facts": [{**FACT_BODY, **changes}]})


BAD_BODIES: list[tuple[str, str, Any, str]] = [
    ("no address", "/contacts", {"contacts": [without(CONTACT_BODY, "address")]}, "body.contacts.0.address"),
    ("two addresses", "/contacts", contact(address="a@x.example, b@x.example"), "body.contacts.0.address"),
    ("header in an address", "/contacts", contact(address="a@x.example\nBcc: b@x.example"), "body.contacts.0.address"),
    ("address beyond ASCII", "/contacts", contact(address="jörg@x.example"), "body.contacts.0.address"),
    ("unknown key", "/contacts", contact(admin=True), "body.contacts.0"),
    ("text for a switch", "/contacts", contact(replied="yes"), "body.contacts.0.replied"),
    ("unknown time zone", "/contacts", contact(time_zone="../../etc/passwd"), "body.contacts.0.time_zone"),
    ("id with a colon", "/contacts", contact(contact_id="a:b"), "body.contacts.0.contact_id"),
    ("over-long name", "/contacts", contact(name="x" * 201), "body.contacts.0.name"),
    ("invisible name", "/contacts", contact(name="\u200b\u2060"), "body.contacts.0.name"),
    ("encoded name", "/contacts", contact(name="=?utf-8?q?x?="), "body.contacts.0.name"),
    ("half a surrogate pair", "/contacts", contact(name="\ud800"), "body.contacts.0.name"),
    ("naive instant", "/contacts", fact(date="2026-10-01T00:00:00"), "body.contacts.0.company.facts.0.date"),
    ("a day for an instant", "/contacts", fact(date="2026-10-01"), "body.contacts.0.company.facts.0.date"),
    ("a number for an instant", "/contacts", fact(date=1700000000), "body.contacts.0.company.facts.0.date"),
    ("before the year 1", "/contacts", fact(date="0001-01-01T00:00:00+14:00"), "body.contacts.0.company.facts.0.date"),
    ("confidence over 1", "/contacts", fact(confidence=1.01), "body.contacts.0.company.facts.0.confidence"),
    ("confidence that is no number", "/contacts", fact(confidence=float("nan")), "body.contacts.0.company.facts.0.confidence"),
    ("no contacts", "/contacts", {"contacts": []}, "body.contacts"),
    ("one contact too many", "/contacts", {"contacts": [CONTACT_BODY] * 501}, "body.contacts"),
    ("a contact twice", "/contacts", {"contacts": [CONTACT_BODY, CONTACT_BODY]}, "body"),
    ("no body", "/contacts", None, "body"),
    ("no object", "/contacts", [], "body"),
    ("no sender", "/campaigns", without(CAMPAIGN_BODY, "sender"), "body.sender"),
    (
        "a link of another kind",
        "/campaigns",
        {**CAMPAIGN_BODY, "allowed_links": ["javascript:alert(1)"]},
        "body.allowed_links.0",
    ),
    ("blank offer", "/campaigns", {**CAMPAIGN_BODY, "offer": " \n "}, "body.offer"),
    ("nobody", "/campaigns/close/enrolments", {}, "body"),
    ("one and many", "/campaigns/close/enrolments", {"contact_id": "a", "contact_ids": ["b"]}, "body"),
    ("an edit of nothing", "/drafts/x/edit", {"subject": "Mine"}, "body.body"),
    ("an edit with a header", "/drafts/x/edit", {"subject": "=?utf-8?q?x?=", "body": "Mine."}, "body.subject"),
    ("version 0", "/drafts/x/approve", {"version": 0}, "body.version"),
    ("a version that is no number", "/drafts/x/approve", {"version": "1"}, "body.version"),
    ("over-long feedback", "/drafts/x/regenerate", {"feedback": "x" * 2001}, "body.feedback"),
    ("an id with a space", "/drafts/a%20b/approve", {}, "path.draft_id"),
]


@pytest.mark.req("API-R6")
@pytest.mark.parametrize(("path", "body", "where"), [case[1:] for case in BAD_BODIES], ids=[case[0] for case in BAD_BODIES])
async def test_a_bad_body_is_422_and_names_the_field(door: Door, path: str, body: Any, where: str) -> None:
    """The answer says which field and why, and nothing is written."""
    before = await door.rows.everything()
    answer = await door.ask("POST", path, content=json.dumps(body), headers=JSON)
    problem = answer.json()
    assert (answer.status_code, problem["errors"][0]["where"]) == (422, where), problem
    assert where in problem["detail"]
    assert await door.rows.everything() == before


@pytest.mark.req("API-R6")
@pytest.mark.parametrize("content", [b"", b"{", b"[" * 200_000, b'{"contacts": "\xff"}', b"1" * 5000, b"<xml/>"])
async def test_what_is_no_json_is_422(door: Door, content: bytes) -> None:
    """However a body fails to be JSON, it is the sender's mistake."""
    answer = await door.ask("POST", "/contacts", content=content, headers=JSON)
    assert (answer.status_code, answer.headers["Content-Type"]) == (422, "application/problem+json")


@pytest.mark.req("API-R5")
async def test_a_refusal_repeats_nothing_of_the_request(door: Door) -> None:
    """Neither the answer nor the log holds a word of the body, be it a value that is wrong or one beside it."""
    with capture_logs() as logs:
        answer = await door.post("/contacts", contact(name=SECRET * 20, title=SECRET, address=SECRET, replied=SECRET))
        unreadable = await door.ask("POST", "/contacts", content=f'{{"a": "{SECRET}"'.encode(), headers=JSON)
    assert SECRET not in answer.text + unreadable.text + str(logs)


@pytest.mark.req("API-R5")
async def test_what_nobody_foresaw_is_500_without_a_word_of_it(door: Door) -> None:
    """The answer says nothing of the failure, and the log says where it happened and not what it quoted."""
    door.app.state.service = replace(door.service, schema=D1Schema(BrokenDatabase(door.service.database, RuntimeError(SECRET))))
    with capture_logs() as logs:
        answer = await door.client.get("/readyz")
    assert (answer.status_code, answer.json()["title"]) == (500, "Internal Server Error")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    (line,) = logs
    assert (line["event"], line["error"], line["path"]) == ("request.crashed", "RuntimeError", "/readyz")
    assert line["exception"][-1].endswith(" batch")
    assert SECRET not in answer.text + str(line)


@pytest.mark.req("API-R5")
async def test_the_database_speaks_to_the_log_alone(door: Door) -> None:
    """D1's own words about a statement stay inside; that it gave no answer is said."""
    for failure, said in [
        (StatementFailed(SECRET), "D1 ran the batch and refused it; all of it was rolled back. Never retried."),
        (DatabaseUnreachable("timeout", tries=5), str(DatabaseUnreachable("timeout", tries=5))),
    ]:
        door.app.state.service = replace(door.service, schema=D1Schema(BrokenDatabase(door.service.database, failure)))
        answer = await door.client.get("/readyz")
        assert (answer.status_code, answer.json()["detail"]) == (503, said)


@pytest.mark.req("API-R5")
async def test_the_facts_of_a_failure_are_members(door: Door) -> None:
    """A program reads who decided without parsing a sentence."""
    draft_id = await door.held_draft()
    await door.post(f"/drafts/{draft_id}/reject")
    answer = await door.post(f"/drafts/{draft_id}/approve")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:agentic-sales:draft-already-decided",
        "title": "Draft already decided",
        "status": 409,
        "detail": f"Draft '{draft_id}' was decided before: reject by the-operator at 2026-11-23T09:00:00.000Z.",
        "decision": "reject",
        "decided_by": "the-operator",
        "decided_at": "2026-11-23T09:00:00.000Z",
    }


@pytest.mark.req("API-R6")
@pytest.mark.parametrize(
    ("content", "kind", "why"),
    [
        ("{}", "text/plain", "is not read without the header Content-Type: application/json"),
        ("{}", "", "is not read without the header Content-Type: application/json"),
        ("[]", "application/json", "Input should be a valid dictionary or object to extract fields from"),
        ('{"a": }', "application/json; charset=utf-8", "is not JSON from character 7 on"),
    ],
)
async def test_a_body_that_cannot_be_read_says_why(door: Door, content: str, kind: str, why: str) -> None:
    """Another content type, another kind of JSON and broken JSON are three sentences, all of the field `body`."""
    answer = await door.ask("POST", "/contacts", content=content, headers={"Content-Type": kind} if kind else {})
    assert answer.json()["errors"] == [{"where": "body", "why": why}]


@pytest.mark.req("API-R6")
@pytest.mark.parametrize("link", ["vendor.example", "https://vendor.example/a b", "https://vendor.example."])
async def test_a_link_or_an_id_is_refused_in_words(door: Door, link: str) -> None:
    """Nobody has to read a regular expression, in a body or in a path."""
    answer = await door.post("/campaigns", {**CAMPAIGN_BODY, "allowed_links": [link]})
    assert answer.json()["errors"][0]["why"].startswith("is not a link such as https://host.example/page")
    assert "is not 1 to 64 letters" in (await door.ask("GET", "/campaigns/a:b/threads/ada")).json()["detail"]


@pytest.mark.req("API-R6")
@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("ada@localhost", "is at a name without a dot"),
        ("ada@printer.local", "is at a name without a dot or one kept for special use"),
        ("ada@", "is not exactly one email address"),
        ("ada ngata@x.example", "is not exactly one email address"),
        ("a@x.example, b@x.example", "is not exactly one email address"),
    ],
)
async def test_an_address_is_refused_for_what_it_is(door: Door, address: str, why: str) -> None:
    """Malformed, or at a domain that has no mail; an address of a test domain is neither."""
    answer = await door.post("/contacts", contact(address=address))
    assert answer.json()["errors"][0]["why"].startswith(why)
    assert (await door.post("/contacts", contact(address="ada@host.test"))).status_code == 200


@pytest.mark.req("API-R25")
async def test_an_unknown_path_and_another_method_are_problems_too(door: Door) -> None:
    """404 where there is nothing, also with a slash too many; 405 where there is, with what it takes."""
    for path in ("/", "/nothing", "/drafts/", "/drafts/a/b/c"):
        answer = await door.client.get(path)
        assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json"), path
    wrong = await door.client.delete("/contacts")
    assert (wrong.status_code, wrong.headers["Allow"], wrong.json()["status"]) == (405, "POST", 405)


async def test_an_answer_stays_out_of_caches_and_frames(door: Door) -> None:
    """Every answer, good or bad, bears the headers that keep it private."""
    for path in ("/healthz", "/drafts", "/nothing"):
        headers = (await door.client.get(path)).headers
        assert headers["Cache-Control"] == "no-store"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
