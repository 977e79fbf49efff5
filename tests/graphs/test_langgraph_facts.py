"""What we know of LangGraph 1.2.22 and build on: an upgrade that changes one of these facts fails here, and loudly.

DESIGN.md, section 4, says what each one means for the service.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Durability, interrupt

CONFIG = RunnableConfig(configurable={"thread_id": "close:ada"})

_transaction: ContextVar[list[str] | None] = ContextVar("transaction", default=None)


class State(TypedDict, total=False):
    """A thread of touches."""

    step: int
    draft: str
    approved: list[str]


class CountingSaver(InMemorySaver):
    """Counts what it is asked, and writes it into the caller's open transaction, if it sees one."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()

    def _count(self, call: str) -> None:
        self.calls[call] += 1
        if (collected := _transaction.get()) is not None:
            collected.append(call)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Count, and read."""
        self._count("aget_tuple")
        return await super().aget_tuple(config)

    async def aput(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata, new_versions: ChannelVersions
    ) -> RunnableConfig:
        """Count late, as a slow database would, and write."""
        await asyncio.sleep(0)
        self._count("aput")
        return await super().aput(config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Count late, as a slow database would, and write."""
        await asyncio.sleep(0)
        self._count("aput_writes")
        await super().aput_writes(config, writes, task_id, task_path)


class World:
    """Two touches, each composed, approved by interrupt, sent and scheduled; it counts what left."""

    def __init__(self) -> None:
        self.composed = 0
        self.sent: list[str] = []
        self.saver = CountingSaver()
        self.crash_after_send = False

    async def compose(self, state: State) -> State:
        """Write a new draft each time."""
        self.composed += 1
        return {"step": state.get("step", 0), "draft": f"draft {self.composed}"}

    async def approve(self, state: State) -> State:
        """Hold the draft."""
        answer: str = interrupt({"draft": state.get("draft")})
        return {"approved": [*state.get("approved", []), answer]}

    async def send(self, state: State) -> State:
        """Let it leave."""
        await asyncio.sleep(0)
        self.sent.append(state.get("draft", ""))
        if self.crash_after_send:
            self.crash_after_send = False
            msg = "the process was killed"
            raise RuntimeError(msg)
        return {"step": state.get("step", 0) + 1}

    def graph(self, *, touches: int = 2, planned: bool = False) -> Any:
        """Compile it; the planned topology has two more nodes at its start."""
        graph = (
            StateGraph(State)
            .add_node("compose", self.compose)
            .add_node("approve", self.approve)
            .add_node("send", self.send)
            .add_edge("compose", "approve")
            .add_edge("approve", "send")
            .add_conditional_edges("send", _next(touches), ["compose", END])
        )
        if planned:
            graph.add_node("plan", _pass).add_node("check", _pass)
            graph.add_edge(START, "plan").add_edge("plan", "check").add_edge("check", "compose")
        else:
            graph.add_edge(START, "compose")
        return graph.compile(checkpointer=self.saver)


async def _pass(state: State) -> State:
    return {"step": state.get("step", 0)}


def _next(touches: int) -> Callable[[State], str]:
    def after(state: State) -> str:
        return "compose" if state.get("step", 0) < touches else END

    return after


async def pending(graph: Any) -> Any:
    """The one interrupt the thread waits in."""
    state = await graph.aget_state(CONFIG)
    [waiting] = state.interrupts
    return waiting


async def test_a_fresh_input_restarts_a_waiting_thread_and_replaces_its_draft() -> None:
    """So a sweep never touches a thread that awaits a decision."""
    world = World()
    graph = world.graph()
    await graph.ainvoke({"step": 0}, CONFIG)
    held = await pending(graph)
    await graph.ainvoke({"step": 0}, CONFIG)
    replaced = await pending(graph)
    assert (held.value, replaced.value) == ({"draft": "draft 1"}, {"draft": "draft 2"})
    assert held.id != replaced.id


async def test_a_resume_without_an_id_sent_twice_approves_the_next_touch() -> None:
    """So a decision always names its interrupt."""
    world = World()
    graph = world.graph()
    await graph.ainvoke({"step": 0}, CONFIG)
    await graph.ainvoke(Command(resume="approve"), CONFIG)
    await graph.ainvoke(Command(resume="approve"), CONFIG)
    assert world.sent == ["draft 1", "draft 2"]


