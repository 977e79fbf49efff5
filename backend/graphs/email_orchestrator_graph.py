"""AA06: a small organised team writes one email. Spec: specs/AA06-organized-team-role-assignment.md.

    START ─► hydrate ─► load_history ─► safety_gate ─► recall_memory ─► decide_action ─► plan_roles ─► compose ─► review_draft
                                            │                               │            (only with     │         (only with
                                            └─► END (skip)                  └─► END       the roles)    │          the roles)
                                                                                                        └─────► remember ─► END

The leader assigns roles and does none of the work; the reviewer is a rule and makes no model call. It returns a draft and holds
no mailer. `hydrate` makes the one database read; the nodes after it each take their part of it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NotRequired, TypedDict, cast

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from backend.domain.access import EVERYWHERE, Reach
from backend.domain.campaign import (
    Campaign,
    Dossier,
    Draft,
    Email,
    EmailPayload,
    GraphMeta,
    Memory,
    PastTouch,
    PayloadOptions,
    email_payload,
)
from backend.domain.faults import find_faults, find_gaps
from backend.domain.provenance import MODEL_SAID_SO, Provenance, provenance
from backend.domain.suppression import reason_blocked
from backend.errors import ModelUnavailable
from backend.graphs import email_compose_graph, email_reply_graph, email_research_graph
from backend.graphs.writing import MATERIAL, WorkerDeps, add_up, describe, gather_evidence, telemetry
from backend.ports import Clock, MakeLLM, Prompt, Records

# Policy

Role = Literal["researcher", "composer", "reviewer"]
Action = Literal["compose", "reply", "skip"]

_ROLES: tuple[Role, ...] = ("researcher", "composer", "reviewer")
_DEFAULT_ROLES: list[Role] = ["researcher", "composer"]
# The graph in which a role's work is done, by its name in the registry; a role without one cannot be assigned.
_ROLE_WORKERS: dict[Role, tuple[str, ...]] = {
    "researcher": ("email_research",),
    "composer": ("email_compose", "email_reply"),
    "reviewer": ("email_orchestrator",),
}

_PROMPT_NAME = "email:role_plan"
_EXAMPLE = '{"roles": ["researcher", "composer", "reviewer"]}'
_SYSTEM = f"""You lead a team that writes one sales email. You write nothing yourself: you say who works on this email.

{MATERIAL}

The roles, in this order, each at most once:
- "researcher": lets the email rest on the facts. Leave it out when no fact is recent, sure and worth citing.
- "composer": writes the email. Always needed.
- "reviewer": looks for gaps in the draft. Needed when a name, a title or a firm is missing.

Answer with one JSON object and nothing else. Its one key "roles" is a list of roles. An example of the form:
{_EXAMPLE}"""


class RolePlan(TypedDict):
    """The roles the leader assigned, in canonical order, and who says so."""

    roles: list[Role]
    provenance: Provenance


class Review(TypedDict):
    """The reviewer's verdict; it is shown and never blocks."""

    review_passed: bool
    review_notes: list[str]


def _repair_role_plan(raw: Any) -> list[Role]:
    """The roles of the enum that `raw` names, each once, in canonical order; the default plan when no composer is left.

    `raw` is any JSON: a list of roles, or an object with one under `roles`. Nothing is raised; a second pass changes nothing.
    """
    return _known_roles(raw) or _DEFAULT_ROLES.copy()


def _known_roles(raw: Any) -> list[Role]:
    """The legal plan `raw` holds, or `[]`."""
    named = cast("dict[str, Any]", raw).get("roles") if isinstance(raw, dict) else raw
    roles: list[Role] = [role for role in _ROLES if role in cast("list[Any]", named)] if isinstance(named, list) else []
    return roles if "composer" in roles else []


def _review_draft(draft: Any, allowed_links: Collection[str] | None = None) -> Review:
    """Flag an empty body and every unresolved `{{…}}` or placeholder, as a reader sees the text; a rule, no model call.

    With the campaign's `allowed_links` the whole gate of `find_faults` is passed. `draft` is any JSON; what holds no `body` has
    an empty one. Nothing is raised.
    """
    fields = cast("dict[str, Any]", draft) if isinstance(draft, dict) else {}
    subject, body = (str(fields.get(part) or "") for part in ("subject", "body"))
    notes = find_gaps(subject, body) if allowed_links is None else find_faults(subject, body, allowed_links)
    return Review(review_passed=not notes, review_notes=notes)


# State and dependencies


class OrchestratorState(TypedDict):
    """`contact_id`, `campaign_id` and, to answer an email, `incoming` go in; the other keys are what the nodes found."""

    contact_id: str
    campaign_id: str
    incoming: NotRequired[Email]
    campaign: Campaign
    dossier: Dossier
    history: list[PastTouch]
    memories: list[Memory]
    action: Action
    action_provenance: Provenance
    role_plan: NotRequired[RolePlan]
    draft: NotRequired[Draft]
    learned: list[Memory]
    graph_meta: GraphMeta


@dataclass(frozen=True, slots=True)
class OrchestratorDeps:
    """One run needs this from outside."""

    records: Records
    make_llm: MakeLLM
    clock: Clock
    reach: Reach = EVERYWHERE


_RESEARCH = email_research_graph.build()
_WRITERS = {"compose": email_compose_graph.build(), "reply": email_reply_graph.build()}


# Nodes, in the order they run


async def hydrate(state: OrchestratorState, runtime: Runtime[OrchestratorDeps]) -> dict[str, Any]:
    """Read campaign, contact, company and the 8 most confident facts, with all the nodes after this one look at."""
    deps = runtime.context
    campaign, dossier = await deps.records.brief(state["campaign_id"], state["contact_id"], reach=deps.reach)
    return {"campaign": campaign, "dossier": dossier}


