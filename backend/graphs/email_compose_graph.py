"""Worker: a first email or a follow-up.

    payload ─► gather_facts ─► write_email ─► draft

Stateless: no checkpointer, no database, no mailer. Spec: AA06 (composer, researcher) and AA02 (angle, tone).
"""

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

60 to 180 words of plain text, in the language of the contact's last email if the data holds one, else in the language of the offer.
A subject of 3 to 50 characters. An opening of at most three sentences that begins with the contact, not with you. At least one
fact, if there is one worth citing. Exactly one call to action. No stock phrases of sales or of machines. If the coach says when to
stop, press no further than that allows. {UNSIGNED}

Answer with one JSON object and nothing else, as in this example:
{_EXAMPLE}"""
_SYSTEM_FIRST = f"""You write the first email of a sales sequence: this contact has had none. A person approves every word before it leaves.

{_RULES}"""
_SYSTEM_FOLLOW_UP = f"""You write a follow-up of a sales sequence. A person approves every word before it leaves.

It makes one new point: repeat no argument, fact, sentence or subject of the emails sent before, and do not ask whether they were
read.

{_RULES}"""

_MAX_QUOTED_CHARS = 200
_DEFAULT_TOUCHES: tuple[Email, ...] = (
    {
        "subject": "A question for {{company}}",
        "body": "I am writing because your work as {title} at {company} is close to what we do. {fact}",
    },
    {
        "subject": "One more thought for {{company}}",
        "body": "My first note was short on substance, so here is the part that matters for {company}. {fact}",
    },
    {
        "subject": "What others in your seat ask first",
        "body": "People who work as {title} usually ask what changes in the first month, and what it costs to stop. {fact}",
    },
    {
        "subject": "Is this on your list this quarter?",
        "body": "Timing decides more than any argument, so I would rather ask than assume what {company} is busy with. {fact}",
    },
    {
        "subject": "A smaller first step",
        "body": "If a full project is too much just now, there is a smaller way to see whether it helps {company}. {fact}",
    },
    {
        "subject": "Closing the loop",
        "body": "I have written a few times and do not want to be a burden, so this is my last note on the subject. {fact}",
    },
)
_DEFAULT_ASKS = (
    "Would a conversation of fifteen minutes next week be worth your time? A short yes or no is a perfectly good answer.",
    "May I send you one page that shows how it works? If somebody else is the better person to ask, a name is enough.",
    "What would have to be true for this to be useful to you? One line is plenty, and I will come prepared.",
)


def _default_email(payload: EmailPayload, evidence: list[str]) -> Email:
    """The email that is written when no model may be; it differs with the touch and with the version.

    It quotes the first fact that is `quotable`, and names the company and the title only if they are.
    """
    touch = _DEFAULT_TOUCHES[payload["step"] % len(_DEFAULT_TOUCHES)]
    ask = _DEFAULT_ASKS[(payload["step"] + payload["version"] - 1) % len(_DEFAULT_ASKS)]
    company, title = quotable(payload["company"]["name"]), quotable(payload["contact"]["title"])
    company = company or "your company"
    quotes = (quotable(cut_on_word(one_line(fact["value"]), _MAX_QUOTED_CHARS)) for fact in payload["facts"])
    seen = next(filter(None, quotes), "") if evidence else ""
    fact = f"What caught my eye is this: {seen.rstrip('.')}." if seen else ""
    opening = touch["body"].format(title=title or "your team", company=company, fact=fact).strip()
    subject = touch["subject"].replace("{{company}}", company)
    return Email(subject=subject, body=f"Hello {{{{first_name}}}},\n\n{opening}\n\n{payload['offer']}\n\n{ask}")


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
