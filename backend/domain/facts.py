"""Facts about a company, and how many of them a writer is shown."""

import re
from collections.abc import Sequence
from typing import TypedDict

from backend.domain.text import cut_on_word, one_line

MAX_COMPANY_FACTS = 8
"""A writer sees the most confident ones; equals are ordered by field, then source, so the choice is stable."""
MAX_FACT_CHARS = 1_000
"""A fact may be a whole document; a prompt, and so its price, holds no more than this of it."""

_TOLD = 0.7
"""Of what a fact's words carry, the share that an email has to hold to have told it."""
_STEM_CHARS = 5
_SURE = "confidence"
_SURENESS = re.compile(rf"; {_SURE} (\d+)%\)$")
_WORD = re.compile(r"[a-z\u00df-\u024f]{5,}|\d+")
_UNSPACED = re.compile(r"[\u30a0-\u30ff\u3400-\u9fff]{2,}")


class Fact(TypedDict):
    """One thing somebody found out about a company."""

    field: str
    value: str
    confidence: float
    source: str
    observed_at: str


def evidence_of(fact: Fact) -> str:
    """The line under which a writer rests on a fact, and under which a card shows it."""
    observed_on = fact["observed_at"][:10]
    observed = f"; observed {observed_on}" if observed_on else ""
    return f"{_words_of(fact)}{observed}; {_SURE} {fact['confidence']:.0%})"


def overtaken(evidence: Sequence[str], facts: Sequence[Fact]) -> list[str]:
    """The lines of `evidence` for which no fact stands any more: another value, another source, or less sure than it was.

    A fact that was merely observed again, on another day, still stands; what is not a line of `evidence_of` is not judged.
    """
    told = [line for line in evidence if _SURENESS.search(line)]
    return [line for line in told if not any(_supports(fact, line) for fact in facts)]


def _supports(fact: Fact, line: str) -> bool:
    was, now = (_SURENESS.search(told) for told in (line, evidence_of(fact)))
    return line.startswith(f"{_words_of(fact)};") and was is not None and now is not None and int(was[1]) <= int(now[1])


def _words_of(fact: Fact) -> str:
    return f"{fact['field']}: {cut_on_word(one_line(fact['value']), MAX_FACT_CHARS)} (source: {fact['source']}"


def stems_of(text: str) -> set[str]:
    """Collect what carries a text: numbers, longer words cut to five letters, pairs of characters that need no blanks."""
    folded = text.casefold()
    words = {word[:_STEM_CHARS] for word in _WORD.findall(folded)}
    return words | {run[at : at + 2] for run in _UNSPACED.findall(folded) for at in range(len(run) - 1)}


def tells(text: str, value: str) -> bool:
    """Tell whether `text` holds seven in ten of the stems of a fact's `value`, in whatever order and wording."""
    stems = stems_of(value)
    return bool(stems) and len(stems & stems_of(text)) >= _TOLD * len(stems)
