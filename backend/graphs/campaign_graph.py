"""AA02: one coach plans a campaign once, and every touch obeys. Spec: specs/AA02-hierarchical-campaign-coach-worker.md.

    START ─► coach_plan ─► check_reply ─► compose_touch ─► await_approval ⏸ ◄─► send_touch ─► schedule_next ─► END
             (only with     │   ▲                              │  │  │                             ▲
              the coach)    │   └───────── regenerate ─────────┘  │  └────────── reject ───────────┘
                            └─► END                               └─► END (stop)

One thread a (campaign, contact), resumed for weeks. Every run starts at START, reads one case, and is one transaction; only
`await_approval` waits, only `send_touch` sends. The plan in the checkpoint is never made twice and never changes.
"""

import operator
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, Literal, TypedDict, cast

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, interrupt

from backend.domain.approval import ask_again
from backend.domain.campaign import (
    Case,
    DecisionRecord,
    Draft,
    GraphMeta,
    HeldDraft,
    PayloadOptions,
    Standing,
    TouchOutcome,
    TouchRecord,
    email_payload,
)
from backend.domain.conversation import go_on
from backend.domain.flags import Flags
from backend.domain.instants import days_after, from_text, to_text
from backend.domain.provenance import MODEL_SAID_SO, Provenance, provenance
from backend.domain.suppression import reason_blocked
from backend.domain.text import cut_on_word, one_line
from backend.errors import AskedAgain, ModelUnavailable, SendRefused
from backend.graphs import email_outreach_graph
from backend.graphs.sending import Place, Sending, deliver
from backend.graphs.writing import (
    GROUNDED,
    LANGUAGE,
    MATERIAL,
    MAX_SUBJECT_CHARS,
    WorkerDeps,
    describe,
    gather_evidence,
    telemetry,
)
from backend.ports import Lease, MakeLLM, Prompt

# Policy

_DEFAULT_CADENCE_DAYS = [0, 4, 7, 7, 7, 7]
_DEFAULT_MAX_TOUCHES = 6
_MIN_TOUCHES, _MAX_TOUCHES = 1, 6
_MIN_GAP_DAYS, _MAX_GAP_DAYS = 0, 60
_MAX_ANGLE_CHARS = 200
_MAX_STOP_CRITERIA_CHARS = 300
_TONES = ("warm", "direct", "formal", "casual", "consultative")
_DEFAULT_TONE = "consultative"
_DEFAULT_STOP_CRITERIA = "Stop when the contact replies, unsubscribes, or every touch was made."

_PROMPT_NAME = "campaign:coach_plan"
_EXAMPLE = """{"angle": "A late start costs more than a long road.", "tone": "direct", "max_touches": 3,
 "cadence_days": [0, 4, 9], "stop_criteria": "Stop when they name a day to talk, or say that it is settled otherwise."}"""
_SYSTEM = f"""You are the coach of one outreach sequence: a few plain-text emails to one contact over some weeks. You
plan it once, before the first email, and write none of them. Writers follow your plan to the end; it never changes. A person
approves each email, and any reply ends the sequence.

{MATERIAL}

{GROUNDED}

Find the one argument that joins the offer to what matters to this contact now. Rest it on the surest and newest fact; without
one, on the offer. Plan as few emails as the argument can carry, closer together at first.

{LANGUAGE}

Answer with one JSON object and nothing else. Its keys:
- "angle": text of at most {_MAX_ANGLE_CHARS} characters: the argument that all emails make
- "tone": one of {", ".join(f'"{tone}"' for tone in _TONES)}
- "max_touches": a whole number from {_MIN_TOUCHES} to {_MAX_TOUCHES}: the most emails to send
- "cadence_days": a list of max_touches whole numbers from {_MIN_GAP_DAYS} to {_MAX_GAP_DAYS}: the days to wait before each
  email, before the first one too
- "stop_criteria": text of at most {_MAX_STOP_CRITERIA_CHARS} characters: what shows that the sequence is done early; writers
  and approver read it

An example of the form, about somebody else:
{_EXAMPLE}"""


class CoachPlan(TypedDict):
    """The coach decided this; `cadence_days` has `max_touches` entries, in days. `provenance` says who really decided."""

    angle: str
    tone: str
    cadence_days: list[int]
    max_touches: int
    stop_criteria: str
    provenance: Provenance


