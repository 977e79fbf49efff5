"""Facts about a company, and how many of them a writer is shown."""

import re
from typing import TypedDict

MAX_COMPANY_FACTS = 8
"""A writer sees the most confident ones; equals are ordered by field, then source, so the choice is stable."""


_TOLD = 0.7
"""Of what a fact's words carry, the share that an email has to hold to have told it."""
_STEM_CHARS = 5
_WORD = re.compile(r"[a-z\u00df-\u024f]{5,}|\d+")
_UNSPACED = re.compile(r"[\u30a0-\u30ff\u3400-\u9fff]{2,}")


class Fact(TypedDict):
    """One thing somebody found out about a company."""

    field: str
    value: str
    confidence: float
    source: str
    observed_at: str


def stems_of(text: str) -> set[str]:
    """Collect what carries a text: numbers, longer words cut to five letters, pairs of characters that need no blanks."""
    folded = text.casefold()
    words = {word[:_STEM_CHARS] for word in _WORD.findall(folded)}
    return words | {run[at : at + 2] for run in _UNSPACED.findall(folded) for at in range(len(run) - 1)}


def tells(text: str, value: str) -> bool:
    """Tell whether `text` holds seven in ten of the stems of a fact's `value`, in whatever order and wording."""
    stems = stems_of(value)
    return bool(stems) and len(stems & stems_of(text)) >= _TOLD * len(stems)
