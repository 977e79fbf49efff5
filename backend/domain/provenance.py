"""Every plan and every decision carries the same four fields: who says so, how surely, why, and resting on what."""

from collections.abc import Iterable
from typing import Literal, TypedDict

Source = Literal["model", "default", "rule", "person"]

MODEL_SAID_SO = 0.5
"""The confidence of a plan: a fixed value, not computed, that means a model said so and was shown evidence."""


class Provenance(TypedDict):
    """The envelope stamped on a plan, a draft or a decision; it is kept in the checkpoint."""

    confidence: float
    reason: str
    source: Source
    evidence: list[str]


def provenance(source: Source, reason: str, *, confidence: float, evidence: Iterable[str] = ()) -> Provenance:
    """Build the envelope; `confidence` is clamped into 0.0-1.0, and NaN is 0.0.

    What a model says resting on nothing has confidence 0.0.
    """
    rests_on = list(evidence)
    sure = 0.0 if source == "model" and not rests_on else min(max(0.0, confidence), 1.0)
    return Provenance(confidence=sure, reason=reason, source=source, evidence=rests_on)
