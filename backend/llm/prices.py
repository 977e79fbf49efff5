"""What DeepSeek bills, so that every answer can say what it cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_PER_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens; `cached_input_usd` is for input DeepSeek found in its prefix cache."""

    input_usd: float
    cached_input_usd: float
    output_usd: float


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer; `cached_tokens` is the part of `input_tokens` that came from the cache."""

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0


PRICES: Final[Mapping[str, Price]] = {
    "deepseek-v4-flash": Price(input_usd=0.30, cached_input_usd=0.006, output_usd=1.20),
    "deepseek-v4-pro": Price(input_usd=1.32, cached_input_usd=0.044, output_usd=3.96),
}
"""The peak rates of api-docs.deepseek.com/quick_start/pricing in October 2026; off-peak is half, so costs are a ceiling."""


def cost_usd(usage: Usage, *, asked: str, answered_by: str) -> float:
    """US dollars for `usage` at the price of the model `asked`; a local server that names a model of its own bills nothing."""
    if not answered_by.startswith("deepseek"):
        return 0.0
    price = PRICES[asked]
    cached = min(usage.cached_tokens, usage.input_tokens)
    dollars = (
        (usage.input_tokens - cached) * price.input_usd
        + cached * price.cached_input_usd
        + usage.output_tokens * price.output_usd
    ) / _PER_MILLION
    return round(dollars, 9)
