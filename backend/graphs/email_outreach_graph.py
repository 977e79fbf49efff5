"""Worker: payload -> marked draft. The campaign's only writer.

    payload ─► compose ─► mark_unresolved ─► draft

It delegates the writing to `email_compose` and marks what a person must look at before approving. Spec: AA02.
"""

from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from backend.domain.campaign import Draft, EmailPayload
from backend.domain.text import UNRESOLVED_FIELD
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


async def mark_unresolved(state: OutreachState) -> dict[str, Any]:
    """Name the merge fields and placeholders nobody filled: a draft with one in it cannot be approved as it stands."""
    draft = state["draft"]
    unresolved = sorted(set(UNRESOLVED_FIELD.findall(f"{draft['subject']}\n{draft['body']}")))
    if not unresolved:
        return {}
    return {"draft": {**draft, "graph_meta": {**draft["graph_meta"], "unresolved_fields": unresolved}}}


# Topology


def build() -> CompiledStateGraph[Any, WorkerDeps, Any, Any]:
    """Compile the worker; `checkpointer=False` keeps it out of its leader's checkpoints."""
    return (
        StateGraph(OutreachState, context_schema=WorkerDeps)
        .add_node(compose)
        .add_node(mark_unresolved)
        .add_edge(START, "compose")
        .add_edge("compose", "mark_unresolved")
        .add_edge("mark_unresolved", END)
        .compile(checkpointer=False, name="email_outreach")
    )
