"""Every guarded route: who may call it, and a request it takes once the draft `{draft_id}` waits."""

from dataclasses import dataclass
from typing import Any

from tests.northwind import CAMPAIGN_BODY, CONTACT_BODY, MINE

READERS = frozenset({"rep", "operator"})
OPERATOR = frozenset({"operator"})


@dataclass(frozen=True)
class Route:
    """One row of the table; `path` is the template of the OpenAPI document.

    `parked` says that its thread must be, and `unknown` that the outcome of a send must be.
    """

    method: str
    path: str
    roles: frozenset[str]
    body: Any = None
    parked: bool = False
    unknown: bool = False

    def at(self, draft_id: str) -> str:
        """The path of a request."""
        return self.path.format(campaign_id="close", contact_id="ada", draft_id=draft_id, **OTHERS)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


OTHERS = {"flag": "CAMPAIGN_COACH_ENABLED", "send_id": "close:ada:0:2"}
"""Ids that stand in a path, beside those of a campaign."""
ROUTES = (
    Route("POST", "/contacts", OPERATOR, {"contacts": [CONTACT_BODY]}),
    Route("GET", "/campaigns", READERS),
    Route("POST", "/campaigns", OPERATOR, CAMPAIGN_BODY),
    Route("GET", "/campaigns/{campaign_id}/contacts", READERS),
    Route("GET", "/campaigns/{campaign_id}/threads", READERS),
    Route("POST", "/campaigns/{campaign_id}/enrolments", OPERATOR, {"contact_id": "ada"}),
    Route("GET", "/campaigns/{campaign_id}/threads/{contact_id}", READERS),
    Route("POST", "/campaigns/{campaign_id}/threads/{contact_id}/requeue", OPERATOR, parked=True),
    Route("POST", "/campaigns/{campaign_id}/threads/{contact_id}/stop", READERS, {"reason": "she changed jobs"}),
    Route("GET", "/threads/parked", OPERATOR),
    Route("POST", "/cron/resume", frozenset({"cron", "operator"})),
    Route("GET", "/drafts", READERS),
    Route("GET", "/drafts/{draft_id}", READERS),
    Route("GET", "/drafts/{draft_id}/preview", READERS),
    Route("POST", "/drafts/bulk", READERS, {"decisions": [{"draft_id": "close:ada:0:1", "decision": "reject"}]}),
    Route("POST", "/drafts/{draft_id}/approve", READERS),
    Route("POST", "/drafts/{draft_id}/edit", READERS, {**MINE}),
    Route("POST", "/drafts/{draft_id}/regenerate", READERS, {"feedback": "Shorter."}),
    Route("POST", "/drafts/{draft_id}/reject", READERS),
    Route("POST", "/drafts/{draft_id}/stop", READERS),
    Route("GET", "/sends", OPERATOR),
    Route("POST", "/sends/{send_id}/resolve", OPERATOR, {"delivered": True}, unknown=True),
    Route("GET", "/stops", OPERATOR),
    Route("GET", "/threads/held", OPERATOR),
    Route("POST", "/stops", OPERATOR, {"action": "pause", "scope": "everything"}),
    Route("POST", "/campaigns/{campaign_id}/stops", OPERATOR, {"action": "pause"}),
    Route("POST", "/campaigns/{campaign_id}/threads/{contact_id}/stops", OPERATOR, {"action": "pause"}),
    Route("GET", "/flags", OPERATOR),
    Route("PUT", "/flags/{flag}", OPERATOR, {"on": False, "why": "a look"}),
    Route("GET", "/flags/{flag}/history", OPERATOR),
    Route("POST", "/emails", READERS, {"campaign_id": "close", "contact_id": "ada"}),
)
