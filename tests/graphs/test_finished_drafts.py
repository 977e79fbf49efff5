"""The last rules on a draft: what outsiders wrote brings in no link and no field, and mail can carry what comes out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.campaign import Draft, Email, email_payload
from backend.domain.links import strange_links
from backend.domain.text import fence
from backend.graphs import email_compose_graph, email_reply_graph
from backend.graphs.email_reply_graph import _reply_subject
from backend.graphs.writing import MAX_BODY_CHARS, MAX_SUBJECT_CHARS, WorkerDeps
from backend.mail.message import render
from backend.ports import OutgoingEmail
from tests.fakes.clock import FixedClock
from tests.fakes.scripted_model import ScriptedLLM
from tests.graphs.team import EMAIL, known_records
from tests.northwind import LINK
from tests.strategies import any_text

COMPOSE: Any = email_compose_graph.build()
REPLY: Any = email_reply_graph.build()
LURES = ["https://evil.example/now", "www.evil.example/co", "evil.example.com", "evil.com:8080/x", "mailto:a@evil.example"]


def silent() -> ScriptedLLM:
    """A model that may not be asked."""
    return ScriptedLLM({}, switched_off=True)


def says(subject: str, body: str) -> ScriptedLLM:
    """A model that writes this email."""
    return ScriptedLLM({"email:compose": {"subject": subject, "body": body}})


def fact(value: str) -> dict[str, Any]:
    """A fact with this value."""
    return {"field": "news", "value": value, "confidence": 1.0, "source": "web", "observed_at": ""}


async def drafted(model: ScriptedLLM, graph: Any = COMPOSE, **options: Any) -> Draft:
    """What a writer makes of the known contact's payload with these options."""
    campaign, dossier = await known_records().brief("close", "ada")
    payload = {**email_payload(campaign, dossier, {}, now=FixedClock().now(), step=0), **options}
    draft: Draft = (await graph.ainvoke({"payload": payload}, context=WorkerDeps(model)))["draft"]
    return draft


def posted(draft: Draft) -> OutgoingEmail:
    """The draft as it would be sent if a person approved it."""
    return OutgoingEmail(
        message_id="<a@vendor.example>",
        idempotency_key="a",
        sender_name="Ben Ortiz",
        sender_address="ben@vendor.example",
        recipient_name="Ada",
        recipient_address="ada@northwind.example",
        subject=draft["subject"],
        body=draft["body"],
        sent_at="2026-11-30T09:00:00.000Z",
    )


@pytest.mark.req("AA06-R24")
@pytest.mark.parametrize("lure", [*LURES, "{{sender_name}}", "{\u200b{name}}"], ids=ascii)
async def test_the_default_draft_quotes_the_first_fact_without_a_lure(lure: str) -> None:
    """A fact with a link or a merge field is passed over; when none is left, nothing is quoted."""
    facts = [fact(f"Big news {lure}"), fact("It runs two ledgers.")]
    assert "“It runs two ledgers.”" in (await drafted(silent(), facts=facts))["body"]
    alone = (await drafted(silent(), facts=facts[:1]))["body"]
    assert "Big news" not in alone
    assert "evil" not in alone


@pytest.mark.req("AA06-R24")
@pytest.mark.parametrize("lure", LURES)
@pytest.mark.parametrize("step", range(6))
async def test_no_record_brings_a_link_into_the_default_draft(lure: str, step: int) -> None:
    """Names and titles that are links are left out, and an offer loses the link that its campaign does not allow."""
    draft = await drafted(
        silent(),
        step=step,
        contact={"name": lure, "first_name": lure, "title": lure},
        company={"name": lure, "domain": lure},
        offer=f"We shorten the close, see {lure} or {LINK}.",
    )
    assert "evil" not in f"{draft['subject']}{draft['body']}"
    assert f"We shorten the close, see or {LINK}." in draft["body"]
    assert draft["subject"]


@pytest.mark.req("AA06-R21", "AA06-R24")
@pytest.mark.parametrize("lure", LURES)
async def test_a_merge_value_that_is_a_link_is_left_for_the_reviewer(lure: str) -> None:
    """The model wrote a field; what would have filled it is a link, so the field stays."""
    draft = await drafted(says("For {{company}}", "Hello {{first_name}} of {{company}}."), company={"name": lure, "domain": ""})
    assert draft["provenance"]["source"] == "model"
    assert draft["subject"] == "For {{company}}"
    assert draft["body"].startswith("Hello Ada of {{company}}.\n")


