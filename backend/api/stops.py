"""People stop a contact in a campaign, a campaign, a mailbox, or everything."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from backend.api.fields import ID_PATTERN, SCOPE_PATTERN, THREAD_ID_PATTERN
from backend.api.operations import operation
from backend.api.schemas import StopsBody, WideStopsBody
from backend.api.security import GuardedRoute, Who, Wired
from backend.domain.stops import Scope, read_scope, thread_scope
from backend.errors import StopContested, UnknownCampaign, UnknownContact, UnknownThread
from backend.listings import HeldPage, StopPage, StopSaid

router = APIRouter(tags=["stops"], route_class=GuardedRoute)

CampaignId = Annotated[str, Path(pattern=ID_PATTERN)]
ContactId = Annotated[str, Path(pattern=ID_PATTERN)]
Limit = Annotated[int, Query(ge=1, le=100)]


@router.get("/stops", **operation("operator", within_reach=True))
async def list_stops(
    service: Wired,
    who: Who,
    cursor: Annotated[str | None, Query(pattern=SCOPE_PATTERN, description="`next_cursor` of the page before")] = None,
    limit: Limit = 50,
) -> StopPage:
    """List the pauses in force, by scope, each with who said so, when and why."""
    return await service.stops.page(cursor=cursor, limit=limit, reach=who.reach)


@router.get("/threads/held", **operation("operator", within_reach=True))
async def list_held_threads(
    service: Wired,
    who: Who,
    cursor: Annotated[str | None, Query(pattern=THREAD_ID_PATTERN, description="`next_cursor` of the page before")] = None,
    limit: Limit = 50,
) -> HeldPage:
    """List the threads that a colleague's reply holds; resume one to let it go on, or stop it."""
    return await service.stops.held(cursor=cursor, limit=limit, reach=who.reach)


@router.post("/stops", **operation("operator", errors=[StopContested]))
async def stop_widely(body: WideStopsBody, service: Wired, who: Who) -> StopSaid:
    """Pause, resume or cancel everything, or what one mailbox sends: `scope` is `everything`, or `mailbox:` and its address.

    In force at the next claim of a thread or a send. A cancel ends the threads that are enrolled by now.
    """
    return await service.stops.say(read_scope(body.scope), body.action, by=who.name, why=body.why)


@router.post(
    "/campaigns/{campaign_id}/stops", **operation("operator", within_reach=True, errors=[UnknownCampaign, StopContested])
)
async def stop_campaign(campaign_id: CampaignId, body: StopsBody, service: Wired, who: Who) -> StopSaid:
    """Pause or resume a campaign, or cancel what is enrolled in it: in force at the next claim of a thread or a send."""
    scope = Scope("campaign", campaign_id)
    return await service.stops.say(scope, body.action, by=who.name, why=body.why, reach=who.reach)


@router.post(
    "/campaigns/{campaign_id}/threads/{contact_id}/stops",
    **operation("operator", within_reach=True, errors=[UnknownCampaign, UnknownContact, UnknownThread, StopContested]),
)
async def stop_contact(campaign_id: CampaignId, contact_id: ContactId, body: StopsBody, service: Wired, who: Who) -> StopSaid:
    """Pause, resume or cancel a contact in a campaign; a resume lets the thread go on after a colleague's reply too."""
    scope = thread_scope(campaign_id, contact_id)
    return await service.stops.say(scope, body.action, by=who.name, why=body.why, reach=who.reach)