async def load_history(state: OrchestratorState) -> dict[str, Any]:
    """Take the emails already sent to the contact, oldest first."""
    return {"history": state["dossier"]["history"]}


async def safety_gate(state: OrchestratorState) -> Command[Literal["recall_memory", "__end__"]]:
    """End with `skip` when the address is suppressed by its SHA-256, or a flag of the contact forbids writing."""
    blocked = reason_blocked(state["dossier"], answering="incoming" in state)
    if blocked:
        return Command(goto="__end__", update=_decide("skip", f"the contact may not be written to: {blocked}"))
    return Command(goto="recall_memory")


async def recall_memory(state: OrchestratorState) -> dict[str, Any]:
    """Take what earlier runs learned about the contact."""
    return {"memories": state["dossier"]["memories"]}


async def decide_action(
    state: OrchestratorState,
) -> dict[str, Any]:
    """Reply to an email that came in, else compose the next one."""
    if "incoming" in state:
        return _decide("reply", "the contact wrote, and an answer is due")
    return _decide("compose", f"{len(state['history'])} email(s) were sent before, and no email waits for an answer")


async def plan_roles(state: OrchestratorState, runtime: Runtime[OrchestratorDeps]) -> dict[str, Any]:
    """Have the leader assign the roles with one model call; whatever goes wrong, the default plan is assigned."""
    payload = _payload(state, runtime.context.clock)
    evidence = gather_evidence(payload)
    prompt = Prompt(name=_PROMPT_NAME, system=_SYSTEM, user=describe(payload, evidence))
    try:
        answer = await runtime.context.make_llm(tier="standard").ask(prompt)
        if not _known_roles(answer.content):
            why = "the role plan names no composer"
            raise answer.refused(why)
        roles, meta = _repair_role_plan(answer.content), telemetry(prompt, answer)
        origin = provenance("model", f"assigned by {answer.model}", confidence=MODEL_SAID_SO, evidence=evidence)
    except ModelUnavailable as failure:
        roles, meta = _DEFAULT_ROLES.copy(), telemetry(prompt, failure)
        origin = provenance("default", f"{failure} The default roles are assigned.", confidence=0.0, evidence=evidence)
    return {"role_plan": RolePlan(roles=roles, provenance=origin), "graph_meta": meta}


async def compose(state: OrchestratorState, runtime: Runtime[OrchestratorDeps]) -> dict[str, Any]:
    """Have the worker of the decided action write the draft, from the researcher's brief where a plan has a researcher."""
    writer, payload = _WRITERS[state["action"]], _payload(state, runtime.context.clock)
    if "researcher" in payload.get("roles", ()):
        payload["facts"] = (await _RESEARCH.ainvoke({"payload": payload}))["brief"]
    written = await writer.ainvoke({"payload": payload}, context=WorkerDeps(runtime.context.make_llm))
    draft: Draft = written["draft"]
    meta = add_up(state.get("graph_meta", GraphMeta()), draft["graph_meta"])
    return {"draft": draft, "learned": written.get("learned", []), "graph_meta": meta}


async def review_draft(state: OrchestratorState) -> dict[str, Any]:
    """Stamp the reviewer's verdict into `graph_meta`, whatever the roles say: it costs nothing."""
    review = _review_draft(state.get("draft", {}), state["campaign"]["allowed_links"])
    return {"graph_meta": {**state["graph_meta"], **review}}


async def remember(state: OrchestratorState, runtime: Runtime[OrchestratorDeps]) -> dict[str, Any]:
    """Keep what the contact's email taught, for the runs after it; a draft nobody sent was not tried, and is not kept."""
    if learned := state["learned"]:
        await runtime.context.records.remember(state["contact_id"], learned)
    return {}


def _payload(state: OrchestratorState, clock: Clock) -> EmailPayload:
    """Build what the leader and the worker read; the keys that only a flag or an email that came in adds are last."""
    options = PayloadOptions()
    if "role_plan" in state:
        options["roles"] = list(state["role_plan"]["roles"])
    if "incoming" in state:
        options["incoming"] = state["incoming"]
    return email_payload(state["campaign"], state["dossier"], options, now=clock.now(), step=len(state["history"]))


def _decide(action: Action, reason: str) -> dict[str, Any]:
    return {"action": action, "action_provenance": provenance("rule", reason, confidence=1.0)}


# Topology


@cache
def build(*, role_plan: bool) -> CompiledStateGraph[OrchestratorState, OrchestratorDeps, Any, Any]:
    """Compile the orchestrator; without the role plan there is neither a leader nor a reviewer in it."""
    graph = (
        StateGraph(OrchestratorState, context_schema=OrchestratorDeps)
        .add_node(hydrate)
        .add_node(load_history)
        .add_node(safety_gate)
        .add_node(recall_memory)
        .add_node(decide_action)
        .add_node(compose)
        .add_node(remember)
        .add_edge(START, "hydrate")
        .add_edge("hydrate", "load_history")
        .add_edge("load_history", "safety_gate")
        .add_edge("recall_memory", "decide_action")
        .add_edge("remember", END)
    )
    if role_plan:
        graph.add_node(plan_roles).add_edge("decide_action", "plan_roles").add_edge("plan_roles", "compose")
        graph.add_node(review_draft).add_edge("compose", "review_draft").add_edge("review_draft", "remember")
    else:
        graph.add_edge("decide_action", "compose").add_edge("compose", "remember")
    return graph.compile(name="email_orchestrator")
