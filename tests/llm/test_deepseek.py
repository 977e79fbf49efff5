"""DeepSeek over HTTP: what goes over the wire, what ends a call, and what never leaves or shows."""

import asyncio
import json
import traceback
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.demo.scripted_model import Reply, ScriptedModelServer
from backend.errors import ModelAnswerUnusable, ModelCallFailed, ModelSwitchedOff, ModelUnavailable
from backend.ports import Prompt, Tier
from tests.fakes import model_replies
from tests.llm.adapter import KEY, deepseek
from tests.strategies import examples

PROMPT = Prompt(name="campaign:coach_plan", system="Answer with one JSON object.", user="Ada, at Example Forge")


@pytest.fixture
def said() -> list[str | Reply]:
    """What the server says: the last of these."""
    return ["{}"]


@pytest.fixture
async def server(said: list[str | Reply]) -> AsyncIterator[ScriptedModelServer]:
    """A scripted server on loopback."""
    async with ScriptedModelServer(lambda _name, _system, _user: said[-1]) as running:
        yield running


@pytest.mark.req("MODEL-R4")
@pytest.mark.parametrize(
    ("tier", "own"),
    [
        ("standard", {"model": "deepseek-flash", "max_tokens": 2_000, "thinking": {"type": "disabled"}}),
        ("deep", {"model": "deepseek-v4-pro", "max_tokens": 16_000}),
    ],
)
async def test_the_request_is_json_mode_with_the_tiers_own_options(
    server: ScriptedModelServer, tier: Tier, own: dict[str, Any]
) -> None:
    """The body is exactly this: standard does not think, deep does by default, and the prompt's name is its first line."""
    async with deepseek(server.base_url) as make_llm:
        await make_llm(tier=tier).ask(PROMPT)
    assert server.requests[0].body == own | {
        "stream": False,
        "response_format": {"type": "json_object"},
        "temperature": 0.7,
        "messages": [
            {"role": "system", "content": "Prompt: campaign:coach_plan\n\nAnswer with one JSON object."},
            {"role": "user", "content": "Ada, at Example Forge"},
        ],
    }


async def test_an_answer_of_deepseek_is_priced(server: ScriptedModelServer, said: list[str | Reply]) -> None:
    """Cached input costs its own price: here 10 tokens, 4 of them from the cache, and 2 of output."""
    said.append(Reply('{"a": 1}', model="deepseek-v4-pro", cached_tokens=4))
    async with deepseek(server.base_url) as make_llm:
        answer = await make_llm(tier="deep").ask(Prompt("email:reply", "s" * 20, "u" * 20))
    assert (answer.model, answer.input_tokens, answer.output_tokens) == ("deepseek-v4-pro", 10, 2)
    assert answer.cost_usd == pytest.approx((6 * 1.32 + 4 * 0.044 + 2 * 3.96) / 1_000_000)


@pytest.mark.req("MODEL-R7")
@pytest.mark.parametrize("reply", [model_replies.trickle, Reply("{}", delay_s=60)], ids=["trickle", "silence"])
async def test_the_deadline_bounds_the_whole_call(server: ScriptedModelServer, said: list[str | Reply], reply: Reply) -> None:
    """A server that sends a blank line now and then is cut off like one that sends nothing."""
    said.append(reply)
    async with deepseek(server.base_url, deadline_s=0.2) as make_llm:
        with pytest.raises(ModelCallFailed, match=r"no whole answer within 0\.2 s"):
            await make_llm(tier="standard").ask(PROMPT)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 402, 404, 409, 429, 500, 503])
async def test_an_error_status_is_a_failed_call(server: ScriptedModelServer, said: list[str | Reply], status: int) -> None:
    """The sentence names the status; nothing is tried again, not even what the SDK would repeat."""
    said.append(Reply(status=status))
    async with deepseek(server.base_url) as make_llm:
        with pytest.raises(ModelCallFailed, match=f"HTTP {status}"):
            await make_llm(tier="standard").ask(PROMPT)
    assert len(server.requests) == 1


async def test_a_refused_connection_is_a_failed_call() -> None:
    """Nobody listens on the port of a server that went away."""
    async with ScriptedModelServer(lambda _name, _system, _user: "{}") as gone:
        base_url = gone.base_url
    async with deepseek(base_url) as make_llm:
        with pytest.raises(ModelCallFailed, match="connection"):
            await make_llm(tier="standard").ask(PROMPT)


async def test_a_closed_adapter_asks_nothing(server: ScriptedModelServer) -> None:
    """What still thinks while the service shuts down falls back to its default."""
    async with deepseek(server.base_url) as make_llm:
        model = make_llm(tier="standard")
    with pytest.raises(ModelSwitchedOff, match="shutting down"):
        await model.ask(PROMPT)
    assert server.requests == []


