"""Subjects whose outcome is known beforehand: a treatment that changes nothing, harms, never arrives, or leaks once."""

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from backend.domain.campaign import GraphMeta
from backend.ports import Answer, MakeLLM, Model, Prompt, Tier
from evals.examples import Arm, Check, CheckKind, Example, Output, Score, Subject, Touch

FLAG = "CAMPAIGN_COACH_ENABLED"
PATH = "campaign:coach_plan"


class CannedModel:
    """A model that answers at once, and the maker of it."""

    def __init__(self, cost_usd: float = 0.001) -> None:
        self._cost_usd = cost_usd

    def __call__(self, *, tier: Tier) -> Model:
        """See `ports.MakeLLM`."""
        del tier
        return self

    async def ask(self, prompt: Prompt) -> Answer:
        """See `ports.Model`."""
        return Answer({"say": prompt.user}, "canned", 1, 1, self._cost_usd)


@dataclass(frozen=True)
class Actor:
    """How the treated arm differs from the control; `harm` is the share of its examples that are written badly."""

    harm: float = 0.0
    fails_open: bool = False
    leaks: str = ""
    judge_is_down: bool = False
    crashes: str = ""
    lost: str = ""
    kills: str = ""
    hangs: bool = False
    slow_control: bool = False

    async def run(self, example: Example, arm: Arm, make_llm: MakeLLM) -> Output:
        """Write one email, and ask the model once on the way."""
        answer = await make_llm(tier="standard").ask(Prompt(PATH, "Be kind.", f"about {example.example_id}"))
        await asyncio.sleep(0.05 * (self.slow_control and arm == "off"))
        treated = arm == "on" and not self.fails_open
        body = answer.content["say"]
        if treated:
            await self._misbehave(example)
            number = int(example.example_id[1:])
            body += " badly" * (number % 100 < self.harm * 100) + " Bo's number" * (example.example_id == self.leaks)
        plan = {"angle": "close"} if arm == "on" else None
        touch = Touch(step=0, due_day=0, subject="Hello", body=body)
        return Output(touches=[touch], plan=plan, roles=None, treated=treated, failure="", meta=GraphMeta())

    async def _misbehave(self, example: Example) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if example.example_id == self.kills:
            os.kill(os.getpid(), signal.SIGKILL)
        if example.example_id == self.lost:
            raise OSError
        if example.example_id == self.crashes:
            raise ZeroDivisionError

    def subject(self) -> Subject:
        """The actor with three checks."""
        checks = (
            check("leak", "critical", lambda body: "Bo's number" not in body),
            check("well_written", "scored", lambda body: "badly" not in body),
            check("tone", "judged", lambda body: None if self.judge_is_down else "badly" not in body),
        )
        return Subject(PATH, checks, self.run)


def check(metric: str, kind: CheckKind, passes: Callable[[str], bool | None]) -> Check:
    """A check of the first touch; one that returns None could not be asked."""

    async def score(example: Example, output: Output) -> Score:
        del example
        passed = passes(output["touches"][0]["body"])
        return Score(None if passed is None else float(passed), "")

    return Check(metric, kind, "1", score)


@cache
def examples(number: int = 50, clusters: int = 20) -> tuple[Example, ...]:
    """Examples about nobody."""
    return tuple(Example(f"e{n}", PATH, {}, {}, f"c{n % clusters}", "thin", "en") for n in range(number))
