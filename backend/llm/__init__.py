"""DeepSeek behind the MakeLLM port, and what it bills."""

from backend.llm.deepseek import DeepSeek, PricedModel
from backend.llm.prices import PRICES, Price

__all__ = ["PRICES", "DeepSeek", "Price", "PricedModel"]
