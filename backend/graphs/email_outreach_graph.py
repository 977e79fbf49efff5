"""Worker: payload -> draft with its faults named. The campaign's only writer.

    payload ─► compose ─► flag_faults ─► draft

It delegates the writing to `email_compose` and marks what a person must look at before approving. Spec: AA02.
"""

from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from backend.domain.campaign import Draft, Email, EmailPayload
from backend.domain.faults import name_faults
from backend.graphs import email_compose_graph
from backend.graphs.writing import WorkerDeps


class OutreachState(TypedDict):
    """`payload` goes in, `draft` comes out."""

    payload: EmailPayload
    draft: Draft


_compose_email = email_compose_graph.build()


# Nodes, in the order they run


async def compose(state: OutreachState, runtime: Runtime[WorkerDeps]) -> dict[str, Any]:
    """Have `email_compose` write the email."""
    written = await _compose_email.ainvoke({"payload": state["payload"]}, context=runtime.context)
    return {"draft": written["draft"]}


async def flag_faults(state: OutreachState) -> dict[str, Any]:
    """Name what a person must look at before approving; with a field nobody filled the draft is not approved unseen."""
    draft = state["draft"]
    email = Email(subject=draft["subject"], body=draft["body"])
    named = name_faults(email, state["payload"]["allowed_links"])
    return {"draft": {**draft, "graph_meta": {**draft["graph_meta"], **named}}}


# Topology


def build() -> CompiledStateGraph[Any, WorkerDeps, Any, Any]:
    """Compile the worker; `checkpointer=False` keeps it out of its leader's checkpoints."""
    return (
        StateGraph(OutreachState, context_schema=WorkerDeps)
        .add_node(compose)
        .add_node(flag_faults)
        .add_edge(START, "compose")
        .add_edge("compose", "flag_faults")
        .add_edge("flag_faults", END)
        .compile(checkpointer=False, name="email_outreach")
    )
