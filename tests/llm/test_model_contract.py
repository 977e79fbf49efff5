"""What every Model promises: DeepSeek over real HTTP to a scripted server, and the fake the other tests think with."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from backend.demo.scripted_model import Reply, ScriptedModelServer
from backend.errors import ModelAnswerUnusable, ModelCallFailed, ModelSwitchedOff, ModelUnavailable
from backend.ports import Answer, MakeLLM, Prompt, Tier
from tests.fakes import model_replies
from tests.fakes.scripted_model import Lines, scripted_llm
from tests.llm.adapter import deepseek

PROMPT = Prompt(name="email:compose", system="Answer with one JSON object.", user="Ada, at Example Forge")


@dataclass(frozen=True)
class Bench:
    """A MakeLLM under test: its model can be told what to say next, and asked what it was requested."""

    make_llm: MakeLLM
    say: Callable[[str], None]
    fail: Callable[[], None]
    switch_off: Callable[[], None]
    requests: Callable[[], list[Prompt]]


@asynccontextmanager
async def deepseek_bench() -> AsyncGenerator[Bench, None]:
    """The adapter, over HTTP."""
    reply: list[str | Reply] = ["{}"]
    off: list[bool] = [False]
    async with (
        ScriptedModelServer(lambda _name, _system, _user: reply[-1]) as server,
        deepseek(server.base_url, kill_switch=lambda: off[-1]) as make_llm,
    ):
        yield Bench(
            make_llm=make_llm,
            say=reply.append,
            fail=lambda: reply.append(model_replies.error_500),
            switch_off=lambda: off.append(True),
            requests=lambda: [Prompt(asked.prompt_name, asked.system, asked.user) for asked in server.requests],
        )


@asynccontextmanager
async def scripted_bench() -> AsyncGenerator[Bench, None]:
    """The fake."""
    lines: dict[str, Lines] = {PROMPT.name: "{}"}
    llm = scripted_llm(lines)
    yield Bench(
        make_llm=llm,
        say=lambda words: lines.update({PROMPT.name: words}),
        fail=lambda: lines.update({PROMPT.name: ModelCallFailed("it was told to")}),
        switch_off=llm.switch_off,
        requests=lambda: [asked.prompt for asked in llm.asked],
    )


@pytest.fixture(params=[deepseek_bench, scripted_bench])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """Each implementation of the port in turn."""
    async with request.param() as opened:
        yield opened


@pytest.mark.parametrize("tier", ["standard", "deep"])
async def test_an_object_comes_back_with_what_it_took(bench: Bench, tier: Tier) -> None:
    """The object is the answer, unchanged; the model names itself, and tokens and cost are counted."""
    bench.say('{"angle": "a shorter close", "cadence_days": [0, 4, 7]}')
    answer = await bench.make_llm(tier=tier).ask(PROMPT)
    assert answer.content == {"angle": "a shorter close", "cadence_days": [0, 4, 7]}
    assert answer.model == "scripted"
    assert answer.input_tokens > 0
    assert answer.output_tokens > 0
    assert answer.cost_usd == 0.0


async def test_an_ask_is_one_request_with_the_whole_prompt(bench: Bench) -> None:
    """The model is told the prompt's name, its rules and its data, once an ask."""
    bench.say("{}")
    model = bench.make_llm(tier="standard")
    for asked in (1, 2, 3):
        await model.ask(PROMPT)
        assert bench.requests() == [PROMPT] * asked


async def test_making_a_model_asks_nothing(bench: Bench) -> None:
    """A model nobody asks costs no request."""
    bench.make_llm(tier="standard")
    bench.make_llm(tier="deep")
    assert bench.requests() == []


@pytest.mark.parametrize(
    "words",
    [
        model_replies.prose.text,
        model_replies.half_json.text,
        model_replies.empty.text,
        model_replies.json_list.text,
        "null",
        "12",
        '{"angle": NaN}',
        '{"confidence": 1e999}',
        "[" * 100_000,
    ],
)
async def test_anything_but_one_json_object_is_unusable(bench: Bench, words: str) -> None:
    """Prose, half an object, nothing, a list, numbers beyond JSON: one request, and a sentence that quotes nothing."""
    bench.say(words)
    with pytest.raises(ModelAnswerUnusable) as refused:
        await bench.make_llm(tier="standard").ask(PROMPT)
    assert len(bench.requests()) == 1
    assert words[:20] not in str(refused.value) or not words


@pytest.mark.req("MODEL-R15")
async def test_an_unusable_answer_says_what_it_took(bench: Bench) -> None:
    """What the model said and its tokens ride on the failure, so that they can be counted and looked at."""
    bench.say("Of course! Here is your email.")
    with pytest.raises(ModelAnswerUnusable) as refused:
        await bench.make_llm(tier="standard").ask(PROMPT)
    unusable = refused.value
    assert (unusable.words, unusable.model, unusable.cost_usd) == ("Of course! Here is your email.", "scripted", 0.0)
    assert unusable.input_tokens > 0
    assert unusable.output_tokens > 0


async def test_a_failed_call_is_not_repeated(bench: Bench) -> None:
    """A server in trouble is asked once."""
    bench.fail()
    with pytest.raises(ModelCallFailed):
        await bench.make_llm(tier="standard").ask(PROMPT)
    assert len(bench.requests()) == 1


async def test_switched_off_means_no_request(bench: Bench) -> None:
    """The switch is read at each ask, on a model made before as well."""
    model = bench.make_llm(tier="standard")
    bench.say("{}")
    await model.ask(PROMPT)
    bench.switch_off()
    with pytest.raises(ModelSwitchedOff):
        await model.ask(PROMPT)
    assert len(bench.requests()) == 1


async def test_answers_are_not_shared(bench: Bench) -> None:
    """What a caller does to an answer shows in no other answer."""
    bench.say('{"roles": ["researcher"]}')
    model = bench.make_llm(tier="standard")
    first: Answer = await model.ask(PROMPT)
    first.content["roles"].append("composer")
    assert (await model.ask(PROMPT)).content == {"roles": ["researcher"]}


async def test_every_failure_is_one_kind(bench: Bench) -> None:
    """Whatever goes wrong, a caller that falls back catches ModelUnavailable, and its sentence ends as a sentence."""
    model = bench.make_llm(tier="standard")
    bench.say("no")
    with pytest.raises(ModelUnavailable, match=r"\.$"):
        await model.ask(PROMPT)
    bench.fail()
    with pytest.raises(ModelUnavailable, match=r"\.$"):
        await model.ask(PROMPT)
    bench.switch_off()
    with pytest.raises(ModelUnavailable, match=r"\.$"):
        await model.ask(PROMPT)