def _coerce_coach_plan(raw: Any) -> dict[str, Any] | None:
    """A plan within every bound, or None; any JSON may come in, nothing is raised, and a second pass changes nothing.

    An absent field is defaulted, except `angle`. A present but illegal value makes the whole plan None; numbers are clamped
    only where that cannot change what the coach meant. The result has the keys of `CoachPlan` but for its provenance.
    """
    if not isinstance(raw, dict):
        return None
    fields = cast("dict[str, Any]", raw)
    angle = _coerce_text(fields.get("angle"), "", _MAX_ANGLE_CHARS)
    tone = fields.get("tone", _DEFAULT_TONE)
    max_touches = fields.get("max_touches", _DEFAULT_MAX_TOUCHES)
    stop_criteria = _coerce_text(fields.get("stop_criteria", ""), _DEFAULT_STOP_CRITERIA, _MAX_STOP_CRITERIA_CHARS)
    if not angle or not stop_criteria or not isinstance(tone, str) or tone not in _TONES:
        return None
    if type(max_touches) is not int or max_touches > _MAX_TOUCHES:
        return None
    max_touches = max(max_touches, _MIN_TOUCHES)
    cadence_days = _coerce_cadence(fields.get("cadence_days", []), max_touches)
    if cadence_days is None:
        return None
    return {
        "angle": angle,
        "tone": tone,
        "cadence_days": cadence_days,
        "max_touches": max_touches,
        "stop_criteria": stop_criteria,
    }


def _coerce_text(raw: Any, default: str, max_chars: int) -> str | None:
    """`raw` as one clean line of at most `max_chars`, `default` when it is blank, None when it is no text."""
    return (cut_on_word(one_line(raw), max_chars) or default) if isinstance(raw, str) else None


def _coerce_cadence(raw: Any, max_touches: int) -> list[int] | None:
    """`max_touches` whole gaps within bounds, padded from the defaults, or None when `raw` is not a list of numbers."""
    if not isinstance(raw, list):
        return None
    gaps = cast("list[Any]", raw)
    if any(type(gap) not in (int, float) or gap != gap for gap in gaps):  # noqa: PLR0124  # NaN differs from itself
        return None
    whole = [int(min(max(gap, _MIN_GAP_DAYS), _MAX_GAP_DAYS)) for gap in gaps]
    return (whole + _DEFAULT_CADENCE_DAYS[len(whole) :])[:max_touches]


def _plan_provenance(evidence: list[str], *, model: str = "", failure: ModelUnavailable | None = None) -> Provenance:
    """Name who made the plan: the model, with the fixed confidence of its word, or the defaults, with the reason."""
    if failure:
        return provenance("default", f"{failure} The default plan governs.", confidence=0.0, evidence=evidence)
    return provenance("model", f"planned once by {model}", confidence=MODEL_SAID_SO, evidence=evidence)


def plan_in_force(state: "CampaignState", flags: Flags) -> CoachPlan | None:
    """The plan every node obeys, or None under the flag-off baseline; a stored plan is ignored while the flag is off."""
    return state.get("coach_plan") if flags.campaign_coach_enabled else None


def _gap_days(plan: CoachPlan | None, step: int) -> int:
    """Days to wait before touch `step`, which is within the budget."""
    return (plan["cadence_days"] if plan else _DEFAULT_CADENCE_DAYS)[step]


def _touch_budget(plan: CoachPlan | None) -> int:
    return plan["max_touches"] if plan else _DEFAULT_MAX_TOUCHES


# State and dependencies


class CampaignState(TypedDict, total=False):
    """A thread remembers this between runs; JSON types only. `step` counts touches from 0; gaps count from `anchor_at`."""

    thread_id: str
    step: int
    anchor_at: str
    coach_plan: CoachPlan
    coach_meta: GraphMeta
    version: int
    draft: Draft
    decision: DecisionRecord | None
    touches: Annotated[list[TouchRecord], operator.add]
    standing: Standing


@dataclass(frozen=True, slots=True)
class CampaignDeps:
    """One run needs this from outside; `sending` is here for `send_touch` alone."""

    case: Case
    lease: Lease
    make_llm: MakeLLM
    sending: Sending


_write_email = email_outreach_graph.build()


# Nodes, in the order they run


