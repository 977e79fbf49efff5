"""What an answer costs, from the tokens its server reported and the hour it came at."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.llm.prices import PRICES, Usage, cost_usd

COUNTS = st.integers(0, 2_000_000)
FLASH = PRICES["deepseek-flash"]
AT_PEAK = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
"""A Monday, at ten in Beijing."""


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        (Usage(input_tokens=1_000_000), 0.30),
        (Usage(input_tokens=1_000_000, cached_tokens=1_000_000), 0.006),
        (Usage(output_tokens=1_000_000), 1.20),
        (Usage(input_tokens=1200, cached_tokens=200, output_tokens=300), 0.0006612),
        (Usage(), 0.0),
    ],
)
def test_prices_are_dollars_per_million_tokens(usage: Usage, dollars: float) -> None:
    """Fresh input, cached input and output each have their own price."""
    assert cost_usd(usage, FLASH, AT_PEAK) == pytest.approx(dollars)


@pytest.mark.req("MODEL-R12")
@pytest.mark.parametrize(
    ("day", "hour", "is_peak"),
    [
        *[(23, hour, hour in {9, 10, 11, 14, 15, 16, 17}) for hour in range(24)],
        *[(day, 10, True) for day in (24, 25, 26, 27)],
        *[(day, 10, False) for day in (28, 29)],
    ],
)
def test_off_peak_is_half(day: int, hour: int, *, is_peak: bool) -> None:
    """From Monday to Friday, 9 to 12 and 14 to 18 in Beijing are peak, whatever this machine's zone is."""
    at = datetime(2026, 11, day, hour, 59, 59, tzinfo=UTC) - timedelta(hours=8)
    assert cost_usd(Usage(output_tokens=1_000_000), FLASH, at) == pytest.approx(1.20 if is_peak else 0.60)


@given(st.sampled_from(sorted(PRICES)), COUNTS, COUNTS, COUNTS, st.datetimes(timezones=st.just(UTC)))
def test_a_cost_is_never_negative_and_a_cache_never_makes_it_dearer(
    model: str, input_tokens: int, cached_tokens: int, output_tokens: int, at: datetime
) -> None:
    """Whatever a server reports, even more cached tokens than it read."""
    cached = cost_usd(Usage(input_tokens, cached_tokens, output_tokens), PRICES[model], at)
    fresh = cost_usd(Usage(input_tokens, 0, output_tokens), PRICES[model], at)
    assert 0 <= cached <= fresh
