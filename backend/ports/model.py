"""A model answers a prompt with one JSON object."""

import json
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from backend.errors import ModelAnswerUnusable

Tier = Literal["standard", "deep"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question to the model: `name` is its prompt path, `system` the rules, `user` the data."""

    name: str
    system: str
    user: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON object the model answered with, unchecked, and what it took. `cost_usd` is US dollars."""

    content: dict[str, Any]
    model: str
    input_tokens: int
    output_tokens: int
    cost_usd: float

    def refused(self, why: str, *, words: str | None = None) -> ModelAnswerUnusable:
        """Make the failure to raise when this is not what was asked for; `why` quotes nothing of it.

        `words` is what the model said where that is not `content`.
        """
        return ModelAnswerUnusable(
            why,
            words=json.dumps(self.content, ensure_ascii=False) if words is None else words,
            model=self.model,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cost_usd=self.cost_usd,
        )


class Model(Protocol):
    """Answers a prompt with one JSON object."""

    async def ask(self, prompt: Prompt) -> Answer:
        """Make at most one request, within a total deadline.

        Raises:
            ModelUnavailable: no usable answer; its subclass and sentence say why. No retry is under way.
        """
        ...


class MakeLLM(Protocol):
    """Makes the model of a tier; making one costs nothing and asks nothing."""

    def __call__(self, *, tier: Tier) -> Model:
        """Return the model for `tier`."""
        ...
