"""Worker: the facts one email rests on, in the order a writer should think of them.

    payload ─► rank_facts ─► brief

Stateless, like the other workers, and without a model: a rule ranks what is known. Spec: BRIEF, and AA06 (researcher).
"""

from collections.abc import Sequence
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from backend.domain.campaign import Email, EmailPayload
from backend.domain.facts import MAX_COMPANY_FACTS, Fact, tells
from backend.domain.outside_words import orders_a_writer

# Policy


def _rank_facts(facts: Sequence[Fact], history: Sequence[Email]) -> list[Fact]:
    """At most 8 of `facts`: those that an email told come last, then the surest first, and of equals the newest.

    A fact that gives a writer orders is left out, and so is one that a newer fact of the same field and source overtakes.
    """
    newest: dict[tuple[str, str], Fact] = {}
    for fact in sorted(facts, key=lambda fact: (fact["observed_at"], fact["confidence"], fact["value"])):
        if not orders_a_writer(fact["value"]):
            newest[fact["field"], fact["source"]] = fact
    # Sorts are stable, so the last key sorted by is the first that counts.
    ranked = sorted(newest.values(), key=lambda fact: (fact["field"], fact["source"]))
    ranked.sort(key=lambda fact: (fact["confidence"], fact["observed_at"]), reverse=True)
    ranked.sort(key=lambda fact: any(tells(email["body"], fact["value"]) for email in history))
    return ranked[:MAX_COMPANY_FACTS]


# State


class ResearchState(TypedDict):
    """`payload` goes in, `brief` comes out."""

    payload: EmailPayload
    brief: list[Fact]


# Nodes, in the order they run


async def rank_facts(state: ResearchState) -> dict[str, Any]:
    """Rank the payload's facts against the emails that were sent before."""
    payload = state["payload"]
    return {"brief": _rank_facts(payload["facts"], payload["history"])}


# Topology


def build() -> CompiledStateGraph[Any, Any, Any, Any]:
    """Compile the worker; `checkpointer=False` keeps it out of its leader's checkpoints."""
    return (
        StateGraph(ResearchState)
        .add_node(rank_facts)
        .add_edge(START, "rank_facts")
        .add_edge("rank_facts", END)
        .compile(checkpointer=False, name="email_research")
    )