async def coach_plan(state: CampaignState, runtime: Runtime[CampaignDeps]) -> dict[str, Any]:
    """Plan the sequence with one model call, once a thread, at step 0; a failure stores the defaults for good.

    For a contact who may not be written to nothing is asked and nothing planned: `check_reply` ends the run.
    """
    if state.get("coach_plan") or state.get("step", 0) != 0 or reason_blocked(runtime.context.case.dossier):
        return {}
    case = runtime.context.case
    payload = email_payload(case.campaign, case.dossier, {}, now=case.now, step=0)
    evidence = gather_evidence(payload)
    prompt = Prompt(name=_PROMPT_NAME, system=_SYSTEM, user=describe(payload, evidence))
    try:
        answer = await runtime.context.make_llm(tier="standard").ask(prompt)
        plan = _coerce_coach_plan(answer.content)
        if plan is None:
            why = "the plan breaks its bounds"
            raise answer.refused(why)
        origin, meta = _plan_provenance(evidence, model=answer.model), telemetry(prompt, answer)
    except ModelUnavailable as failure:
        plan = {
            "angle": "",
            "tone": _DEFAULT_TONE,
            "cadence_days": _DEFAULT_CADENCE_DAYS,
            "max_touches": _DEFAULT_MAX_TOUCHES,
            "stop_criteria": _DEFAULT_STOP_CRITERIA,
        }
        origin, meta = _plan_provenance(evidence, failure=failure), telemetry(prompt, failure)
    return {"coach_plan": {**plan, "provenance": origin}, "coach_meta": meta}


async def check_reply(state: CampaignState, runtime: Runtime[CampaignDeps]) -> Command[Literal["compose_touch", "__end__"]]:
    """End the run when the contact replied or may not be written to, or when the plan in force holds no touch for now.

    A thread runs when its row says it is due; only the gap before the first touch is not in the row before there is a plan.
    """
    case, plan = runtime.context.case, plan_in_force(state, runtime.context.case.flags)
    blocked = reason_blocked(case.dossier)
    if blocked:
        return _end("stopped", blocked)
    if state.get("step", 0) >= _touch_budget(plan):
        return _end("completed", "every touch was made")
    first_due = days_after(from_text(case.thread.enrolled_at), _gap_days(plan, 0))
    if "standing" not in state and case.now < first_due:
        return _end("scheduled", "the gap before the first touch has not passed", next_touch_at=to_text(first_due))
    return Command(goto="compose_touch")


async def compose_touch(state: CampaignState, runtime: Runtime[CampaignDeps]) -> dict[str, Any]:
    """Have `email_outreach` write the next version of this touch; the plan in force rides in the payload.

    A follow-up goes on under the subject that the thread's first email left with. A new version that no model could write does
    not take the old one's place, unless the person accepts the deterministic text.
    """
    case = runtime.context.case
    decision = state.get("decision")
    version = state.get("version", 0) + 1 if decision else 1
    options = PayloadOptions()
    plan = plan_in_force(state, case.flags)
    if plan and plan["provenance"]["source"] == "model":
        options["angle"], options["tone"], options["stop_criteria"] = plan["angle"], plan["tone"], plan["stop_criteria"]
    if decision:
        options["feedback"], options["rejected"] = decision["feedback"], decision["approved"]
    if sent := _sent(state):
        options["subject"] = cut_on_word(go_on(sent[0]["subject"]), MAX_SUBJECT_CHARS)
    step = state.get("step", 0)
    payload = email_payload(case.campaign, case.dossier, options, now=case.now, step=step, version=version)
    written = await _write_email.ainvoke({"payload": payload}, context=WorkerDeps(runtime.context.make_llm))
    origin = written["draft"]["provenance"]
    if decision and origin["source"] == "default" and not decision["accepts_default"]:
        why = f"no new version could be written. {origin['reason']}"
        raise AskedAgain(why)
    return {"draft": written["draft"], "version": version, "decision": None}


async def await_approval(
    state: CampaignState,
) -> Command[Literal["send_touch", "check_reply", "schedule_next", "__end__"]]:
    """Hold the draft until a person decides, for weeks if need be."""
    held = HeldDraft(
        thread_id=state.get("thread_id", ""),
        step=state.get("step", 0),
        version=state.get("version", 1),
    )
    decision: DecisionRecord = interrupt(held)
    match decision["decision"]:
        case "approve" | "edit":
            return Command(goto="send_touch", update={"decision": decision})
        case "regenerate":
            return Command(goto="check_reply", update={"decision": decision})
        case "reject":
            touch = _touch(state, decision, "rejected", at=decision["decided_at"])
            return Command(goto="schedule_next", update={"touches": [touch], "anchor_at": touch["at"]})
        case "stop":
            return _end("stopped", f"stopped by {decision['decided_by']}", decision=decision)


