"""A model call is never traced, whoever asks for tracing: prompts hold what is known of a person."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableLambda
from langsmith import Client, tracing_context  # pyright: ignore[reportUnknownVariableType]  # its types are partly open

from backend.demo.scripted_model import ScriptedModelServer
from backend.ports import Answer, Model, Prompt
from tests.fakes.langsmith import LangSmithOnLoopback, langsmith_on_loopback
from tests.llm.adapter import deepseek

PROMPT = Prompt(name="email:compose", system="Answer with one JSON object.", user="Ada, at Example Forge")


@pytest.fixture
async def langsmith() -> AsyncIterator[LangSmithOnLoopback]:
    """A LangSmith of our own."""
    async with langsmith_on_loopback() as stand_in:
        yield stand_in


@pytest.fixture
async def model() -> AsyncIterator[Model]:
    """A model of the adapter."""
    async with (
        ScriptedModelServer(lambda _name, _system, _user: "{}") as server,
        deepseek(server.base_url) as make_llm,
    ):
        yield make_llm(tier="standard")


async def test_nothing_of_a_call_reaches_langsmith(langsmith: LangSmithOnLoopback, model: Model) -> None:
    """With tracing on around the call, the caller's run is sent, and the call inside it is not."""

    async def think(_state: object) -> str:
        await model.ask(PROMPT)
        return "thought"

    client = Client(api_url=langsmith.url, api_key="ls-test", info={})
    with tracing_context(enabled=True, client=client):
        await RunnableLambda(think, name="the caller").ainvoke({})
    await asyncio.to_thread(client.flush)
    await asyncio.to_thread(client.cleanup)
    sent = b"".join(langsmith.received)
    assert b"the caller" in sent
    assert b"ChatOpenAI" not in sent
    assert b"Ada" not in sent


class Listener(BaseCallbackHandler):
    """Hears of the model calls it is told about."""

    def __init__(self) -> None:
        self.heard: list[list[list[BaseMessage]]] = []
        self.chains = 0

    def on_chain_start(self, *_args: Any, **_kwargs: Any) -> None:
        """Count the runs around a call."""
        self.chains += 1

    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], *, run_id: UUID, **kwargs: Any
    ) -> None:
        """Remember the prompt."""
        del serialized, run_id, kwargs
        self.heard.append(messages)


async def test_a_graphs_listeners_are_not_told(model: Model) -> None:
    """What a surrounding graph hands down to its nodes, a tracer for one, does not hear the prompt."""
    listener = Listener()

    async def node(_state: object) -> Answer:
        return await model.ask(PROMPT)

    await RunnableLambda(node).ainvoke({}, {"callbacks": [listener]})
    assert listener.chains == 1
    assert listener.heard == []
