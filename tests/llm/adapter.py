"""DeepSeek as the tests of it are told with: a key, the models of the service, a switch that is off, a Monday at peak."""

from collections.abc import Callable, Mapping

from backend.llm import PRICES, DeepSeek, PricedModel
from backend.ports import Clock, Tier
from tests.fakes.clock import FixedClock

KEY = "sk-0123456789abcdef"
MODELS: Mapping[Tier, PricedModel] = {
    "standard": PricedModel("deepseek-flash", PRICES["deepseek-flash"]),
    "deep": PricedModel("deepseek-v4-pro", PRICES["deepseek-v4-pro"]),
}


def deepseek(  # noqa: PLR0913  # as the adapter
    base_url: str,
    *,
    api_key: str | None = KEY,
    models: Mapping[Tier, PricedModel] = MODELS,
    deadline_s: float = 30,
    kill_switch: Callable[[], bool] = lambda: False,
    clock: Clock | None = None,
) -> DeepSeek:
    """Make the adapter with its switch open."""
    return DeepSeek(
        api_key=api_key,
        base_url=base_url,
        models=models,
        deadline_s=deadline_s,
        kill_switch=kill_switch,
        clock=clock or FixedClock(),
    )
