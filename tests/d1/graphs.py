"""Small graphs whose checkpoints the tests look at, and ways to look."""

import operator
from collections.abc import Sequence
from typing import Annotated, Any, TypedDict, cast

from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.runnables import RunnableConfig
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver, ChannelVersions, CheckpointMetadata, empty_checkpoint
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, Interrupt, interrupt

Graph = CompiledStateGraph[Any, Any, Any, Any]
Saver = BaseCheckpointSaver[Any]


class Trace(TypedDict, total=False):
    """Where a run has been; `answer` may be None."""

    visited: Annotated[list[str], operator.add]
    answer: Any


class Chat(TypedDict):
    """A conversation."""

    messages: Annotated[list[AnyMessage], add_messages]


def config_for(thread_id: str, *, metadata: dict[str, Any] | None = None, **more: Any) -> RunnableConfig:
    """The config of a thread's root namespace."""
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": "", **more}, "metadata": metadata or {}}


def visit(name: str, answer: Any = None) -> Any:
    """A node that says it was there."""

    def node(state: Trace) -> Trace:
        del state
        return {"visited": [name], "answer": answer}

    return node


def ask(name: str) -> Any:
    """A node that waits for an answer."""

    def node(state: Trace) -> dict[str, Any]:
        del state
        return {"visited": [f"{name}:{interrupt(f'{name}?')}"]}

    return node


def say_yes(*interrupts: Interrupt) -> Command[Any]:
    """Answer these interrupts."""
    return Command(resume={each.id: "yes" for each in interrupts})


def linear_graph(saver: Saver) -> Graph:
    """Build a → b → c (which waits) → d → e."""
    builder = StateGraph(Trace)
    for name in "abde":
        builder.add_node(name, visit(name))
    builder.add_node("c", ask("c"))
    for start, end in zip([START, *"abcde"], [*"abcde", END], strict=True):
        builder.add_edge(start, end)
    return builder.compile(checkpointer=saver)


def parallel_graph(saver: Saver) -> Graph:
    """Build a fan: two nodes that wait and one that does not, side by side, and one after all three."""
    builder = StateGraph(Trace)
    builder.add_node("first", ask("first"))
    builder.add_node("second", ask("second"))
    builder.add_node("third", visit("third"))
    builder.add_node("last", visit("last", answer={"deep": [1, 2.5, "three", None]}))
    for name in ("first", "second", "third"):
        builder.add_edge(START, name)
    builder.add_edge(["first", "second", "third"], "last")
    return builder.compile(checkpointer=saver)


def chat_graph(saver: Saver, reply: str) -> Graph:
    """Build a chat whose model always says the same."""

    def model(state: Chat) -> dict[str, Any]:
        return {"messages": [AIMessage(f"{len(state['messages'])} {reply}")]}

    return StateGraph(Chat).add_node("model", model).add_edge(START, "model").compile(checkpointer=saver)


def extend(old: list[str], writes: Sequence[list[str]]) -> list[str]:
    """Reduce a delta channel."""
    return [*old, *(item for write in writes for item in write)]


def nested_graph(saver: Saver) -> Graph:
    """Build a graph whose middle is a graph of its own, which waits and keeps checkpoints in its own namespace."""
    inner = StateGraph(Trace).add_node("ask", ask("inner")).add_node("tell", visit("tell"))
    inner.add_edge(START, "ask").add_edge("ask", "tell")
    outer = (
        StateGraph(Trace)
        .add_node("before", visit("before"))
        .add_node("inner", inner.compile())
        .add_node("after", visit("after"))
    )
    outer.add_edge(START, "before").add_edge("before", "inner").add_edge("inner", "after")
    return outer.compile(checkpointer=saver)


class Log(TypedDict):
    """A state that grows by deltas."""

    log: Annotated[list[str], DeltaChannel(extend, list, snapshot_frequency=4)]


def delta_graph(saver: Saver) -> Graph:
    """Build a graph that notes a line a turn in a delta channel."""

    def note(state: Log) -> dict[str, Any]:
        return {"log": [f"noted {len(state['log'])}"]}

    return StateGraph(Log).add_node("note", note).add_edge(START, "note").compile(checkpointer=saver)


async def put(
    saver: Saver,
    thread_id: str,
    values: dict[str, Any],
    *,
    parent: RunnableConfig | None = None,
    source: str = "loop",
) -> RunnableConfig:
    """Store a checkpoint with these channel values, without a graph."""
    versions: ChannelVersions = dict.fromkeys(values, 1)
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"], checkpoint["channel_versions"] = values, versions
    metadata = cast("CheckpointMetadata", {"source": source, "step": 0, "parents": {}})
    return await saver.aput(parent or config_for(thread_id), checkpoint, metadata, versions)


async def values_of(saver: Saver, config: RunnableConfig) -> dict[str, Any]:
    """The channel values of a checkpoint."""
    found = await saver.aget_tuple(config)
    assert found is not None
    return found.checkpoint["channel_values"]


async def story_of(graph: Graph, config: RunnableConfig) -> list[Any]:
    """A thread's history without its ids: states, their tasks and interrupts, and the pending writes in their order."""
    states = [
        (state.values, state.next, step_of(state.metadata), [_task(task) for task in state.tasks])
        async for state in graph.aget_state_history(config)
    ]
    saver = cast("Saver", graph.checkpointer)
    writes = [
        [(channel, _plain(value)) for _, channel, value in found.pending_writes or []] async for found in saver.alist(config)
    ]
    return [states, writes]


def step_of(metadata: CheckpointMetadata | None) -> int | None:
    """The step a checkpoint was made in."""
    return (metadata or {}).get("step")


def _task(task: Any) -> tuple[Any, ...]:
    return task.name, task.error, task.result, [each.value for each in task.interrupts]


def _plain(value: Any) -> Any:
    """A value without ids, which differ between runs."""
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in cast("list[Any]", value)]
    return getattr(value, "value", value)
