"""DeepSeek's prices, so that every answer can say what it cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final

PEAK_HOURS: Final = (9, 10, 11, 14, 15, 16, 17)
"""Hours of the day in Beijing that are billed at the peak rate, from Monday to Friday."""
OFF_PEAK_SHARE: Final = 0.5

_PER_MILLION: Final = 1_000_000
_BEIJING: Final = timezone(timedelta(hours=8))
_SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens at peak; `cached_input_usd` is for input DeepSeek found in its prefix cache."""

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
    "deepseek-flash": Price(input_usd=0.30, cached_input_usd=0.006, output_usd=1.20),
    "deepseek-v4-flash": Price(input_usd=0.30, cached_input_usd=0.006, output_usd=1.20),
    "deepseek-v4-pro": Price(input_usd=1.32, cached_input_usd=0.044, output_usd=3.96),
}
"""The peak rates of api-docs.deepseek.com/quick_start/pricing in November 2026, by the name that is asked for."""


def cost_usd(usage: Usage, price: Price, at: datetime) -> float:
    """US dollars for an answer that was complete at `at`; on a Chinese holiday, when nothing is peak, this is a ceiling."""
    cached = min(usage.cached_tokens, usage.input_tokens)
    dollars = (
        (usage.input_tokens - cached) * price.input_usd
        + cached * price.cached_input_usd
        + usage.output_tokens * price.output_usd
    ) / _PER_MILLION
    return round(dollars * (1 if _is_peak(at) else OFF_PEAK_SHARE), 9)


def _is_peak(at: datetime) -> bool:
    there = at.astimezone(_BEIJING)
    return there.weekday() < _SATURDAY and there.hour in PEAK_HOURS
