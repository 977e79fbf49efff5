"""Whether the document says of a field what the code does with it, where JSON Schema can."""

import re
from functools import cache
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from backend.api.app import create_app
from backend.api.fields import DRAFT_ID_PATTERN, DraftVersionNumber, HeaderLine, Instant, Line, Link
from backend.graphs.campaign_graph import _TONES
from tests.api.door import Door
from tests.northwind import contact_body

SURROGATES = range(0xD800, 0xE000)


@cache
def adapter_of(field: Any) -> TypeAdapter[Any]:
    """What reads such a field; making one takes longer than a thousand values."""
    return TypeAdapter(field)


def is_taken(field: Any, value: object) -> bool:
    """Whether a body may hold this value in such a field."""
    try:
        adapter_of(field).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


def pattern_of(field: Any) -> str:
    """The pattern that the document gives for it."""
    return str(TypeAdapter(field).json_schema()["pattern"])


@pytest.mark.req("DOC-R1")
def test_the_pattern_of_a_text_is_what_cleaning_leaves() -> None:
    """Of every character of the planes in use the document says whether it alone is something to see, as the code does."""
    pattern = re.compile(pattern_of(Line))
    characters = [chr(number) for number in (*range(0x20000), *range(0xE0000, 0xE1001)) if number not in SURROGATES]
    assert [hex(ord(one)) for one in characters if bool(pattern.search(one)) is not is_taken(Line, one)] == []


@pytest.mark.req("DOC-R1")
@pytest.mark.parametrize("text", ["a =?", "=?utf-8?q?x?=", "a?=", "= ?", "\u200b", " a", "\n=?", "ü"])
def test_the_pattern_of_a_header_is_what_the_code_takes(text: str) -> None:
    """An encoded word is refused by both, anything else that shows something is taken by both."""
    assert bool(re.search(pattern_of(HeaderLine), text)) is is_taken(HeaderLine, text)


@pytest.mark.req("DOC-R1")
@pytest.mark.parametrize(
    ("raw", "taken"),
    [
        ("2026-11-22T09:30:00Z", True),
        ("2026-11-22T09:30:00.123456+13:00", True),
        ("2026-11-22T09:30Z", False),
        ("20261122T093000Z", False),
        ("2026-W47-7T09:30:00Z", False),
        ("2026-11-22 09:30:00Z", False),
        ("２026-11-22T09:30:00Z", False),  # noqa: RUF001  # another script's digit
        ("2026-11-22T09:30:00Z\n", False),
    ],
)
def test_an_instant_is_one_of_rfc_3339(raw: str, taken: bool) -> None:  # noqa: FBT001  # a parameter of the table
    """What Python would read beyond `date-time` is refused."""
    assert is_taken(Instant, raw) is taken


def test_a_link_holds_no_control_character() -> None:
    """Neither one that is seen nor one that is not."""
    assert is_taken(Link, "https://vendor.example/närvaro?a=1#b")
    assert [
        link for link in ("https://a.example/\x00", "https://a.example/\x85x", "https://a\x1b.example") if is_taken(Link, link)
    ] == []


@pytest.mark.req("DOC-R2")
def test_an_answer_says_what_it_always_holds() -> None:
    """Every member of every answer is required, there are no others, instants and ids have their form, tones are listed."""
    shapes = create_app().openapi()["components"]["schemas"]
    answers = {
        name: shape for name, shape in shapes.items() if not name.endswith("Body") and name not in {"Problem", "RefusedField"}
    }
    assert len(answers) > 20
    for name, shape in answers.items():
        assert set(shape["required"]) == shape["properties"].keys(), name
        assert shape["additionalProperties"] is False, name
        for member, schema in shape["properties"].items():
            parts = schema.get("anyOf", [schema])
            assert not member.endswith("_at") or parts[0]["format"] == "date-time", (name, member)
            assert not member.endswith("draft_id") or parts[0]["pattern"] == DRAFT_ID_PATTERN, (name, member)
    assert shapes["PlanView"]["properties"]["tone"]["enum"] == list(_TONES)


@pytest.mark.req("API-R15")
async def test_the_cursor_of_the_longest_ids_is_taken(door: Door) -> None:
    """Ids of 64 characters are allowed, so the place of a draft of theirs is one to go on from."""
    long = "c" * 64
    contacts = [contact_body(f"{number}{'a' * 63}", address=f"a{number}@northwind.example") for number in range(2)]
    await door.post("/contacts", {"contacts": contacts})
    campaign = {"campaign_id": long, "name": "x", "offer": "x", "sender": {"name": "Ben", "address": "ben@vendor.example"}}
    await door.post("/campaigns", campaign)
    await door.post(f"/campaigns/{long}/enrolments", {"contact_ids": [contact["contact_id"] for contact in contacts]})
    await door.sweep()
    first = await door.read("/drafts", limit=1)
    second = await door.read("/drafts", limit=1, cursor=first["next_cursor"])
    assert len({draft["draft_id"] for draft in first["drafts"] + second["drafts"]}) == 2
    assert second["next_cursor"] is None


@pytest.mark.req("API-R6")
@pytest.mark.parametrize("body", [{"contact_id": None}, {"contact_id": "ada", "contact_ids": None}, {"contact_ids": None}])
async def test_an_enrolment_names_exactly_one_thing(door: Door, body: dict[str, Any]) -> None:
    """A null beside it is one too many, and alone none."""
    assert (await door.post("/campaigns/close/enrolments", body)).status_code == 422


def test_a_whole_number_may_be_written_with_a_point() -> None:
    """JSON has one kind of number: the version 2.0 is the version 2, and 2.5 is none."""
    assert [value for value in (2, 2.0, 2.5, "2", 0, 1001.0) if is_taken(DraftVersionNumber, value)] == [2, 2.0]
