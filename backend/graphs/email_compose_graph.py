"""Worker: a first email or a follow-up.

    payload ─► gather_facts ─► write_email ─► draft

Stateless: no checkpointer, no database, no mailer. Spec: AA06 (composer, researcher) and AA02 (angle, tone).
"""

import re
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from backend.domain.campaign import Draft, Email, EmailPayload
from backend.domain.text import cut_on_word, one_line
from backend.graphs.writing import FENCES, GROUNDED, UNSIGNED, WorkerDeps, describe, gather_evidence, quotable, write_draft
from backend.ports import Prompt

# Policy

_PROMPT_NAME = "email:compose"
_EXAMPLE = '{"subject": "Your month-end close", "body": "Hello Sam,\\n\\n…"}'
_RULES = f"""{FENCES}
{GROUNDED}

60 to 180 words of plain text, in the language of the contact's last email if the data holds one, else in that of the offer.
A subject of 3 to 50 characters. An opening of at most three sentences that begins with the contact, not with you. At least one
fact, if there is one worth citing. Exactly one call to action. No stock phrases of sales or of machines. If the coach says when
to stop, press no further than that allows. {UNSIGNED}

Answer with one JSON object and nothing else, as in this example:
{_EXAMPLE}"""
_SYSTEM_FIRST = f"""You write the first email of a sales sequence: this contact has had none. A person approves every word
before it leaves.

{_RULES}"""
_SYSTEM_FOLLOW_UP = f"""You write a follow-up of a sales sequence. A person approves every word before it leaves.

It makes one new point: repeat no argument, fact, sentence or subject of the emails sent before, and do not ask whether they
were read.

{_RULES}"""

_MAX_QUOTED_CHARS, _MAX_OFFER_CHARS, _MAX_SUBJECT_CHARS = 200, 600, 50
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
# A text of its own for each touch; none of them speaks of an email before it, because a rejected touch was never sent.
_DEFAULT_TOUCHES = (
    (
        "A question about your work",
        (
            "People who write to you out of the blue rarely know your work from the inside, and I do not either. "
            "So this is an offer and a question, nothing more."
        ),
        "If it touches nothing you are busy with, that is good to know as well.",
    ),
    (
        "What would have to change",
        (
            "Before anything new deserves your time, it should be plain what it asks of you and your colleagues. "
            "That is where I would begin."
        ),
        "I would sooner show what stays the same than promise how much becomes different.",
    ),
    (
        "Where this might fit",
        (
            "An idea is only as useful as the place where it meets the daily work. I can describe my side of that, "
            "but only you see the other half."
        ),
        "Tell me where I am wrong and we both save some effort.",
    ),
    (
        "The right moment for this",
        (
            "Timing often decides more than any argument does. Rather than guess what fills your calendar at present, "
            "I would like to understand it."
        ),
        "A later date in the year is a perfectly good answer for me.",
    ),
    (
        "A smaller first step",
        (
            "Large decisions are easier when something small was tried beforehand. It need not be a project, and "
            "nobody has to commit to what follows."
        ),
        "Should the small version disappoint you, the large one is off the table too.",
    ),
    (
        "Closing this from my side",
        (
            "I do not want to fill your inbox, so after this message you will hear no more from me on the subject. "
            "Here it is, as plainly as I can put it."
        ),
        "Whatever you decide, thank you for reading this far.",
    ),
)
_DEFAULT_ASKS = (
    "Would a short call in the coming days be worth your time?",
    "May I send you a brief description of how it works in practice?",
    "What would have to be true for this to be useful to you?",
    "When would be a sensible moment to talk about it?",
    "Shall we pick a small case together and look at the result?",
    "Is there a colleague of yours whom I should ask instead?",
)


def _default_email(payload: EmailPayload, evidence: list[str]) -> Email:
    """The email that is written when no model may be; it differs with the touch and with the version.

    It names the company and quotes a fact only where they are `quotable`, a fact of its own for each touch as far as they go.
    """
    subject, opening, bridge = _DEFAULT_TOUCHES[payload["step"] % len(_DEFAULT_TOUCHES)]
    turn = payload["step"] + payload["version"] - 1
    company = quotable(payload["company"]["name"])
    named = f"{subject} at {company}"
    if company and len(named) <= _MAX_SUBJECT_CHARS and payload["step"] < len(_DEFAULT_TOUCHES) - 1:
        subject = named
    greeting = "Hello {{first_name}}," if quotable(payload["contact"]["first_name"]) else "Hello,"
    offer = f"What we offer, in our own words: {_offer_of(payload)}"
    paragraphs = [greeting, opening, _quote_fact(payload, turn) if evidence else "", offer, bridge]
    ask = _DEFAULT_ASKS[turn % len(_DEFAULT_ASKS)]
    return Email(subject=subject, body="\n\n".join([*filter(None, paragraphs), ask]))


def _quote_fact(payload: EmailPayload, turn: int) -> str:
    """One fact in quotation marks, under what it is about, so that a fragment need be no sentence; `""` without one."""
    shown = [(one_line(fact["field"]).replace("_", " "), one_line(fact["value"])) for fact in payload["facts"]]
    quotes = [
        f"What I have read ({quotable(field)}): “{cut_on_word(value, _MAX_QUOTED_CHARS)}”"
        if quotable(field)
        else f"What I have read: “{cut_on_word(value, _MAX_QUOTED_CHARS)}”"
        for field, value in shown
        if quotable(value) and "?" not in value
    ]
    return quotes[turn % len(quotes)] if quotes else ""


def _offer_of(payload: EmailPayload) -> str:
    """The whole offer in the first touch, then one sentence of it each; a question in it would be a second thing asked."""
    sentences = _SENTENCE_END.split(payload["offer"].strip())
    told = [sentence for sentence in sentences if not sentence.endswith("?")] or sentences
    chosen = " ".join(told) if payload["step"] == 0 else told[payload["step"] % len(told)]
    return cut_on_word(chosen, _MAX_OFFER_CHARS)


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
    prompt = Prompt(name=_PROMPT_NAME, system=system, user=f"{touch}\n\n{describe(payload, evidence)}")
    draft, _ = await write_draft(runtime.context, prompt, payload, _default_email(payload, evidence), evidence)
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
