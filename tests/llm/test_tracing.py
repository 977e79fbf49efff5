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
from backend.llm import DeepSeek
from backend.ports import Answer, Model, Prompt

PROMPT = Prompt(name="email:compose", system="Answer with one JSON object.", user="Ada, at Example Forge")


class LangSmithOnLoopback:
    """Stands where LangSmith would, and keeps every byte it is sent."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.url = ""

    async def keep(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Keep one request, whole, and accept it."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        self.received.append(head + await reader.readexactly(length))
        writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()


@pytest.fixture
async def langsmith() -> AsyncIterator[LangSmithOnLoopback]:
    """A LangSmith of our own."""
    stand_in = LangSmithOnLoopback()
    async with await asyncio.start_server(stand_in.keep, "127.0.0.1", 0) as server:
        stand_in.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield stand_in


@pytest.fixture
async def model() -> AsyncIterator[Model]:
    """A model of the adapter."""
    async with (
        ScriptedModelServer(lambda _name, _system, _user: "{}") as server,
        DeepSeek(api_key="sk-test", base_url=server.base_url, deadline_s=30, kill_switch=lambda: False) as make_llm,
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