async def test_a_redirect_is_not_followed(server: ScriptedModelServer, said: list[str | Reply]) -> None:
    """A server that may be asked cannot send the prompt on to one that may not."""
    async with ScriptedModelServer(lambda _name, _system, _user: "{}") as elsewhere:
        said.append(Reply(status=307, headers=(("Location", f"{elsewhere.base_url}/chat/completions"),)))
        async with deepseek(server.base_url) as make_llm:
            with pytest.raises(ModelCallFailed, match="HTTP 307"):
                await make_llm(tier="standard").ask(PROMPT)
        assert elsewhere.requests == []


@pytest.mark.parametrize("api_key", [None, "", "  "])
async def test_without_a_key_nothing_is_asked(server: ScriptedModelServer, api_key: str | None) -> None:
    """The sentence names the variable to set."""
    async with deepseek(server.base_url, api_key=api_key) as make_llm:
        with pytest.raises(ModelSwitchedOff, match="DEEPSEEK_API_KEY is not set"):
            await make_llm(tier="deep").ask(PROMPT)
    assert server.requests == []


async def test_the_kill_switch_is_read_at_each_ask(server: ScriptedModelServer) -> None:
    """On, off and on again under one model: only the ask in between is made."""
    positions = iter([True, False, True])
    async with deepseek(server.base_url, kill_switch=lambda: next(positions)) as make_llm:
        model = make_llm(tier="standard")
        with pytest.raises(ModelSwitchedOff, match="LLM_KILL_SWITCH is on"):
            await model.ask(PROMPT)
        await model.ask(PROMPT)
        with pytest.raises(ModelSwitchedOff):
            await model.ask(PROMPT)
    assert len(server.requests) == 1


async def test_asks_run_side_by_side(server: ScriptedModelServer) -> None:
    """One adapter serves many asks of both tiers at once."""
    async with deepseek(server.base_url) as make_llm:
        models = [make_llm(tier="standard"), make_llm(tier="deep")] * 10
        answers = await asyncio.gather(*(model.ask(PROMPT) for model in models))
    assert len(answers) == len(server.requests) == 20


@pytest.mark.parametrize(
    "reply",
    [
        Reply(f"{KEY} {PROMPT.user}"),
        Reply(raw=f'{{"error": {{"message": "{KEY} {PROMPT.user}"}}}}'),
        Reply(status=400, raw=f'{{"error": {{"message": "{KEY} {PROMPT.user} prompt is too long"}}}}'),
        Reply(status=500, raw=f"{KEY} {PROMPT.user}"),
        Reply(raw=f"<html>{KEY} {PROMPT.user}</html>"),
        model_replies.no_completion,
    ],
)
async def test_a_failure_shows_neither_key_nor_prompt(
    server: ScriptedModelServer, said: list[str | Reply], reply: Reply
) -> None:
    """Even when the server repeats them, the sentence and the printed traceback hold neither."""
    said.append(reply)
    async with deepseek(server.base_url) as make_llm:
        with pytest.raises(ModelUnavailable) as failure:
            await make_llm(tier="standard").ask(PROMPT)
    shown = "".join(traceback.format_exception(failure.value))
    assert KEY not in shown
    assert PROMPT.user not in shown


def _says(raw: str) -> ScriptedModelServer:
    return ScriptedModelServer(lambda _name, _system, _user: Reply(raw=raw))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
MESSAGES = st.fixed_dictionaries({}, optional={"role": JSON | st.just("assistant"), "content": JSON, "tool_calls": JSON})
CHOICES = st.fixed_dictionaries({}, optional={"message": JSON | MESSAGES, "finish_reason": JSON, "index": JSON})
COMPLETIONS = st.fixed_dictionaries(
    {}, optional={"choices": JSON | st.lists(CHOICES, max_size=2), "usage": JSON, "model": JSON, "error": JSON}
)


@pytest.mark.req("MODEL-R11")
@examples(0.5)
@given(body=JSON | COMPLETIONS)
async def test_whatever_the_server_answers_an_ask_ends_in_an_object_or_in_unusable(body: Any) -> None:
    """No response, however it is shaped, escapes as another exception."""
    async with _says(json.dumps(body)) as server, deepseek(server.base_url) as make_llm:
        try:
            answer = await make_llm(tier="standard").ask(PROMPT)
        except ModelAnswerUnusable:
            return
    assert isinstance(answer.content, dict)
    assert answer.cost_usd >= 0
