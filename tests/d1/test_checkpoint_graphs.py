"""Graphs over D1 beside the same graphs over LangGraph's InMemorySaver."""

from typing import Any, Literal

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from backend.checkpointer.saver import D1Saver
from backend.d1.meter import MeteredDatabase
from tests.d1.graphs import Graph, Saver, config_for, delta_graph, linear_graph, nested_graph, parallel_graph, say_yes, story_of

Durability = Literal["sync", "async", "exit"]
DURABILITIES: tuple[Durability, ...] = ("sync", "async", "exit")


async def run_linear(saver: Saver, thread_id: str, durability: Durability) -> list[Any]:
    """Start, look, answer, and tell everything that can be seen."""
    graph, config = linear_graph(saver), config_for(thread_id)
    started = await graph.ainvoke({"visited": ["in"]}, config, durability=durability)
    waiting = await story_of(graph, config)
    ended = await graph.ainvoke(say_yes(*started["__interrupt__"]), config, durability=durability)
    return [started["visited"], waiting, ended, await story_of(graph, config)]


async def run_parallel(saver: Saver, thread_id: str, durability: Durability) -> list[Any]:
    """Answer one interrupt of two, then the other."""
    graph, config = parallel_graph(saver), config_for(thread_id)
    seen: list[Any] = []
    state = await graph.ainvoke({"visited": []}, config, durability=durability)
    while "__interrupt__" in state:
        waiting = sorted(state["__interrupt__"], key=lambda each: each.value)
        seen.append([each.value for each in waiting])
        state = await graph.ainvoke(say_yes(waiting[0]), config, durability=durability)
        seen.append(await story_of(graph, config))
    return [*seen, state, await story_of(graph, config)]


async def run_nested(saver: Saver, thread_id: str, durability: Durability) -> list[Any]:
    """Answer an interrupt inside a graph inside the graph."""
    graph, config = nested_graph(saver), config_for(thread_id)
    started = await graph.ainvoke({"visited": []}, config, durability=durability)
    waiting = await graph.aget_state(config, subgraphs=True)
    seen = [(task.name, getattr(task.state, "values", None), getattr(task.state, "next", None)) for task in waiting.tasks]
    ended = await graph.ainvoke(say_yes(*started["__interrupt__"]), config, durability=durability)
    return [seen, ended, await states_of(graph, thread_id)]


async def run_deltas(saver: Saver, thread_id: str, durability: Durability) -> list[Any]:
    """Six turns over a channel that is rebuilt from its writes, then a state made by hand."""
    graph, config = delta_graph(saver), config_for(thread_id)
    turns = [await graph.ainvoke({"log": [f"turn {turn}"]}, config, durability=durability) for turn in range(6)]
    await graph.aupdate_state(config, {"log": ["by hand"]})
    return [turns, (await graph.aget_state(config)).values, await states_of(graph, thread_id)]


async def states_of(graph: Graph, thread_id: str) -> list[Any]:
    """The values of every state of the thread."""
    return [state.values async for state in graph.aget_state_history(config_for(thread_id))]


@pytest.mark.req("D1-R11")
@pytest.mark.parametrize("database", ["embedded", "worker"], indirect=True)
@pytest.mark.parametrize("durability", DURABILITIES)
@pytest.mark.parametrize("run", [run_linear, run_parallel, run_nested, run_deltas], ids=lambda run: run.__name__)
async def test_a_graph_is_as_over_memory(database: MeteredDatabase, thread_id: str, durability: Durability, run: Any) -> None:
    """Results, states, tasks, interrupts and pending writes are equal, whenever they are stored."""
    assert await run(D1Saver(database), thread_id, durability) == await run(InMemorySaver(), thread_id, durability)


@pytest.mark.req("D1-R11")
async def test_a_past_checkpoint_can_be_gone_on_from(saver: D1Saver, thread_id: str) -> None:
    """A run from the middle of a finished thread makes a branch, which is the latest then; the old one stays readable."""
    graph, config = linear_graph(saver), config_for(thread_id)
    started = await graph.ainvoke({"visited": []}, config)
    await graph.ainvoke(say_yes(*started["__interrupt__"]), config)
    history = [state async for state in graph.aget_state_history(config)]
    past = next(state for state in history if state.next == ("d",))
    forked = await graph.aupdate_state(past.config, {"visited": ["by hand"]})
    ended = await graph.ainvoke(None, forked)
    assert ended["visited"] == ["a", "b", "c:yes", "by hand", "d", "e"]
    assert (await graph.aget_state(config)).values == ended
    assert (await graph.aget_state(history[0].config)).values["visited"] == ["a", "b", "c:yes", "d", "e"]


@pytest.mark.req("D1-R12")
@pytest.mark.parametrize("durability", DURABILITIES)
async def test_an_edge_is_a_write_of_none_and_is_followed(saver: D1Saver, thread_id: str, durability: Durability) -> None:
    """LangGraph follows an edge by a write of None to `branch:to:…`; dropped, its node would silently never run."""
    graph, config = parallel_graph(saver), config_for(thread_id)
    await graph.ainvoke({"visited": []}, config, durability=durability)
    found = await saver.aget_tuple(config)
    assert found is not None
    assert ("answer", None) in [(channel, value) for _, channel, value in found.pending_writes or []]


async def test_synchronous_methods_name_the_one_to_call(saver: D1Saver, thread_id: str) -> None:
    """`invoke` on a graph over this saver says what to call instead."""
    with pytest.raises(NotImplementedError, match="D1Saver is asynchronous: call aget_tuple"):
        linear_graph(saver).invoke({"visited": []}, config_for(thread_id))
    calls: dict[str, tuple[Any, ...]] = {
        "put": ({}, {}, {}, {}),
        "put_writes": ({}, [], ""),
        "list": (None,),
        "delete_thread": ("",),
    }
    for name, arguments in calls.items():
        with pytest.raises(NotImplementedError, match=f"call a{name}"):
            getattr(saver, name)(*arguments)
