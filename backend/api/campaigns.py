"""Campaigns, the contacts enrolled in them, and where each thread stands."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Path, Query, Response

from backend.api.fields import ID_PATTERN
from backend.api.operations import operation
from backend.api.schemas import CampaignBody, EnrolmentsBody, StopBody
from backend.api.security import GuardedRoute, Who, Wired
from backend.domain.campaign import ThreadStatus
from backend.errors import (
    CampaignDiffers,
    ThreadEnded,
    ThreadNotParked,
    UnknownCampaign,
    UnknownContact,
    UnknownThread,
)
from backend.listings import CampaignPage, ContactPage, ThreadPage
from backend.ports import Enrolment
from backend.read_models import Requeued, ThreadView

router = APIRouter(prefix="/campaigns", tags=["campaigns"], route_class=GuardedRoute)

CampaignId = Annotated[str, Path(pattern=ID_PATTERN)]
ContactId = Annotated[str, Path(pattern=ID_PATTERN)]
Cursor = Annotated[str | None, Query(pattern=ID_PATTERN, description="`next_cursor` of the page before")]
Limit = Annotated[int, Query(ge=1, le=100)]


@dataclass(frozen=True, slots=True)
class CampaignAnswer:
    """The campaign's id; `created` says whether this request made it."""

    campaign_id: str
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentAnswer:
    """The one thread of a campaign and a contact; `created` says whether this request made it."""

    thread_id: str
    campaign_id: str
    contact_id: str
    status: ThreadStatus
    step: int
    enrolled_at: str
    next_touch_at: str | None
    created: bool

    @classmethod
    def of(cls, enrolment: Enrolment) -> "EnrolmentAnswer":
        """Show an enrolment."""
        thread = enrolment.thread
        return cls(
            thread_id=thread.thread_id,
            campaign_id=thread.campaign_id,
            contact_id=thread.contact_id,
            status=thread.status,
            step=thread.step,
            enrolled_at=thread.enrolled_at,
            next_touch_at=thread.next_touch_at,
            created=enrolment.is_new,
        )


@dataclass(frozen=True, slots=True)
class EnrolmentsAnswer:
    """The threads, in the order the contacts were named."""

    threads: list[EnrolmentAnswer]


def _made_or_found(answer: type) -> dict[str, Any]:
    """A route that answers 201 with what it made, or 200 with what was there."""
    found = {"model": answer, "description": "It existed before; nothing was written."}
    return {"status_code": HTTPStatus.CREATED, "responses": {int(HTTPStatus.OK): found}}


@router.get("", **operation("rep", "operator", within_reach=True))
async def list_campaigns(service: Wired, who: Who, cursor: Cursor = None, limit: Limit = 50) -> CampaignPage:
    """List the campaigns, by id."""
    return await service.lists.campaigns(cursor=cursor, limit=limit, reach=who.reach)


@router.get("/{campaign_id}/contacts", **operation("rep", "operator", within_reach=True, errors=[UnknownCampaign]))
async def list_contacts(
    campaign_id: CampaignId, service: Wired, who: Who, cursor: Cursor = None, limit: Limit = 50
) -> ContactPage:
    """List the contacts that are enrolled in a campaign, by id."""
    return await service.lists.contacts(campaign_id, cursor=cursor, limit=limit, reach=who.reach)


@router.get("/{campaign_id}/threads", **operation("rep", "operator", within_reach=True, errors=[UnknownCampaign]))
async def list_threads(  # noqa: PLR0913  # one argument a parameter of the route
    campaign_id: CampaignId,
    service: Wired,
    who: Who,
    *,
    status: Annotated[ThreadStatus | None, Query(description="only those that stand so")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ThreadPage:
    """List a campaign's threads, by contact; of one status a page may hold few or none before the last."""
    return await service.lists.threads(campaign_id, status=status, cursor=cursor, limit=limit, reach=who.reach)


@router.post("", **operation("operator", errors=[CampaignDiffers], **_made_or_found(CampaignAnswer)))
async def create_campaign(body: CampaignBody, service: Wired, response: Response) -> CampaignAnswer:
    """Create a campaign, or find the one with this id and this very content."""
    campaign_id = body.campaign_id or f"campaign-{uuid4().hex}"
    created = await service.intake.add_campaign(body.as_campaign(campaign_id))
    response.status_code = _status(created=created)
    return CampaignAnswer(campaign_id, created)


@router.post(
    "/{campaign_id}/enrolments",
    **operation("operator", within_reach=True, errors=[UnknownCampaign, UnknownContact], **_made_or_found(EnrolmentsAnswer)),
)
async def enrol_contacts(
    campaign_id: CampaignId, body: EnrolmentsBody, service: Wired, who: Who, response: Response
) -> EnrolmentsAnswer:
    """Enrol contacts, all or none of them; whoever is enrolled already is answered with the thread that exists."""
    enrolments = await service.campaigns.enrol(campaign_id, body.wanted, principal=who.name, reach=who.reach)
    response.status_code = _status(created=any(enrolment.is_new for enrolment in enrolments))
    return EnrolmentsAnswer([EnrolmentAnswer.of(enrolment) for enrolment in enrolments])


@router.get(
    "/{campaign_id}/threads/{contact_id}",
    **operation("rep", "operator", within_reach=True, errors=[UnknownCampaign, UnknownContact, UnknownThread]),
)
async def read_thread(campaign_id: CampaignId, contact_id: ContactId, service: Wired, who: Who) -> ThreadView:
    """Show where a thread stands and why, its plan with provenance, and every touch so far with versions and decisions."""
    return await service.views.thread(campaign_id, contact_id, reach=who.reach)


@router.post(
    "/{campaign_id}/threads/{contact_id}/requeue",
    **operation("operator", within_reach=True, errors=[UnknownCampaign, UnknownContact, UnknownThread, ThreadNotParked]),
)
async def requeue_thread(campaign_id: CampaignId, contact_id: ContactId, service: Wired, who: Who) -> Requeued:
    """Put a thread that was given up back: the next sweep takes it up where it stood, with its failures forgotten."""
    return await service.parked.requeue(campaign_id, contact_id, principal=who.name, reach=who.reach)


@router.post(
    "/{campaign_id}/threads/{contact_id}/stop",
    **operation("rep", "operator", within_reach=True, errors=[UnknownCampaign, UnknownContact, UnknownThread, ThreadEnded]),
)
async def stop_thread(
    campaign_id: CampaignId, contact_id: ContactId, service: Wired, who: Who, body: StopBody | None = None
) -> ThreadView:
    """End a thread wherever it stands, between touches too; a draft that waits is withdrawn."""
    reason = body.reason if body else ""
    await service.campaigns.stop(campaign_id, contact_id, principal=who.name, reason=reason, reach=who.reach)
    return await service.views.thread(campaign_id, contact_id, reach=who.reach)


def _status(*, created: bool) -> int:
    return HTTPStatus.CREATED if created else HTTPStatus.OK
