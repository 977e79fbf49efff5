"""One email for one contact, written by the organised team; a draft comes back, and nothing is sent."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter

from backend.api.bodies import LETTER_BODY_BYTES
from backend.api.operations import operation
from backend.api.schemas import EmailBody
from backend.api.security import GuardedRoute, Who, Wired
from backend.domain.campaign import Draft, Email
from backend.errors import RunOverBudget, UnknownCampaign, UnknownContact
from backend.graphs.email_orchestrator_graph import Action, Role
from backend.read_models import ProvenanceView

router = APIRouter(prefix="/emails", tags=["emails"], route_class=GuardedRoute)


@dataclass(frozen=True, slots=True)
class RolePlanView:
    """The roles the leader assigned."""

    roles: list[Role]
    provenance: ProvenanceView


@dataclass(frozen=True, slots=True)
class WrittenDraft:
    """A draft nobody has approved; `graph_meta` says what it took and what the reviewer found."""

    subject: str
    body: str
    provenance: ProvenanceView
    graph_meta: dict[str, Any]


@dataclass(frozen=True, slots=True)
class EmailAnswer:
    """The team decided and wrote this. There is no `draft` when the action is `skip`, no `role_plan` without the leader."""

    action: Action
    action_provenance: ProvenanceView
    role_plan: RolePlanView | None
    draft: WrittenDraft | None
    graph_meta: dict[str, Any]

    @classmethod
    def of(cls, found: dict[str, Any]) -> "EmailAnswer":
        """Show what `Emails.write` returned."""
        draft, plan = found.get("draft"), found.get("role_plan")
        return cls(
            action=found["action"],
            action_provenance=ProvenanceView(**found["action_provenance"]),
            role_plan=RolePlanView(plan["roles"], ProvenanceView(**plan["provenance"])) if plan else None,
            draft=_draft(draft) if draft else None,
            graph_meta=found.get("graph_meta", {}),
        )


def _draft(draft: Draft) -> WrittenDraft:
    return WrittenDraft(draft["subject"], draft["body"], ProvenanceView(**draft["provenance"]), {**draft["graph_meta"]})


_ERRORS = (UnknownCampaign, UnknownContact, RunOverBudget)


@router.post("", **operation("rep", "operator", within_reach=True, errors=_ERRORS, max_body_bytes=LETTER_BODY_BYTES))
async def write_email(body: EmailBody, service: Wired, who: Who) -> EmailAnswer:
    """Have the team write the next email to a contact, or the answer to `incoming`; it is returned and not sent."""
    incoming = Email(subject=body.incoming.subject, body=body.incoming.body) if body.incoming else None
    found = await service.emails.write(body.campaign_id, body.contact_id, incoming=incoming, reach=who.reach)
    return EmailAnswer.of(found)
