"""Rules for text that came from outside: it stays data, it stays visible, it stays short."""

import re
import unicodedata
from collections.abc import Mapping

# Joiners, direction overrides, fillers, variation selectors, tags and lone surrogates: what steers or hides and is not seen.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff9-\ufffb\U000e0000-\U000e0fff\ud800-\udfff]",
)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_MERGE_FIELD = re.compile(r"\{\{\s*([A-Za-z_]+)\s*\}\}")
_MARK = re.compile("<{3,}|>{3,}")
UNRESOLVED_FIELD = re.compile(r"\{\{.*?\}\}|\{\{|\}\}", re.DOTALL)


def clean(text: str) -> str:
    """`text` in NFC without invisible characters, control characters or lone surrogates, and trimmed.

    Tabs and newlines stay. Idempotent. Source: OPERATIONS, untrusted text.
    """
    normal = text.replace("\r\n", "\n").replace("\r", "\n")
    while True:
        # NFC may join what stood around a removed character, so the rule runs until nothing changes.
        stripped = unicodedata.normalize("NFC", _CONTROL.sub("", _INVISIBLE.sub("", normal))).strip()
        if stripped == normal:
            return stripped
        normal = stripped


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


def fence(label: str, text: str) -> str:
    """`text` between marks that say it is data; no line of it can close the fence.

    Untrusted text (facts, replies, feedback) reaches a prompt only through this function.
    """
    body = _MARK.sub(lambda run: " ".join(run[0]), text)
    return f"<<<DATA {label}\n{body}\nDATA {label}>>>"
