"""A model as a trial asks it: what it cost, which models answered, and the hash of the rules each prompt gave."""

from hashlib import sha256

from backend.errors import ModelAnswerUnusable
from backend.ports import Answer, MakeLLM, Model, Prompt, Tier


class Metered:
    """Makes models that are counted here. `cost_usd` is in US dollars; `prompts` are SHA-256 by prompt path."""

    def __init__(self, make_llm: MakeLLM) -> None:
        self._make_llm = make_llm
        self.cost_usd = 0.0
        self.models: set[str] = set()
        self.prompts: dict[str, str] = {}

    def __call__(self, *, tier: Tier) -> Model:
        """See `ports.MakeLLM`."""
        return _MeteredModel(self._make_llm(tier=tier), self)

    def count(self, answer: Answer | ModelAnswerUnusable) -> None:
        """Add what an answer took, usable or not."""
        self.cost_usd += answer.cost_usd
        self.models.add(answer.model)


class _MeteredModel:
    """Asks the model and counts."""

    def __init__(self, model: Model, meter: Metered) -> None:
        self._model = model
        self._meter = meter

    async def ask(self, prompt: Prompt) -> Answer:
        """See `ports.Model`."""
        self._meter.prompts[prompt.name] = sha256(prompt.system.encode()).hexdigest()
        try:
            answer = await self._model.ask(prompt)
        except ModelAnswerUnusable as failure:
            self._meter.count(failure)
            raise
        self._meter.count(answer)
        return answer
