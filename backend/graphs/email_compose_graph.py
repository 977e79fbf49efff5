"""Worker: a first email or a follow-up.

    payload ─► gather_facts ─► write_email ─► draft

Stateless: no checkpointer, no database, no mailer. Spec: AA06 (composer, researcher) and AA02 (angle, tone).
"""

from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from backend.domain.campaign import Draft, EmailPayload
from backend.graphs.default_emails import default_touch
from backend.graphs.writing import GROUNDED, LANGUAGE, LETTER, MATERIAL, WorkerDeps, describe, gather_evidence, write_draft
from backend.ports import Prompt

# Policy

_PROMPT_NAME = "email:compose"
_EXAMPLE = """{"subject": "The night shift after the move", "body": "Hello {{first_name}},\\n\\n…\\n\\n…?"}"""
_RULES = f"""{MATERIAL}

{GROUNDED}

{LANGUAGE}

- The subject has 3 to 50 characters, the body 60 to 180 words. The first paragraph has at most three sentences.
- Rest it on at least one fact, if there is one worth citing.
- Ask for exactly one thing, once, in a question near the end. If a wish says when to stop, press no further than it allows.
- With a draft to improve, write that email anew as the feedback wants it, and keep what the feedback does not touch.
{LETTER}

Answer with one JSON object and nothing else. An example of the form, with the text left out:
{_EXAMPLE}"""
_SYSTEM_FIRST = f"""You write the first email of a sales sequence. The contact does not know the sender. A person approves every
word before it leaves.

Begin with the contact, not with the sender: what you noticed, and why it made you write. Then say in a sentence or two what the
offer changes there. Then ask.

{_RULES}"""
_SYSTEM_FOLLOW_UP = f"""You write a follow-up of a sales sequence. The contact has not answered the emails sent before. A person
approves every word before it leaves.

Make one new point, from another fact where there is one. Repeat no argument, fact, sentence or subject of the emails sent
before, and do not ask whether they arrived. It has to be worth reading by itself. Ask for something else than before, or for
less.

{_RULES}"""


# State


class ComposeState(TypedDict):
    """`payload` goes in, `draft` comes out."""

    payload: EmailPayload
    evidence: list[str]
    draft: Draft


# Nodes, in the order they run


async def gather_facts(state: ComposeState) -> dict[str, Any]:
    """Turn the facts the payload brings into the lines the email may rest on."""
    return {"evidence": gather_evidence(state["payload"])}


async def write_email(state: ComposeState, runtime: Runtime[WorkerDeps]) -> dict[str, Any]:
    """Write the email with one model call, or by rule when none may be made."""
    payload, evidence = state["payload"], state["evidence"]
    touch = f"This is touch {payload['step'] + 1} of the sequence, version {payload['version']}."
    system = _SYSTEM_FOLLOW_UP if payload["history"] else _SYSTEM_FIRST
    prompt = Prompt(name=_PROMPT_NAME, system=system, user=f"{describe(payload, evidence)} {touch}")
    draft, _ = await write_draft(runtime.context, prompt, payload, default_touch(payload, evidence), evidence)
    if "subject" in payload:
        draft["subject"] = payload["subject"]
    return {"draft": draft}


# Topology


def build() -> CompiledStateGraph[Any, WorkerDeps, Any, Any]:
    """Compile the worker; `checkpointer=False` keeps it out of its leader's checkpoints."""
    return (
        StateGraph(ComposeState, context_schema=WorkerDeps)
        .add_node(gather_facts)
        .add_node(write_email)
        .add_edge(START, "gather_facts")
        .add_edge("gather_facts", "write_email")
        .add_edge("write_email", END)
        .compile(checkpointer=False, name="email_compose")
    )
