"""What is known about a company, and which of it a writer is shown."""

from collections.abc import Iterable
from typing import TypedDict

MAX_COMPANY_FACTS = 8


class Fact(TypedDict):
    """One thing somebody found out about a company."""

    field: str
    value: str
    confidence: float
    source: str
    observed_at: str


def best_facts(facts: Iterable[Fact]) -> list[Fact]:
    """At most 8 facts, the most confident first; equals keep the order of field and source, so the choice is stable."""
    ordered = sorted(facts, key=lambda fact: (-fact["confidence"], fact["field"], fact["source"]))
    return ordered[:MAX_COMPANY_FACTS]
