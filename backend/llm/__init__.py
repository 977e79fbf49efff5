"""DeepSeek behind the MakeLLM port."""

from backend.llm.deepseek import DeepSeek

__all__ = ["DeepSeek"]