@pytest.mark.req("AA06-R24")
async def test_a_link_made_of_a_merge_value_is_found() -> None:
    """Links are looked for in the finished text, so one that is put together there is one as well."""
    draft = await drafted(says("Hi", "See {{company}}/pay and www.{{company}}."), company={"name": "Evil.com", "domain": ""})
    assert draft["provenance"]["source"] == "default"
    assert strange_links(draft["body"], [LINK]) == []


@pytest.mark.req("AA06-R24")
@given(any_text, any_text, any_text, st.sampled_from(LURES))
async def test_no_default_draft_holds_a_strange_link(name: str, title: str, value: str, lure: str) -> None:
    """Whatever stands around a link, in whichever record."""
    draft = await drafted(
        silent(),
        contact={"name": f"{name}{lure}", "first_name": f"{lure}{name}", "title": f"{title}{lure}"},
        company={"name": f"{value}{lure}{name}", "domain": ""},
        facts=[fact(f"{value}{lure}")],
        offer=f"{title}{lure}{value}",
    )
    assert strange_links(f"{draft['subject']}\n{draft['body']}", [LINK]) == []


@pytest.mark.req("AA06-R24")
@pytest.mark.parametrize("subject", [f"Re: {LURES[0]}", "RE: {{sender_name}}", "evil.example/x"])
async def test_the_default_reply_repeats_no_lure_in_its_subject(subject: str) -> None:
    """Somebody else wrote that subject."""
    draft = await drafted(silent(), REPLY, incoming=Email(subject=subject, body="Hello"))
    assert draft["subject"] == "Re: your email"


def test_a_subject_full_of_answers_is_read_once() -> None:
    """A hundred thousand `Re:` are one."""
    assert _reply_subject(f"{100_000 * 'Re: '}Hi") == "Re: Hi"


@pytest.mark.parametrize(
    ("subject", "carried"),
    [
        ("=?utf-8?q?Hi?=", "= ?utf-8?q?Hi?="),
        ("One\u2028two\x85three", "One two three"),
        ("A\x9b\x1bB", "AB"),
        ("=\u200b?", "= ?"),
    ],
    ids=ascii,
)
async def test_a_subject_is_one_that_mail_can_carry(subject: str, carried: str) -> None:
    """No control character, no line break and no beginning of encoded text is left, whoever wrote the email."""
    for draft in (
        await drafted(says(subject, "Hello")),
        await drafted(says("{{company}}", "Hello"), company={"name": subject, "domain": ""}),
    ):
        assert draft["subject"] == carried
        assert render(posted(draft))
    reply = await drafted(silent(), REPLY, incoming=Email(subject=subject, body="Hello"))
    assert reply["subject"] == f"Re: {carried}"
    assert render(posted(reply))


@pytest.mark.req("AA06-R25")
@given(any_text, any_text)
async def test_whatever_a_model_writes_the_draft_can_be_sent(subject: str, body: str) -> None:
    """The draft has a subject and a body, and the renderer takes it."""
    draft = await drafted(says(subject, body))
    assert draft["subject"]
    assert render(posted(draft))


@pytest.mark.parametrize("unit", ["a", "a.", "\u0301\u0323", "{{", "{{a", "://", "www.", "a@b."], ids=ascii)
async def test_no_answer_keeps_the_writer_busy(unit: str) -> None:
    """Two hundred thousand characters of the worst kind become a draft of bounded length."""
    text = 200_000 // len(unit) * unit
    draft = await drafted(says(text, text))
    assert len(draft["subject"]) <= MAX_SUBJECT_CHARS
    assert len(draft["body"]) <= MAX_BODY_CHARS + 200


@pytest.mark.req("AA06-R23")
async def test_who_writes_again_reads_what_was_turned_down() -> None:
    """The version the feedback is about stands fenced before it, and no prompt without one mentions any."""
    model = ScriptedLLM({"email:compose": EMAIL})
    await drafted(model, feedback="Shorter.", rejected=Email(subject="Old", body="Old words."))
    await drafted(model)
    again, first = (asked.prompt.user for asked in model.asked)
    assert fence("draft to improve", "Old\nOld words.") in again
    assert fence("feedback of the approver", "Shorter.", "WISH") in again
    assert "draft to improve" not in first
