"""The model's settings: which models are asked for, at what price, and what an empty variable means."""

import pytest

from backend.demo.scripted_model import Reply, ScriptedModelServer
from backend.errors import SettingRefused
from backend.llm import DeepSeek
from backend.ports import Answer, Prompt, Tier
from backend.settings import Settings, read_settings
from backend.wiring import make_deepseek
from tests.fakes.clock import FixedClock

TIERS: tuple[Tier, ...] = ("standard", "deep")
PROMPT = Prompt(name="email:compose", system="Answer with one JSON object.", user="Ada, at Example Forge")
NEW_NAME = '{"deepseek-v5": [10, 5, 20]}'


async def ask(make_llm: DeepSeek, tier: Tier) -> Answer:
    """One ask, and the client is closed."""
    async with make_llm:
        return await make_llm(tier=tier).ask(PROMPT)


@pytest.mark.req("MODEL-R5")
@pytest.mark.usefixtures("models_allowed")
async def test_the_settings_name_the_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Today's names are the defaults, and another name is asked for as it stands."""
    async with ScriptedModelServer(lambda _name, _system, _user: "{}") as server:
        local: dict[str, object] = {"deepseek_base_url": server.base_url, "deepseek_api_key": "sk-test"}
        for tier in TIERS:
            await ask(make_deepseek(local), tier)
        monkeypatch.setenv("DEEPSEEK_MODEL_STANDARD", "llama")
        monkeypatch.setenv("DEEPSEEK_MODEL_DEEP", "llama-large")
        for tier in TIERS:
            await ask(make_deepseek(local), tier)
    asked = [request.body["model"] for request in server.requests]
    assert asked == ["deepseek-flash", "deepseek-v4-pro", "llama", "llama-large"]


@pytest.mark.req("MODEL-R13")
@pytest.mark.usefixtures("models_allowed")
async def test_a_price_may_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a name that is new and for one that is known: three numbers in dollars per million tokens, at peak."""
    monkeypatch.setenv("MODEL_PRICES", '{"deepseek-v5": [10, 5, 20], "deepseek-v4-pro": [1000, 500, 2000]}')
    monkeypatch.setenv("DEEPSEEK_MODEL_STANDARD", "deepseek-v5")
    reply = Reply("{}" + " " * 398, model="deepseek", cached_tokens=4)
    async with ScriptedModelServer(lambda _name, _system, _user: reply) as server:
        local: dict[str, object] = {"deepseek_base_url": server.base_url, "deepseek_api_key": "sk-test"}
        answers = [await ask(make_deepseek(local, clock=FixedClock()), tier) for tier in TIERS]
    for answer, scale in zip(answers, (1, 100), strict=True):
        fresh = answer.input_tokens - 4
        assert answer.cost_usd == pytest.approx(scale * (fresh * 10 + 4 * 5 + 100 * 20) / 1_000_000)


@pytest.mark.req("MODEL-R13")
@pytest.mark.parametrize(
    "text",
    ["cheap", "[]", "{", '{"a": 1}', '{"a": [1, 2]}', '{"a": [1, 2, -3]}', '{"a": [1, 2, Infinity]}', '{"a": [1, 2, "x"]}'],
)
def test_prices_that_cannot_be_read_refuse_to_start(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """The sentence names the variable."""
    monkeypatch.setenv("MODEL_PRICES", text)
    with pytest.raises(SettingRefused, match="MODEL_PRICES"):
        read_settings()


@pytest.mark.req("MODEL-R13")
@pytest.mark.parametrize("variable", ["DEEPSEEK_MODEL_STANDARD", "DEEPSEEK_MODEL_DEEP"])
async def test_deepseek_is_not_asked_for_a_model_without_a_price(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """It would look free; with a price it may be asked for."""
    monkeypatch.setenv(variable, "deepseek-v5")
    with pytest.raises(SettingRefused, match="MODEL_PRICES holds no price for 'deepseek-v5'"):
        make_deepseek()
    monkeypatch.setenv("MODEL_PRICES", NEW_NAME)
    async with make_deepseek():
        pass


@pytest.mark.req("MODEL-R22")
@pytest.mark.parametrize("blank", ["", " ", "\t \n"])
def test_a_blank_variable_is_unset(monkeypatch: pytest.MonkeyPatch, blank: str) -> None:
    """Every one of them, as an empty one is."""
    for field in Settings.model_fields:
        monkeypatch.setenv(field.upper(), blank)
    assert read_settings() == Settings.model_construct()
