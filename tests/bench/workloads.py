"""What every saver is put through: the graphs, and the calls on them that are measured one by one."""

import random
from collections.abc import Awaitable, Callable, Sequence
from operator import add
from typing import Annotated, Any, TypeAlias, TypedDict
from uuid import uuid4

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, Durability, interrupt

Saver: TypeAlias = BaseCheckpointSaver[Any]
Graph: TypeAlias = CompiledStateGraph[Any, Any, Any, Any]
Workload: TypeAlias = Callable[[], Awaitable[object]]

CHAT_TURNS = 10
DELTA_TURNS = 8
HISTORY = 20
WORDS_A_MESSAGE = 180
VOCABULARY = 400


# a ─► b ─► c ⏸ ─► d ─► e


class Trail(TypedDict):
    """Which nodes ran, and how many."""

    names: Annotated[list[str], add]
    count: int


def _step(name: str, *, asks: bool = False) -> Any:
    async def step(state: Trail) -> dict[str, Any]:
        answer = interrupt({"asks": name}) if asks else name
        return {"names": [answer], "count": state["count"] + 1}

    return step


def build_trail(saver: Saver) -> Graph:
    """Five nodes in a row, of which the third asks a person."""
    names = ["a", "b", "c", "d", "e"]
    graph = StateGraph(Trail)
    for before, name in zip([START, *names], names, strict=False):
        graph.add_node(name, _step(name, asks=name == "c")).add_edge(before, name)
    return graph.compile(checkpointer=saver)


# A chat, in a channel that is stored whole and in one of which only what was added is stored


def prose(seed: int) -> str:
    """A message of about 1.4 kB that compresses as prose does; the same for the same seed."""
    dice = random.Random(seed)  # noqa: S311  # the same text in every run
    letters = random.Random(VOCABULARY)  # noqa: S311  # the same words in every run
    words = ["".join(letters.choices("etaoinshrdlu", k=letters.randint(2, 9))) for _ in range(VOCABULARY)]
    return " ".join(dice.choices(words, k=WORDS_A_MESSAGE))


def _extend(messages: list[AnyMessage], added: Sequence[list[AnyMessage]]) -> list[AnyMessage]:
    return [*messages, *(message for each in added for message in each)]


class DeltaState(TypedDict):
    """The messages of a chat, stored as what each node added."""

    messages: Annotated[list[AnyMessage], DeltaChannel(_extend)]


def _say(name: str) -> Any:
    async def say(state: Any) -> dict[str, Any]:
        number = len(state["messages"])
        return {"messages": [AIMessage(prose(number), id=f"{name}-{number}")]}

    return say


def build_chat(saver: Saver, state: type[Any] = MessagesState) -> Graph:
    """Three nodes a turn, each of which adds a message."""
    names = ["plan", "search", "answer"]
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(state)
    for before, name in zip([START, *names], names, strict=False):
        graph.add_node(name, _say(name)).add_edge(before, name)
    return graph.compile(checkpointer=saver)


# Measured calls


def _thread(thread_id: str) -> RunnableConfig:
    return RunnableConfig(configurable={"thread_id": thread_id})


async def chat(graph: Graph, thread: RunnableConfig, turns: int) -> None:
    """Let a person say something `turns` times."""
    for turn in range(turns):
        said = HumanMessage(prose(1000 + turn), id=f"person-{turn}")
        await graph.ainvoke({"messages": [said]}, thread, durability="sync")


async def history(saver: Saver, thread: RunnableConfig) -> None:
    """Read the newest `HISTORY` checkpoints of a thread; the peer's cannot be read as states, because it confuses types.

    Raises:
        AssertionError: the saver lost some of them.
    """
    found = [each async for each in saver.alist(thread, limit=HISTORY)]
    assert len(found) == HISTORY


async def delta_state(graph: Graph, thread: RunnableConfig) -> None:
    """Read the state whose messages are spread over the thread's checkpoints.

    Raises:
        AssertionError: the saver lost some of them.
    """
    state = await graph.aget_state(thread)
    assert len(state.values["messages"]) == 4 * DELTA_TURNS


async def resume(graph: Graph, thread: RunnableConfig, durability: Durability) -> None:
    """Answer the node that asks, and run to the end.

    Raises:
        AssertionError: a node did not run.
    """
    state = await graph.ainvoke(Command(resume="c"), thread, durability=durability)
    assert state["names"] == ["a", "b", "c", "d", "e"]


def workloads(saver: Saver) -> dict[str, Workload]:
    """Every measured call by name, in the order in which they are made."""
    trail, talk, delta = build_trail(saver), build_chat(saver), build_chat(saver, DeltaState)
    begin = Trail(names=[], count=0)
    patient_id = uuid4().hex
    patient, hurried, talked, grown = map(_thread, (patient_id, uuid4().hex, uuid4().hex, uuid4().hex))
    return {
        "chat": lambda: chat(talk, talked, CHAT_TURNS),
        "start sync": lambda: trail.ainvoke(begin, patient, durability="sync"),
        "resume sync": lambda: resume(trail, patient, "sync"),
        "start exit": lambda: trail.ainvoke(begin, hurried, durability="exit"),
        "resume exit": lambda: resume(trail, hurried, "exit"),
        "get_state": lambda: trail.aget_state(patient),
        "history": lambda: history(saver, talked),
        "update_state": lambda: trail.aupdate_state(patient, {"count": 0}),
        "delta chat": lambda: chat(delta, grown, DELTA_TURNS),
        "delta get_state": lambda: delta_state(delta, grown),
        "delete_thread": lambda: saver.adelete_thread(patient_id),
    }
