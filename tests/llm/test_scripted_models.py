"""The scripted server and the scripted fake do what a test or a demo tells them, and say what they were asked."""

import httpx
import pytest

from backend.demo.scripted_model import ModelRequest, ScriptedModelServer
from backend.errors import ModelCallFailed, ModelSwitchedOff
from backend.ports import Prompt
from tests.fakes.scripted_model import Said, scripted_llm


def completion_of(system: str, user: str = "data") -> dict[str, object]:
    """The body of a request, as any OpenAI client writes it."""
    return {"model": "m", "messages": [{"role": "system", "content": system}, {"role": "user", "content": user}]}


@pytest.mark.parametrize("path", ["/chat/completions", "/v1/chat/completions"])
async def test_the_server_tells_prompts_apart_by_their_first_line(path: str) -> None:
    """The script gets the prompt's name, the rules without that line, and the data; the request is kept as it came."""
    body = completion_of("Prompt: email:role_plan\n\nAnswer with JSON.")
    async with (
        ScriptedModelServer(lambda name, system, user: f"{name}|{system}|{user}") as server,
        httpx.AsyncClient(trust_env=False, base_url=server.base_url) as client,
    ):
        answer = (await client.post(path, json=body)).json()
    assert answer["choices"][0]["message"]["content"] == "email:role_plan|Answer with JSON.|data"
    assert answer["model"] == "scripted"
    assert server.requests == [ModelRequest("email:role_plan", "Answer with JSON.", "data", body)]


async def test_a_prompt_without_a_name_has_an_empty_one() -> None:
    """Its rules stay whole."""
    async with (
        ScriptedModelServer(lambda name, system, _user: f"[{name}] {system}") as server,
        httpx.AsyncClient(trust_env=False, base_url=server.base_url) as client,
    ):
        answer = (await client.post("/chat/completions", json=completion_of("Rules.\nMore."))).json()
    assert answer["choices"][0]["message"]["content"] == "[] Rules.\nMore."


async def test_the_server_has_one_route() -> None:
    """Anything else is 404 and not a request to the model."""
    async with (
        ScriptedModelServer(lambda _name, _system, _user: "{}") as server,
        httpx.AsyncClient(trust_env=False, base_url=server.base_url) as client,
    ):
        assert (await client.get("/models")).status_code == 404
    assert server.requests == []


async def test_a_script_that_raises_is_not_lost() -> None:
    """Its client sees a connection that broke; whoever runs the server sees the exception when the block ends."""

    def script(_name: str, _system: str, _user: str) -> str:
        msg = "the script has a hole"
        raise KeyError(msg)

    async def run() -> None:
        async with ScriptedModelServer(script) as server, httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.post(f"{server.base_url}/chat/completions", json=completion_of("Prompt: email:compose"))

    with pytest.raises(KeyError, match="the script has a hole"):
        await run()


async def test_the_fake_says_its_lines_in_order() -> None:
    """One line for each ask, and the last one again after that; an exception is a line as well."""
    llm = scripted_llm({"email:compose": ['{"n": 1}', ModelCallFailed("HTTP 500"), {"n": 3}]})
    model = llm(tier="deep")
    prompt = Prompt("email:compose", "rules", "data")
    assert (await model.ask(prompt)).content == {"n": 1}
    with pytest.raises(ModelCallFailed):
        await model.ask(prompt)
    assert (await model.ask(prompt)).content == (await model.ask(prompt)).content == {"n": 3}
    assert llm.count("email:compose") == 4
    assert {asked.tier for asked in llm.asked} == {"deep"}


async def test_the_fake_can_think() -> None:
    """A line may be a function of the prompt."""

    def echo(prompt: Prompt) -> Said:
        return {"user": prompt.user}

    llm = scripted_llm({"email:reply": echo})
    assert (await llm(tier="standard").ask(Prompt("email:reply", "", "hello"))).content == {"user": "hello"}


async def test_the_fake_has_nothing_to_say_to_other_prompts() -> None:
    """A prompt the script does not name is no request, as if models were off for it."""
    llm = scripted_llm({})
    with pytest.raises(ModelSwitchedOff, match="campaign:coach_plan"):
        await llm(tier="standard").ask(Prompt("campaign:coach_plan", "", ""))
    assert llm.asked == []
