"""Rules for text that came from outside: it stays data, it stays visible, it stays short."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Literal

# Joiners, direction overrides, fillers, variation selectors, tags and lone surrogates: what steers or hides and is not seen.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff9-\ufffb\U000e0000-\U000e0fff\ud800-\udfff]",
)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LINE_END = re.compile("\r\n?|[\x85\u2028\u2029]")
_MERGE_FIELD = re.compile(r"\{\{\s*([A-Za-z_]+)\s*\}\}")
_MARK = re.compile("<{3,}|>{3,}")
# A placeholder is words in one pair of brackets; `[1]`, `[…]`, `[sic]`, `[see below]` and a link in Markdown are none.
_WORDS = r"[^\W\d_][\w '’/&:-]{0,40}"
_ASIDE = r"(?:sic|ext|external|see|cf|emphasis|translated)\b"
UNRESOLVED_FIELD = re.compile(
    r"\{\{[^{}]*\}\}|\{\{|\}\}"
    rf"|[\[［【] ?(?!{_ASIDE}){_WORDS}[\]］】](?!\()|<[^\W\d_][\w '’-]{{0,40}}>"
    r"|\{(?:[a-z]{0,20}(?:name|company|title|firm)[a-z]{0,20}|[a-z]{1,20}_[a-z_]{1,20})\}"
    r"|%[a-z_]{3,30}%|\*\|\w{2,30}\|\*|\bX{3,}\b",
    re.IGNORECASE,
)
"""A field that was meant to be filled and was not: `{{field}}`, a pair of braces left alone, `[First Name]`, `<name>`."""
UNSAFE_IN_HEADER = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]|=\\?")
"""A place in a line of mail where another header or encoded text could begin."""
MAX_MARKS = 30
"""On one letter; more is no script but an attack, because NFC sorts them in quadratic time (UAX #15, stream-safe text)."""
_MARKS_IN_PARTS = frozenset("\u0f73\u0f75\u0f81")


def clean(text: str) -> str:
    """`text` in NFC without invisible characters, control characters or lone surrogates, and trimmed.

    Tabs stay, every line end is a newline, and of the marks on one letter the first `MAX_MARKS` stay. Idempotent, and linear
    in the length of `text`. Source: OPERATIONS, untrusted text.
    """
    normal = _LINE_END.sub("\n", text)
    while True:
        # NFC may join what stood around a removed character, so the rule runs until nothing changes.
        visible = _cut_marks(_CONTROL.sub("", _INVISIBLE.sub("", normal)))
        stripped = unicodedata.normalize("NFC", visible).strip()
        if stripped == normal:
            return stripped
        normal = stripped


def _cut_marks(text: str) -> str:
    if text.isascii() or not (any(map(unicodedata.combining, text)) or not _MARKS_IN_PARTS.isdisjoint(text)):
        return text
    kept, marks = list[str](), 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) or character in _MARKS_IN_PARTS else 0
        if marks <= MAX_MARKS:
            kept.append(character)
    return "".join(kept)


def one_line(text: str) -> str:
    """`clean(text)` with every run of white space folded into one space."""
    return " ".join(clean(text).split())


def cut_on_word(text: str, max_chars: int) -> str:
    """The longest prefix of `text` of at most `max_chars` characters that ends on a word, or on a character if none does."""
    if len(text) <= max_chars:
        return text
    head = text[: max_chars + 1]
    boundary = max(head.rfind(" "), head.rfind("\n"))
    return text[:boundary].rstrip() if boundary > 0 else text[:max_chars]


def resolve_merge_fields(text: str, fields: Mapping[str, str]) -> str:
    """`text` with each `{{name}}` that `fields` has a non-empty value for replaced; the others stay for the reviewer."""
    return _MERGE_FIELD.sub(lambda match: fields.get(match[1].lower()) or match[0], text)


def fence(label: str, text: str, mark: Literal["DATA", "WISH"] = "DATA") -> str:
    """`text` between marks that say it is data, or a wish about the text; no line of it can close the fence.

    Untrusted text (facts, replies, feedback) reaches a prompt only through this function.
    """
    body = _MARK.sub(lambda run: " ".join(run[0]), text)
    return f"<<<{mark} {label}\n{body}\n{mark} {label}>>>"
