"""What is believed of a response: little of the model, and no more of its server."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.demo.scripted_model import Reply, ScriptedModelServer
from backend.errors import ModelAnswerUnusable
from backend.llm import PRICES, PricedModel
from backend.llm.completion import MAX_MODEL_NAME_CHARS, MAX_TOKENS_COUNTED, read_completion
from backend.ports import Answer, Prompt, Tier
from tests.fakes.loopback_http import LoopbackHttp, completion
from tests.llm.adapter import deepseek
from tests.strategies import any_flat, any_json, any_text, examples

PROMPT = Prompt(name="email:compose", system="Answer with one JSON object.", user="Ada, at Example Forge")


async def answered(body: bytes) -> Answer:
    """What an ask makes of this response."""
    async with LoopbackHttp(body).listening() as server, deepseek(f"http://127.0.0.1:{server.port}") as make_llm:
        return await make_llm(tier="standard").ask(PROMPT)


@pytest.mark.req("MODEL-R8")
@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("deepseek\ud800", "deepseek"),
        ("deepseek\nflash \u202e\x00 ", "deepseek flash"),
        ("x" * 900_000, "x" * MAX_MODEL_NAME_CHARS),
        ("", "deepseek-flash"),
        (" \u200b\n", "deepseek-flash"),
        (None, "deepseek-flash"),
        (["deepseek"], "deepseek-flash"),
        (7, "deepseek-flash"),
    ],
    ids=repr,
)
async def test_the_models_name_is_one_short_clean_line(said: Any, name: str) -> None:
    """Half a surrogate, a line end, a megabyte, nothing at all: what is kept can be stored and shown."""
    assert (await answered(completion(model=said))).model == name


@pytest.mark.req("MODEL-R9")
@pytest.mark.parametrize(
    ("said", "count"),
    [
        (0, 0),
        (7, 7),
        (-1, 0),
        (MAX_TOKENS_COUNTED, MAX_TOKENS_COUNTED),
        (MAX_TOKENS_COUNTED + 1, MAX_TOKENS_COUNTED),
        (2**63, MAX_TOKENS_COUNTED),
        (1.5, 0),
        (True, 0),
        ("7", 0),
        (None, 0),
        ({"n": 7}, 0),
    ],
    ids=repr,
)
async def test_a_count_of_tokens_is_a_whole_number_within_bounds(said: Any, count: int) -> None:
    """Whatever the server says of itself, a row can hold it and a sum of them too."""
    usage = {"prompt_tokens": said, "completion_tokens": said, "prompt_cache_hit_tokens": said}
    answer = await answered(completion(usage=usage))
    assert (answer.input_tokens, answer.output_tokens) == (count, count)


@pytest.mark.parametrize("usage", [None, [], 7, "many", {"prompt_tokens_details": [7]}])
async def test_without_counts_nothing_is_counted(usage: Any) -> None:
    """A server that does not say what it took is used all the same."""
    answer = await answered(completion(usage=usage))
    assert (answer.input_tokens, answer.output_tokens, answer.cost_usd) == (0, 0, 0.0)


@pytest.mark.req("MODEL-R10")
async def test_half_a_surrogate_pair_costs_no_answer() -> None:
    """Dropped from texts and keys, however deep; a whole pair stays, escaped or not."""
    said = r'{"a\ud83d": ["x\udc00y", {"deep": [["\ud800"]]}], "whole": "\ud83c\udf88 🎈"}'
    answer = await answered(completion(said))
    assert answer.content == {"a": ["xy", {"deep": [[""]]}], "whole": "🎈 🎈"}


COUNTS = ("prompt_tokens", "completion_tokens", "prompt_cache_hit_tokens", "prompt_tokens_details")
MESSAGES = st.fixed_dictionaries({"content": any_text | any_flat})
RESPONSES = st.fixed_dictionaries(
    {
        "choices": st.lists(st.fixed_dictionaries({"message": MESSAGES}), max_size=2),
        "model": any_text | any_flat,
        "usage": st.dictionaries(st.sampled_from(COUNTS), any_flat) | any_flat,
    }
)


@examples(5)
@given(any_json | RESPONSES)
def test_whatever_comes_a_completion_is_small_and_clean(response: Any) -> None:
    """Any JSON is no completion, or becomes one whose every value can be stored and sent on."""
    try:
        taken = read_completion(json.dumps(response).encode())
    except ModelAnswerUnusable:
        return
    assert len(taken["choices"]) == 1
    assert len(taken["model"]) <= MAX_MODEL_NAME_CHARS
    assert taken["model"].splitlines() in ([], [taken["model"]])
    assert all(0 <= count <= 2 * MAX_TOKENS_COUNTED for count in taken["usage"].values())
    json.dumps(taken, ensure_ascii=False).encode()


@pytest.mark.req("MODEL-R11")
@pytest.mark.parametrize("body", [b"", b"[" * 400_000, b'{"n": ' + b"9" * 5_000 + b"}", b"\xff\xfe", completion()[:-1]])
async def test_what_is_no_json_is_unusable(body: bytes) -> None:
    """Nothing, too deep, too long a number, no UTF-8, cut off."""
    with pytest.raises(ModelAnswerUnusable, match="no chat completion"):
        await answered(body)


async def test_an_answer_that_reached_its_limit_says_so() -> None:
    """What a runaway model says is cut by the server, and the reason is not that it cannot write JSON."""
    choice = {"finish_reason": "length", "message": {"role": "assistant", "content": '{"subject": "On and on'}}
    with pytest.raises(ModelAnswerUnusable, match="cut off after 2000 tokens"):
        await answered(completion(choices=[choice]))


@pytest.mark.req("MODEL-R15")
@pytest.mark.parametrize("finish_reason", ["stop", "length"])
async def test_an_unusable_answer_says_what_it_took(finish_reason: str) -> None:
    """Its words, its model, its tokens and its dollars ride on the failure."""
    choice = {"finish_reason": finish_reason, "message": {"role": "assistant", "content": "Of course!"}}
    usage = {"prompt_tokens": 1_000, "completion_tokens": 100}
    with pytest.raises(ModelAnswerUnusable) as failure:
        await answered(completion(choices=[choice], usage=usage, model="deepseek-flash"))
    unusable = failure.value
    assert (unusable.words, unusable.model) == ("Of course!", "deepseek-flash")
    assert (unusable.input_tokens, unusable.output_tokens) == (1_000, 100)
    assert unusable.cost_usd == pytest.approx(0.00042)


@pytest.mark.req("MODEL-R14")
@pytest.mark.parametrize(("name", "is_billed"), [("deepseek-flash", True), ("llama", False), ("", True)])
async def test_a_local_model_costs_nothing_unless_it_is_deepseeks(name: str, *, is_billed: bool) -> None:
    """A server on loopback may be a model of this machine or a way to DeepSeek; its name says which."""
    answer = await answered(completion(model=name, usage={"prompt_tokens": 1_000, "completion_tokens": 0}))
    assert (answer.cost_usd > 0) == is_billed


@pytest.mark.req("MODEL-R14")
async def test_a_local_model_needs_no_price() -> None:
    """Nobody bills it, whatever it calls itself."""
    models: dict[Tier, PricedModel] = {"standard": PricedModel("llama", None), "deep": PricedModel("llama", None)}
    async with (
        ScriptedModelServer(lambda _name, _system, _user: Reply("{}", model="deepseek-flash")) as server,
        deepseek(server.base_url, models=models) as make_llm,
    ):
        assert (await make_llm(tier="standard").ask(PROMPT)).cost_usd == 0.0


@pytest.mark.req("MODEL-R12")
async def test_an_answer_is_billed_at_the_hour_it_came() -> None:
    """The clock that is handed in says which rate holds: on a Monday at five in Beijing the peak one."""
    answer = await answered(completion(model="deepseek-flash", usage={"prompt_tokens": 1_000_000, "completion_tokens": 0}))
    assert answer.cost_usd == pytest.approx(PRICES["deepseek-flash"].input_usd)
