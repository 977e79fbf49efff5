"""A model inside the process that says what it was told to say, and remembers what it was asked."""

from collections import Counter
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, cast

from backend.errors import ModelAnswerUnusable, ModelSwitchedOff
from backend.llm.answers import read_object
from backend.ports import Answer, Model, Prompt, Tier

Said: TypeAlias = dict[str, Any] | str | Exception
"""A JSON object, the words of a model, or the exception the ask raises."""

Line: TypeAlias = Said | Callable[[Prompt], Said]
Lines: TypeAlias = Line | list[Line]
"""One line for every ask of a prompt, or one after the other; the last one repeats."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One ask as it arrived."""

    tier: Tier
    prompt: Prompt


@dataclass
class ScriptedLLM:
    """Makes models of every tier that share one script; a prompt the script does not name finds the model switched off."""

    script: Mapping[str, Lines]
    switched_off: bool = False
    asked: list[Asked] = field(default_factory=list[Asked])
    made: Counter[Tier] = field(default_factory=Counter[Tier])

    def __call__(self, *, tier: Tier) -> Model:
        """Return the model of `tier`."""
        self.made[tier] += 1
        return ScriptedModel(self, tier)

    def switch_off(self) -> None:
        """Make no request any more, as under the kill switch."""
        self.switched_off = True

    def count(self, prompt_name: str) -> int:
        """How many requests were made under this prompt path."""
        return sum(asked.prompt.name == prompt_name for asked in self.asked)

    def next_line(self, asked: Asked) -> Line:
        """Record a request and return what the script has for it."""
        self.asked.append(asked)
        lines = self.script[asked.prompt.name]
        in_order = cast("list[Line]", lines if isinstance(lines, list) else [lines])
        return in_order[min(self.count(asked.prompt.name), len(in_order)) - 1]


@dataclass(frozen=True, slots=True)
class ScriptedModel:
    """One tier of a script. An ask costs one token a word and no money."""

    llm: ScriptedLLM
    tier: Tier

    async def ask(self, prompt: Prompt) -> Answer:
        """Answer from the script, or raise what it holds."""
        if self.llm.switched_off or prompt.name not in self.llm.script:
            why = "it is switched off" if self.llm.switched_off else f"the script has nothing for {prompt.name}"
            raise ModelSwitchedOff(why)
        line = self.llm.next_line(Asked(self.tier, prompt))
        said = line(prompt) if callable(line) else line
        if isinstance(said, Exception):
            raise said
        answer = Answer(
            content={} if isinstance(said, str) else deepcopy(said),
            model="scripted",
            input_tokens=len(f"{prompt.system} {prompt.user}".split()),
            output_tokens=len(str(said).split()),
            cost_usd=0.0,
        )
        if not isinstance(said, str):
            return answer
        try:
            return replace(answer, content=read_object(said))
        except ModelAnswerUnusable as unusable:
            raise answer.refused(unusable.why, words=said) from None


def scripted_llm(script: Mapping[str, Lines]) -> ScriptedLLM:
    """Make the fake from `{prompt_name: lines}`."""
    return ScriptedLLM(script)
