"""Every plan and every decision carries the same four fields: who says so, how surely, why, and resting on what."""

from collections.abc import Iterable
from typing import Literal, TypedDict

Source = Literal["model", "default", "rule", "person"]


class Provenance(TypedDict):
    """The envelope stamped on a plan, a draft or a decision; it is kept in the checkpoint."""

    confidence: float
    reason: str
    source: Source
    evidence: list[str]


def provenance(source: Source, reason: str, *, confidence: float, evidence: Iterable[str] = ()) -> Provenance:
    """Build the envelope; `confidence` is clamped into 0.0-1.0, and NaN is 0.0."""
    return Provenance(confidence=min(max(0.0, confidence), 1.0), reason=reason, source=source, evidence=list(evidence))
