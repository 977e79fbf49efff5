"""Text from outside stays data, stays visible and stays short."""

import re
import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from backend.domain.text import MAX_MARKS, UNRESOLVED_FIELD, clean, cut_on_word, fence, one_line, resolve_merge_fields
from tests.strategies import any_text, thorough

MARKS = "\u0301\u0323\u0344\u0f71\u0f73\u0f75\u0f81\u1dce"
HIDDEN = (
    "\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u202e\u2060\u2066\u2800\u3164\ufe0f\ufeff\U000e0041\U000e0100\ud800"
    "\x00\x1b\x7f\x80\x9f"
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
        ("three\x85more\u2028of\u2029them", "three\nmore\nof\nthem"),
        ("Vie\u0302\u0323t", "Việt"),
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


@thorough
@given(st.text(st.sampled_from(f"a {MARKS}\u200b\u1100\u1161"), max_size=40), st.sampled_from(MARKS), st.integers(0, 99))
def test_no_letter_carries_more_marks_than_a_script_knows(text: str, mark: str, times: int) -> None:
    """However they are spelled and whatever hides between them, and cleaning again still changes nothing."""
    cleaned = clean(text + times * mark + text)
    assert cleaned == clean(cleaned) == unicodedata.normalize("NFC", cleaned)
    runs = re.findall(f"[{MARKS}\u0f72\u0f74\u0f80\u0308]+", unicodedata.normalize("NFD", cleaned))
    assert all(len(run) <= MAX_MARKS + 3 for run in runs)


def test_every_character_that_sorts_as_a_mark_is_counted_as_one() -> None:
    """Of all code points, none that decomposes into marks slips past the count, so no run of one kind is longer than it."""
    sorted_by_nfc = [
        chr(point) for point in range(0x110000) if unicodedata.combining(unicodedata.normalize("NFD", chr(point))[0])
    ]
    assert len(sorted_by_nfc) > 900
    assert [mark for mark in sorted_by_nfc if len(clean(f"a{100 * mark}")) > MAX_MARKS + 1] == []


@pytest.mark.parametrize(
    "unit", ["\u0301\u0323", "\u0f73", "\u0f75\u0301", "{{", "{{a", "}}", "{{ ", "\u200b{", "<<", "re:", "\r"], ids=ascii
)
def test_no_repetition_outlasts_the_reader(unit: str) -> None:
    """Two hundred thousand characters of the worst kind pass every rule here; one that is not linear would not end."""
    text = f"a{200_000 // len(unit) * unit}b"
    cleaned = clean(text)
    assert len(one_line(text)) <= len(cleaned) + 1
    assert len("".join(UNRESOLVED_FIELD.findall(cleaned))) <= len(cleaned)
    assert resolve_merge_fields(text, {"a": "x"})
    assert fence("facts", text).count("<<<") == 1


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
    """Braces in pairs are found whatever stands around them, and text without brackets holds none."""
    assert UNRESOLVED_FIELD.search(f"{before}{{{{name}}}}{after}")
    assert not UNRESOLVED_FIELD.search(before.translate(dict.fromkeys(map(ord, "{}[<"))))
