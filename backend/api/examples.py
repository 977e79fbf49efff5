"""One example of every body, by its route's path: for the document, the reference page and the README's walk-through.

In their order they are a story: a contact and a campaign come in, the contact is enrolled, her draft is decided on.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from backend.domain.closing import OPT_OUT_LINE

PLACES: Final[Mapping[str, str]] = {
    "campaign_id": "spring",
    "contact_id": "ada",
    "draft_id": "spring:ada:0:1",
    "flag": "CAMPAIGN_COACH_ENABLED",
    "send_id": "spring:ada:0:2",
}
"""An id for each in a path."""
BODIES: Final[Mapping[str, dict[str, Any]]] = {
    "/contacts": {
        "contacts": [
            {
                "contact_id": "ada",
                "address": "ada@northwind.example",
                "name": "Ada Ngata",
                "title": "CFO",
                "time_zone": "Pacific/Auckland",
                "company": {
                    "company_id": "northwind",
                    "name": "Northwind",
                    "facts": [
                        {
                            "field": "close_days",
                            "value": "Its month-end close takes three days",
                            "confidence": 0.9,
                            "source": "annual report 2025",
                            "date": "2026-10-01T00:00:00Z",
                        }
                    ],
                },
            }
        ]
    },
    "/campaigns": {
        "campaign_id": "spring",
        "name": "Spring",
        "offer": "We shorten the month-end close to a day.",
        "sender": {"name": "Ben Ortiz", "address": "ben@vendor.example"},
        "allowed_links": ["https://vendor.example/close"],
        "send_days": "mon-sun",
        "send_hours": "00:00-24:00",
    },
    "/campaigns/{campaign_id}/enrolments": {"contact_ids": ["ada"]},
    "/campaigns/{campaign_id}/threads/{contact_id}/stop": {"reason": "Ada called: she is not interested"},
    "/drafts/{draft_id}/approve": {"version": 1},
    "/drafts/bulk": {
        "decisions": [
            {"draft_id": "spring:ada:0:1", "decision": "approve", "version": 1},
            {"draft_id": "spring:bob:0:1", "decision": "reject", "reason": "He is on leave"},
        ]
    },
    "/drafts/{draft_id}/edit": {
        "version": 1,
        "subject": "Your month-end close",
        "body": "Hello Ada,\n\nthree days are a long close. Shall we talk?\n\nBen\n\n" + OPT_OUT_LINE,
    },
    "/drafts/{draft_id}/regenerate": {"version": 1, "feedback": "Shorter, and ask a question", "accepts_default": True},
    "/drafts/{draft_id}/reject": {"version": 1, "reason": "She is at a trade fair this week"},
    "/drafts/{draft_id}/stop": {"version": 1, "reason": "Ada called: she wants to talk in May"},
    "/campaigns/{campaign_id}/stops": {"action": "pause", "why": "A complaint came in"},
    "/campaigns/{campaign_id}/threads/{contact_id}/stops": {"action": "pause", "why": "She is on leave until May"},
    "/stops": {"action": "pause", "scope": "mailbox:ben@vendor.example", "why": "It is on a block list"},
    "/sends/{send_id}/resolve": {"delivered": True},
    "/emails": {
        "campaign_id": "spring",
        "contact_id": "ada",
        "incoming": {"subject": "Re: your close", "body": "How long does it take with you?"},
    },
    "/flags/{flag}": {"on": False, "why": "Reps rejected three drafts in a row"},
}


def curl(method: str, path: str, *, with_token: bool) -> str:
    """Return a line for a shell in which `URL` is the service's address and `TOKEN` a token."""
    body = None if method == "get" else BODIES.get(path)
    parts = ["curl", f'"$URL{path.format(**PLACES)}"']
    if with_token:
        parts.append('-H "Authorization: Bearer $TOKEN"')
    if body is not None:
        parts.append(f"-H 'Content-Type: application/json' -d '{json.dumps(body)}'")
    if method != ("get" if body is None else "post"):
        parts.append(f"-X {method.upper()}")
    return " ".join(parts)
