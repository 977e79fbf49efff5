"""DeepSeek behind the MakeLLM port."""
