"""The check of the model, made only when it is asked for: one real request of tier standard, and what came of it."""

from collections.abc import Callable
from typing import Final

from backend.doctor.findings import Finding, note, ok, wrong
from backend.errors import ModelAnswerUnusable, ModelSwitchedOff, ModelUnavailable
from backend.ports import MakeLLM, Prompt

CHECK: Final = "model"
_PROMPT: Final = Prompt(
    name="doctor:probe",
    system='You are asked whether you answer at all. Answer with this JSON object and nothing else: {"ready": true}',
    user="Are you ready?",
)
_READY: Final = {"ready": True}

_ALLOW: Final = "Set what it names, if a model is to be asked."
_SEE_MODEL: Final = "See that DEEPSEEK_MODEL_STANDARD names a model that can answer in JSON."
_SEE_WAY: Final = (
    "See that DEEPSEEK_API_KEY, DEEPSEEK_BASE_URL and DEEPSEEK_MODEL_STANDARD are right, that the account has credit, and that "
    "this machine gets out to the server."
)


async def probe_model(make_llm: MakeLLM, stopwatch: Callable[[], float]) -> Finding:
    """Ask the model once, and say what came back, how long it took, who answered and what it cost."""
    began = stopwatch()
    try:
        answer = await make_llm(tier="standard").ask(_PROMPT)
    except ModelSwitchedOff as off:
        return note(str(off), _ALLOW)
    except ModelUnavailable as failure:
        found = f"{failure} It took {stopwatch() - began:.1f} s."
        return wrong(found, _SEE_MODEL if isinstance(failure, ModelAnswerUnusable) else _SEE_WAY)
    took = f"in {stopwatch() - began:.1f} s, {answer.input_tokens} + {answer.output_tokens} tokens, ${answer.cost_usd:.6f}"
    if answer.content != _READY:
        return note(f"{answer.model} answered {took}, with other JSON than it was asked for", _SEE_MODEL)
    return ok(f"{answer.model} answered as it was asked to, {took}")
