"""What an answer costs, from the tokens its server reported."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.llm.deepseek import MODELS
from backend.llm.prices import PRICES, Usage, cost_usd

COUNTS = st.integers(0, 2_000_000)


def test_every_model_we_ask_has_a_price() -> None:
    """A tier without a price would look free."""
    assert set(MODELS.values()) <= PRICES.keys()


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
    assert cost_usd(usage, asked="deepseek-v4-flash", answered_by="deepseek-v4-flash") == pytest.approx(dollars)


def test_a_newer_name_of_deepseek_is_priced_as_what_was_asked() -> None:
    """DeepSeek answers an older name with a newer model, at the older name's price."""
    assert cost_usd(Usage(1000, 0, 1000), asked="deepseek-v4-flash", answered_by="deepseek-flash") == pytest.approx(0.0015)


def test_a_local_model_costs_nothing() -> None:
    """A server that names a model of its own bills nothing, the scripted one for instance."""
    assert cost_usd(Usage(1000, 0, 1000), asked="deepseek-v4-pro", answered_by="scripted") == 0.0


@given(st.sampled_from(sorted(PRICES)), COUNTS, COUNTS, COUNTS)
def test_a_cost_is_never_negative_and_a_cache_never_makes_it_dearer(
    model: str, input_tokens: int, cached_tokens: int, output_tokens: int
) -> None:
    """Whatever a server reports, even more cached tokens than it read."""
    cached = cost_usd(Usage(input_tokens, cached_tokens, output_tokens), asked=model, answered_by=model)
    fresh = cost_usd(Usage(input_tokens, 0, output_tokens), asked=model, answered_by=model)
    assert 0 <= cached <= fresh
