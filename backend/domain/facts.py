"""Facts about a company, and how many of them a writer is shown."""

from typing import TypedDict

MAX_COMPANY_FACTS = 8
"""A writer sees the most confident ones; equals are ordered by field, then source, so the choice is stable."""


class Fact(TypedDict):
    """One thing somebody found out about a company."""

    field: str
    value: str
    confidence: float
    source: str
    observed_at: str
