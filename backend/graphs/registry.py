"""Every graph by name; the one place a graph is looked up."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from langgraph.graph.state import CompiledStateGraph

from backend.graphs import (
    campaign_graph,
    email_compose_graph,
    email_orchestrator_graph,
    email_outreach_graph,
    email_reply_graph,
    email_research_graph,
)


@dataclass(frozen=True, slots=True)
class GraphEntry:
    """One graph of the fleet: how it is built, what it is in one line, and which flag switches its second topology on."""

    build: Callable[..., CompiledStateGraph[Any, Any, Any, Any]]
    line: str
    flag: str | None = None


GRAPHS: dict[str, GraphEntry] = {
    "campaign": GraphEntry(
        build=campaign_graph.build,
        line="AA02: one coach plans a campaign once, and every touch obeys.",
        flag="CAMPAIGN_COACH_ENABLED",
    ),
    "email_orchestrator": GraphEntry(
        build=email_orchestrator_graph.build,
        line="AA06: a leader assigns roles, a team writes one email, a rule reviews it.",
        flag="ORCHESTRATOR_ROLE_PLAN",
    ),
    "email_outreach": GraphEntry(build=email_outreach_graph.build, line="Worker: payload to held draft."),
    "email_compose": GraphEntry(build=email_compose_graph.build, line="Worker: a first email or a follow-up."),
    "email_reply": GraphEntry(build=email_reply_graph.build, line="Worker: an answer to an email."),
    "email_research": GraphEntry(build=email_research_graph.build, line="Worker: payload to the facts an email rests on."),
}