async def send_touch(
    state: CampaignState, runtime: Runtime[CampaignDeps]
) -> Command[Literal["schedule_next", "await_approval", "__end__"]]:
    """Send exactly what was approved, at most once, if the ledger allows it at this instant; nothing else sends.

    What is no longer as it was approved waits for a person once more, as a new version.
    """
    deps, decision, draft = runtime.context, cast("DecisionRecord", state.get("decision")), cast("Draft", state.get("draft"))
    place = Place(deps.case.thread.thread_id, state.get("step", 0), [touch["message_id"] for touch in _sent(state)])
    try:
        email = await deliver(deps.sending, deps.case, deps.lease, decision, place, draft=draft)
    except SendRefused as refusal:
        return _end("stopped", refusal.why, decision=decision)
    except AskedAgain as change:
        again = ask_again(draft, decision["approved"], deps.case, str(change))
        version = decision["version"] + 1
        return Command(goto="await_approval", update={"draft": again, "version": version, "decision": None})
    touch = _touch(state, decision, "sent", at=email.sent_at, message_id=email.message_id)
    return Command(goto="schedule_next", update={"touches": [touch], "anchor_at": email.sent_at})


async def schedule_next(state: CampaignState, runtime: Runtime[CampaignDeps]) -> dict[str, Any]:
    """Move to the next touch and the instant its gap ends, or complete the thread when its budget is spent."""
    plan = plan_in_force(state, runtime.context.case.flags)
    step = state.get("step", 0) + 1
    if step >= _touch_budget(plan):
        standing = Standing(status="completed", reason="every touch was made", next_touch_at=None)
    else:
        anchor = from_text(state.get("anchor_at", runtime.context.case.thread.enrolled_at))
        due_at = to_text(days_after(anchor, _gap_days(plan, step)))
        standing = Standing(status="scheduled", reason="waiting for the next gap to pass", next_touch_at=due_at)
    return {"step": step, "decision": None, "standing": standing}


def _end(
    status: Literal["stopped", "scheduled", "completed"],
    reason: str,
    *,
    next_touch_at: str | None = None,
    decision: DecisionRecord | None = None,
) -> Command[Any]:
    standing = Standing(status=status, reason=reason, next_touch_at=next_touch_at)
    return Command(goto="__end__", update={"standing": standing, "decision": decision})


def _sent(state: CampaignState) -> list[TouchRecord]:
    """The touches of this thread that left, the oldest first."""
    return [touch for touch in state.get("touches", []) if touch["outcome"] == "sent"]


def _touch(
    state: CampaignState, decision: DecisionRecord, outcome: TouchOutcome, *, at: str, message_id: str = ""
) -> TouchRecord:
    why = decision["reason"] or f"{decision['decision']} by {decision['decided_by']}"
    evidence = [decision["draft_id"], f"sha256:{sha256(decision['approved']['body'].encode()).hexdigest()}"]
    return TouchRecord(
        step=state.get("step", 0),
        outcome=outcome,
        draft_id=decision["draft_id"],
        version=decision["version"],
        subject=decision["approved"]["subject"],
        at=at,
        message_id=message_id,
        draft_provenance=cast("Draft", state.get("draft"))["provenance"],
        decision_provenance=provenance("person", why, confidence=1.0, evidence=evidence),
    )


# Topology


def build(
    checkpointer: BaseCheckpointSaver[Any] | None, *, coach: bool
) -> CompiledStateGraph[CampaignState, CampaignDeps, Any, Any]:
    """Compile the campaign; without the coach there is no node `coach_plan` at all."""
    graph = (
        StateGraph(CampaignState, context_schema=CampaignDeps)
        .add_node(check_reply)
        .add_node(compose_touch)
        .add_node(await_approval)
        .add_node(send_touch)
        .add_node(schedule_next)
        .add_edge("compose_touch", "await_approval")
        .add_edge("schedule_next", END)
    )
    if coach:
        graph.add_node(coach_plan).add_edge(START, "coach_plan").add_edge("coach_plan", "check_reply")
    else:
        graph.add_edge(START, "check_reply")
    return graph.compile(checkpointer=checkpointer, name="campaign")
