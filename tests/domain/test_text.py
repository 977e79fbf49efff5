"""Text from outside stays data, stays visible and stays short."""

import re
import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from backend.domain.text import UNRESOLVED_FIELD, clean, cut_on_word, fence, one_line, resolve_merge_fields
from tests.strategies import any_text, thorough

HIDDEN = (
    "\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u202e\u2060\u2066\u2800\u3164\ufe0f\ufeff\U000e0041\U000e0100\ud800\x00\x1b\x7f"
)


@thorough
@given(any_text)
@example(f"a{HIDDEN}\u0301")
def test_clean_text_is_visible_encodable_and_stays_clean(text: str) -> None:
    """No hidden character is left, the text is NFC, trimmed and fit for UTF-8, and cleaning again changes nothing."""
    cleaned = clean(text)
    assert not set(cleaned) & set(HIDDEN)
    assert unicodedata.is_normalized("NFC", cleaned)
    assert cleaned == cleaned.strip() == clean(cleaned)
    assert cleaned.encode().decode() == cleaned


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  two\r\nlines\rand a\ttab \n", "two\nlines\nand a\ttab"),
        (f"in{HIDDEN}visible", "invisible"),
        ("ignore \u202eeht\u202c order", "ignore eht order"),
        ("Mu\u0308ller", "Müller"),
        ("e\u200d\u0301", "é"),
        ("Grüße, 世界 👋", "Grüße, 世界 👋"),
    ],
)
def test_cleaning_keeps_what_a_person_wrote(text: str, cleaned: str) -> None:
    """Letters of every script, emoji, tabs and line ends stay."""
    assert clean(text) == cleaned


@given(any_text)
def test_one_line_is_one_line(text: str) -> None:
    """No line end and no run of spaces is left, and a second pass changes nothing."""
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert "  " not in line
    assert one_line(line) == line


@given(any_text, st.integers(1, 60))
@example("one two three", 7)
@example("one two three", 8)
@example("onetwothree", 4)
def test_a_cut_text_is_the_longest_whole_beginning(text: str, max_chars: int) -> None:
    """It is a beginning, it fits, it breaks no word while there is a space to break at, and cutting again changes nothing."""
    cut = cut_on_word(clean(text), max_chars)
    rest = clean(text)[len(cut) :]
    assert clean(text).startswith(cut)
    assert len(cut) <= max_chars
    assert not rest or rest[0].isspace() or not re.search(r"[ \n]", cut)
    assert cut_on_word(cut, max_chars) == cut


@pytest.mark.req("AA06-R23")
@thorough
@given(any_text, st.lists(st.sampled_from(["<", "<<<", ">", ">>>", "DATA", " ", "facts", "\n", "x"])).map("".join))
def test_nothing_inside_a_fence_opens_or_closes_one(text: str, marks: str) -> None:
    """The opening mark and the closing mark stand once each, first and last, whatever is fenced."""
    fenced = fence("facts", f"{marks}{text}{marks}")
    assert fenced.startswith("<<<DATA facts\n")
    assert fenced.endswith("\nDATA facts>>>")
    assert fenced.count("<<<") == fenced.count(">>>") == 1


@pytest.mark.req("AA06-R23")
@given(any_text)
def test_a_fence_changes_nothing_but_marks(text: str) -> None:
    """What holds no mark is shown to the model as it is."""
    assume("<<<" not in text)
    assume(">>>" not in text)
    assert fence("facts", text) == f"<<<DATA facts\n{text}\nDATA facts>>>"


@pytest.mark.req("AA06-R21")
@pytest.mark.parametrize(
    ("text", "resolved"),
    [
        ("Hello {{first_name}}", "Hello Ada"),
        ("Hello {{ First_Name }}", "Hello Ada"),
        ("{{first_name}} at {{company}}", "Ada at Engines Ltd"),
        ("Hello {{nickname}}", "Hello {{nickname}}"),
        ("As {{title}}", "As {{title}}"),
        ("Hello {{first name}}", "Hello {{first name}}"),
        ("{{loop}}", "{{first_name}}"),
    ],
)
def test_a_merge_field_is_filled_once_or_left(text: str, resolved: str) -> None:
    """A field without a value stays for the reviewer to name; a value is never read as a field."""
    fields = {"first_name": "Ada", "company": "Engines Ltd", "title": "", "loop": "{{first_name}}"}
    assert resolve_merge_fields(text, fields) == resolved


@given(any_text, any_text)
def test_an_unresolved_field_is_found_anywhere(before: str, after: str) -> None:
    """Braces in pairs are found whatever stands around them, and text without a pair holds none."""
    assert UNRESOLVED_FIELD.search(f"{before}{{{{name}}}}{after}")
    assert not UNRESOLVED_FIELD.search(before.replace("{", "").replace("}", ""))