async def test_a_resume_by_a_stale_id_or_of_a_finished_thread_is_silently_ignored() -> None:
    """So `decide` itself answers 404 or 409: the graph would say nothing."""
    world = World()
    graph = world.graph()
    await graph.ainvoke({"step": 0}, CONFIG)
    first = await pending(graph)
    for _ in range(2):
        await graph.ainvoke(Command(resume={first.id: "approve"}), CONFIG)
    assert world.sent == ["draft 1"]
    await graph.ainvoke(Command(resume={(await pending(graph)).id: "approve"}), CONFIG)
    finished = await graph.ainvoke(Command(resume={first.id: "approve"}), CONFIG)
    assert world.sent == ["draft 1", "draft 2"]
    assert finished["approved"] == ["approve", "approve"]


async def test_a_resume_of_an_unknown_thread_starts_it() -> None:
    """So the waiting node is checked before a decision is handed to the graph."""
    world = World()
    await world.graph().ainvoke(Command(resume={"0" * 32: "approve"}), CONFIG)
    assert world.composed == 1


async def test_two_resumes_at_once_both_run_the_node_after() -> None:
    """So a thread has a lease: a checkpointer is no lock."""
    world = World()
    graph = world.graph(touches=1)
    await graph.ainvoke({"step": 0}, CONFIG)
    decision: Command[Any] = Command(resume={(await pending(graph)).id: "approve"})
    await asyncio.gather(graph.ainvoke(decision, CONFIG), graph.ainvoke(decision, CONFIG))
    assert world.sent == ["draft 1", "draft 1"]


async def test_a_crash_after_the_send_runs_the_node_again() -> None:
    """So a send has a ledger of its own."""
    world = World()
    world.crash_after_send = True
    graph = world.graph(touches=1)
    await graph.ainvoke({"step": 0}, CONFIG)
    with pytest.raises(RuntimeError):
        await graph.ainvoke(Command(resume="approve"), CONFIG)
    await graph.ainvoke(None, CONFIG)
    assert world.sent == ["draft 1", "draft 1"]


async def test_a_second_interrupt_of_one_node_can_be_answered_by_the_first_answer() -> None:
    """So a node interrupts once: an answer is matched by its place, and a condition that changed moves the places."""
    facts = {"budget approved": False}
    answers: dict[str, str] = {}

    async def approve(state: State) -> State:
        if not facts["budget approved"]:
            answers["budget"] = interrupt("May it cost that much?")
        answers["draft"] = interrupt("May this leave?")
        return state

    graph = StateGraph(State).add_node("approve", approve).add_edge(START, "approve").compile(checkpointer=InMemorySaver())
    await graph.ainvoke({"step": 0}, CONFIG)
    facts["budget approved"] = True
    await graph.ainvoke(Command(resume="yes, the budget is fine"), CONFIG)
    assert answers == {"draft": "yes, the budget is fine"}


async def test_a_waiting_thread_may_be_resumed_by_the_other_topology() -> None:
    """So a flag may be flipped under a held draft: it takes the waiting node in both."""
    world = World()
    await world.graph(planned=True).ainvoke({"step": 0}, CONFIG)
    baseline = world.graph(touches=1)
    await baseline.ainvoke(Command(resume={(await pending(baseline)).id: "approve"}), CONFIG)
    assert world.sent == ["draft 1"]


@pytest.mark.parametrize(
    ("durability", "calls"),
    [
        ("exit", {"aget_tuple": 1, "aput": 1, "aput_writes": 1}),
        ("sync", {"aget_tuple": 1, "aput": 5, "aput_writes": 5}),
    ],
)
async def test_what_a_run_to_its_first_interrupt_asks_of_the_saver(durability: Durability, calls: dict[str, int]) -> None:
    """So runs use "exit": one read and two writes, where "sync" makes eleven calls."""
    world = World()
    await world.graph(planned=True).ainvoke({"step": 0}, CONFIG, durability=durability)
    assert dict(world.saver.calls) == calls


