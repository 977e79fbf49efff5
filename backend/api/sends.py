"""Sends whose outcome nobody knows, and a person's word on each."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from backend.api.fields import SEND_ID_PATTERN
from backend.api.operations import operation
from backend.api.schemas import ResolveBody
from backend.api.security import GuardedRoute, Who, Wired
from backend.errors import SendNotUnknown, UnknownSend
from backend.listings import SendOutcome, SendPage

router = APIRouter(prefix="/sends", tags=["sends"], route_class=GuardedRoute)

SendId = Annotated[str, Path(pattern=SEND_ID_PATTERN)]


@router.get("", **operation("operator"))
async def list_sends(
    service: Wired,
    state: Annotated[Literal["unknown"], Query(description="The only state that is listed.")] = "unknown",  # noqa: ARG001  # there is one
    cursor: Annotated[str | None, Query(pattern=SEND_ID_PATTERN, description="`next_cursor` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> SendPage:
    """List the emails that may or may not have left; look each up at its provider by its Message-ID, and `resolve` it."""
    return await service.sends.unknown(cursor=cursor, limit=limit)


@router.post("/{send_id}/resolve", **operation("operator", errors=[UnknownSend, SendNotUnknown]))
async def resolve_send(send_id: SendId, service: Wired, who: Who, body: ResolveBody) -> SendOutcome:
    """Say what became of an email: delivered, its thread goes on; not delivered, the touch is sent under a new claim."""
    return await service.sends.resolve(send_id, delivered=body.delivered, principal=who.name)
