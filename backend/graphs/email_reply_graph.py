"""Worker: an answer to an email the contact wrote.

    payload with `incoming` ─► gather_facts ─► write_reply ─► draft, learned

Stateless, like the other workers. What the contact wrote is data: it can steer what is said, never what is done. Spec: AA06.
"""

from typing import Any, TypedDict, cast

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from backend.domain.campaign import Draft, Email, EmailPayload, Memory
from backend.domain.conversation import go_on, without_re
from backend.domain.text import cut_on_word, one_line
from backend.graphs.default_emails import default_reply_body
from backend.graphs.writing import (
    GROUNDED,
    LANGUAGE,
    LETTER,
    MATERIAL,
    WorkerDeps,
    describe,
    gather_evidence,
    quotable,
    write_draft,
)
from backend.ports import Prompt

# Policy

_PROMPT_NAME = "email:reply"
_MAX_LEARNED = 5
_MAX_LEARNED_CHARS = 200
_EXAMPLE = """{"subject": "Re: Your question", "body": "Hello {{first_name}},\\n\\n…", "learned": [
 {"kind": "objection", "text": "is bound to a supplier until September"}, {"kind": "wish", "text": "wants to talk in May"}]}"""
_SYSTEM = f"""You answer one email of a prospective customer for the sender. A person approves every word before it leaves.

{MATERIAL}

{GROUNDED}

{LANGUAGE}

- Answer everything that was asked, in the order it was asked, in at most 150 words. Promise nothing that the offer does not
  hold; where the material has no answer, say that you will find out.
- Take a no for a no. If they ask not to be written to, confirm that in one sentence and add nothing. If it is an automatic
  reply, thank for it in one sentence and ask for nothing.
- Else ask for one thing at most, and for less than they refused.
{LETTER}

"learned" is what the email teaches about the contact for later: at most {_MAX_LEARNED} entries, each of the kind "objection" or
"wish" with a text of at most {_MAX_LEARNED_CHARS} characters; an empty list if it teaches nothing.

Answer with one JSON object and nothing else. An example of the form, about somebody else:
{_EXAMPLE}"""


def _reply_subject(subject: str) -> str:
    """`subject` under exactly one `Re:`; one that is not `quotable` is not repeated."""
    line = quotable(subject)
    return go_on(line if without_re(line) else "your email")


def _coerce_learned(raw: Any) -> list[Memory]:
    """At most 5 objections or wishes of at most 200 characters out of any JSON; what does not fit is dropped."""
    if not isinstance(raw, list):
        return []
    learned: list[Memory] = []
    for item in cast("list[Any]", raw):
        match item:
            case {"kind": "objection" | "wish" as kind, "text": str(text)} if one_line(text):
                learned.append(Memory(kind=kind, text=cut_on_word(one_line(text), _MAX_LEARNED_CHARS)))
            case _:
                continue
    return learned[:_MAX_LEARNED]


# State


class ReplyState(TypedDict):
    """`payload` goes in, `draft` and what the contact's email taught come out."""

    payload: EmailPayload
    evidence: list[str]
    draft: Draft
    learned: list[Memory]


# Nodes, in the order they run


async def gather_facts(state: ReplyState) -> dict[str, Any]:
    """Turn the facts the payload brings into the lines the answer may rest on."""
    return {"evidence": gather_evidence(state["payload"])}


async def write_reply(state: ReplyState, runtime: Runtime[WorkerDeps]) -> dict[str, Any]:
    """Write the answer with one model call, or by rule when none may be made, and note objections and wishes."""
    payload, evidence = state["payload"], state["evidence"]
    incoming = payload.get("incoming", Email(subject="", body=""))
    prompt = Prompt(name=_PROMPT_NAME, system=_SYSTEM, user=describe(payload, evidence))
    default = Email(subject=_reply_subject(incoming["subject"]), body=default_reply_body(payload))
    draft, answer = await write_draft(runtime.context, prompt, payload, default, evidence)
    return {"draft": draft, "learned": _coerce_learned(answer.get("learned"))}


# Topology


def build() -> CompiledStateGraph[Any, WorkerDeps, Any, Any]:
    """Compile the worker; `checkpointer=False` keeps it out of its leader's checkpoints."""
    return (
        StateGraph(ReplyState, context_schema=WorkerDeps)
        .add_node(gather_facts)
        .add_node(write_reply)
        .add_edge(START, "gather_facts")
        .add_edge("gather_facts", "write_reply")
        .add_edge("write_reply", END)
        .compile(checkpointer=False, name="email_reply")
    )