async def test_a_run_that_raises_keeps_what_ran_before_and_a_new_input_starts_over() -> None:
    """So a plan survives a failed composition, and the next sweep finds it at the start."""
    saver, asked = InMemorySaver(), list[str]()

    async def plan(state: State) -> State:
        if "draft" in state:
            return {}
        asked.append("plan")
        return {"draft": "the plan"}

    async def compose(state: State) -> State:
        asked.append("compose")
        if asked.count("compose") == 1:
            msg = "the model is down"
            raise RuntimeError(msg)
        return {"step": state.get("step", 0) + 1}

    graph = StateGraph(State).add_node("plan", plan).add_node("compose", compose)
    graph.add_edge(START, "plan").add_edge("plan", "compose")
    compiled: Any = graph.compile(checkpointer=saver)
    with pytest.raises(RuntimeError):
        await compiled.ainvoke({"step": 0}, CONFIG, durability="exit")
    assert (await compiled.aget_state(CONFIG)).values == {"step": 0, "draft": "the plan"}
    assert await compiled.ainvoke({"step": 0}, CONFIG, durability="exit") == {"step": 1, "draft": "the plan"}
    assert asked == ["plan", "compose", "compose"]


async def test_a_transaction_in_a_context_variable_is_seen_by_every_write_of_a_run() -> None:
    """So a run collects its statements and commits once: all of them are there when `ainvoke` returns."""
    world, collected = World(), list[str]()
    token = _transaction.set(collected)
    try:
        await world.graph().ainvoke({"step": 0}, CONFIG, durability="exit")
    finally:
        _transaction.reset(token)
    assert Counter(collected) == world.saver.calls == {"aget_tuple": 1, "aput": 1, "aput_writes": 1}


def with_worker(saver: CountingSaver, *, inherits: bool) -> Any:
    """A leader whose one node calls a worker graph of two."""
    worker: Any = StateGraph(State).add_node("gather", _pass).add_node("write", _pass)
    worker = worker.add_edge(START, "gather").add_edge("gather", "write")
    worker = worker.compile(checkpointer=None if inherits else False)

    async def delegate(state: State) -> State:
        written: State = await worker.ainvoke({"step": state.get("step", 0) + 1})
        return written

    return StateGraph(State).add_node("delegate", delegate).add_edge(START, "delegate").compile(checkpointer=saver)


@pytest.mark.parametrize(("inherits", "puts"), [(True, 7), (False, 3)])
async def test_a_worker_writes_its_leaders_checkpoints_unless_told_not_to(*, inherits: bool, puts: int) -> None:
    """So workers are compiled with `checkpointer=False`."""
    saver = CountingSaver()
    await with_worker(saver, inherits=inherits).ainvoke({"step": 0}, CONFIG, durability="async")
    assert saver.calls["aput"] == puts


@pytest.mark.parametrize("durability", ["exit", "async"])
async def test_a_worker_without_a_checkpointer_runs(durability: Durability) -> None:
    """Under "exit", which the service uses, and under "async"."""
    graph = with_worker(CountingSaver(), inherits=False)
    assert (await graph.ainvoke({"step": 0}, CONFIG, durability=durability)) == {"step": 1}


async def test_a_worker_without_a_checkpointer_does_not_run_under_sync() -> None:
    """So nothing here asks for "sync"."""
    with pytest.raises(AttributeError):
        await with_worker(CountingSaver(), inherits=False).ainvoke({"step": 0}, CONFIG, durability="sync")


@dataclass
class Plan:
    """A plan as somebody might be tempted to keep it."""

    cadence_days: tuple[int, ...]


def test_strict_msgpack_revives_json_types_as_they_were_and_others_differently() -> None:
    """So state holds JSON types: a tuple comes back as a list, and a class of ours as a dict."""
    serde = JsonPlusSerializer()
    plain = {"plan": {"cadence_days": [0, 4, 7], "angle": "a", "share": 0.5, "on": True, "none": None}}
    assert serde.loads_typed(serde.dumps_typed(plain)) == plain
    assert serde.loads_typed(serde.dumps_typed((0, 4, 7))) == [0, 4, 7]
    assert serde.loads_typed(serde.dumps_typed(Plan((0, 4, 7)))) == {"cadence_days": [0, 4, 7]}
