"""What a rep gets without a model: six texts that claim nothing, ask one thing and do not repeat each other."""

import re
from typing import Any

import pytest

from backend.domain.campaign import email_payload
from backend.domain.closing import close
from backend.graphs.email_compose_graph import _default_email
from backend.graphs.writing import gather_evidence
from tests.fakes.clock import FixedClock
from tests.graphs.team import known_records


async def texts(**changes: Any) -> list[dict[str, str]]:
    """The six emails of a contact, closed as they leave."""
    campaign, dossier = await known_records().brief("close", "ada")
    known: Any = {**email_payload(campaign, dossier, {}, now=FixedClock().now(), step=0), **changes}
    payloads: list[Any] = [{**known, "step": step} for step in range(6)]
    emails = [_default_email(payload, gather_evidence(known)) for payload in payloads]
    return [{"subject": email["subject"], "body": close(email["body"], "Ben Ortiz")} for email in emails]


UNKNOWN: dict[str, Any] = {
    "contact": {"name": "", "first_name": "", "title": ""},
    "company": {"name": "", "domain": ""},
    "facts": [],
    "history": [],
}


@pytest.mark.req("TEXT-R12")
@pytest.mark.parametrize(
    "changes", [{}, UNKNOWN, {"company": {"name": "N" * 90, "domain": ""}}], ids=["known", "unknown", "long"]
)
async def test_each_of_the_six_keeps_its_bounds(changes: dict[str, Any]) -> None:
    """Length, subject, opening, the one question, and one way out."""
    for email in await texts(**changes):
        opening = email["body"].split("\n\n")[1]
        assert 60 <= len(email["body"].split()) <= 240
        assert 3 <= len(email["subject"]) <= 50
        assert len(re.findall(r"[.!?](?:\s|$)", opening)) <= 3
        assert email["body"].count("?") == email["body"].count("unsubscribe") == email["body"].count("Best regards") == 1


@pytest.mark.req("TEXT-R12")
async def test_a_fact_is_quoted_and_the_next_touch_quotes_another() -> None:
    """In quotation marks, because a fact need not be a sentence."""
    first, second, *_ = await texts()
    assert "(close days): “Its close takes three days”" in first["body"]
    assert "“It runs two ledgers”" in second["body"]


@pytest.mark.req("TEXT-R13")
async def test_what_is_not_known_is_not_spoken_of() -> None:
    """Neither a title, a firm and a fact that are missing, nor an email that was never sent."""
    told = " ".join(f"{email['subject']} {email['body']}" for email in await texts(**UNKNOWN))
    assert not re.search(r"your company|your team|first note|\d|\{\{|What I have read|last note|once again", told)


@pytest.mark.req("TEXT-R13")
async def test_no_touch_is_a_near_copy_of_another() -> None:
    """Of the runs of three words in two bodies, fewer than half are in both."""
    runs = [set(zip(words, words[1:], words[2:], strict=False)) for words in [e["body"].split() for e in await texts()]]
    shared = [len(a & b) / len(a | b) for n, a in enumerate(runs) for b in runs[:n]]
    assert max(shared) < 0.5
