"""AA06: the reviewer passes no draft that is empty or holds a field nobody filled."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.text import clean
from backend.graphs.email_orchestrator_graph import _review_draft
from tests.strategies import any_json, any_text, thorough

BODY = "Hello Ada,\n\nmay I ask one thing?"

blank = st.text(st.sampled_from(" \n\t\r\u00a0\u00ad\u2003\u200b\u200d\u200e\u202e\u2060\u3164\ufeff\ufe0f\x00\U000e0041"))
around = st.tuples(any_text, any_text)


@pytest.mark.req("AA06-R18")
@given(blank, any_text)
def test_an_empty_body_never_passes(body: str, subject: str) -> None:
    """A body in which there is nothing to see is empty, whatever invisible characters it is made of."""
    review = _review_draft({"subject": subject, "body": body})
    assert not review["review_passed"]
    assert "the body is empty" in review["review_notes"]


@pytest.mark.req("AA06-R18")
@thorough
@given(st.sampled_from(["subject", "body"]), around, any_text)
def test_an_unresolved_field_never_passes(part: str, around: tuple[str, str], name: str) -> None:
    """Two braces around anything at all, anywhere in the subject or the body, are found and noted."""
    before, after = around
    review = _review_draft({"subject": "A question", "body": BODY} | {part: f"{before}{{{{{name}}}}}{after}"})
    assert not review["review_passed"]
    assert any(f"the {part} holds an unresolved" in note for note in review["review_notes"])


@pytest.mark.req("AA06-R18")
@given(any_text.filter(lambda text: clean(text) and not set(text) & set("{}[<")))
def test_a_whole_draft_passes_without_a_note(body: str) -> None:
    """The reviewer has no opinion on what a draft says."""
    assert _review_draft({"subject": "A question", "body": body}) == {"review_passed": True, "review_notes": []}


@pytest.mark.req("AA06-R18")
@pytest.mark.parametrize(
    ("draft", "notes"),
    [
        ({"subject": "A question", "body": BODY}, []),
        ({"subject": "A question", "body": "{one} brace { } is prose }"}, []),
        ({"subject": "", "body": BODY}, []),
        ({"subject": "A question", "body": ""}, ["the body is empty"]),
        ({"subject": "A question", "body": " \n\u200b"}, ["the body is empty"]),
        ({"subject": "A question", "body": None}, ["the body is empty"]),
        ({}, ["the body is empty"]),
        ({"body": "Hello {{first_name}}"}, ["the body holds an unresolved {{first_name}}"]),
        ({"body": "Hello {{ a }} and {{b}}"}, ["the body holds an unresolved {{ a }}", "the body holds an unresolved {{b}}"]),
        ({"body": "Hello {{first\n_name}}"}, ["the body holds an unresolved {{first\n_name}}"]),
        ({"body": "Hello {\u200b{first_name}\u200b}"}, ["the body holds an unresolved {{first_name}}"]),
        ({"body": "Hello {{first_name"}, ["the body holds an unresolved {{"]),
        ({"body": "Hello first_name}}"}, ["the body holds an unresolved }}"]),
        ({"subject": "For {{company}}", "body": BODY}, ["the subject holds an unresolved {{company}}"]),
        ({"body": "Hello [First Name]"}, ["the body holds an unresolved [First Name]"]),
        ({"subject": "For <company>", "body": BODY}, ["the subject holds an unresolved <company>"]),
        ({"subject": "{{a}}", "body": ""}, ["the body is empty", "the subject holds an unresolved {{a}}"]),
    ],
    ids=repr,
)
def test_the_notes_name_each_finding(draft: dict[str, Any], notes: list[str]) -> None:
    """The verdict is the notes: a draft passes exactly when there are none."""
    assert _review_draft(draft) == {"review_passed": not notes, "review_notes": notes}


@given(st.fixed_dictionaries({}, optional={"subject": any_json, "body": any_json, "provenance": any_json}) | any_json)
def test_the_reviewer_raises_nothing(draft: Any) -> None:
    """A verdict comes out whatever goes in; what is no draft has an empty body."""
    review = _review_draft(draft)
    assert review["review_passed"] == (not review["review_notes"])
