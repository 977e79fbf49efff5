"""A model that never answers one kind of prompt."""

import asyncio
from dataclasses import dataclass

from backend.ports import Answer, MakeLLM, Model, Prompt, Tier


@dataclass(frozen=True)
class SilentLLM:
    """Passes prompts on, except those named `silent_on`, which wait for ever."""

    llm: MakeLLM
    silent_on: str

    def __call__(self, *, tier: Tier) -> Model:
        """See `ports.MakeLLM`."""
        return _SilentModel(self.llm(tier=tier), self.silent_on)


@dataclass(frozen=True)
class _SilentModel:
    model: Model
    silent_on: str

    async def ask(self, prompt: Prompt) -> Answer:
        if prompt.name == self.silent_on:
            await asyncio.Event().wait()
        return await self.model.ask(prompt)
