"""A model that counts what it is asked."""

from collections import Counter

from backend.errors import ModelSwitchedOff
from backend.ports import Answer, MakeLLM, Model, Prompt, Tier


class CountingLLM:
    """Makes the models of another `MakeLLM`; `asked` counts requests by prompt. A model that is switched off makes none."""

    def __init__(self, make_llm: MakeLLM) -> None:
        self.asked: Counter[str] = Counter()
        self._make_llm = make_llm

    def __call__(self, *, tier: Tier) -> Model:
        """Return the model of `tier`."""
        return _CountingModel(self._make_llm(tier=tier), self.asked)


class _CountingModel:
    """One tier's model."""

    def __init__(self, model: Model, asked: Counter[str]) -> None:
        self._model = model
        self._asked = asked

    async def ask(self, prompt: Prompt) -> Answer:
        """Ask, and count the request if there was one."""
        self._asked[prompt.name] += 1
        try:
            return await self._model.ask(prompt)
        except ModelSwitchedOff:
            self._asked[prompt.name] -= 1
            raise
