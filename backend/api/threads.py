"""Threads over all campaigns: those that were given up and wait for an operator."""

from typing import Annotated

from fastapi import APIRouter, Query

from backend.api.fields import THREAD_ID_PATTERN
from backend.api.operations import operation
from backend.api.security import GuardedRoute, Who, Wired
from backend.read_models import ParkedPage

router = APIRouter(prefix="/threads", tags=["threads"], route_class=GuardedRoute)


@router.get("/parked", **operation("operator", within_reach=True))
async def list_parked_threads(
    service: Wired,
    who: Who,
    cursor: Annotated[str | None, Query(pattern=THREAD_ID_PATTERN, description="`next_cursor` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> ParkedPage:
    """List the threads that were given up, by id, each with why; put one back with its `requeue`."""
    return await service.parked.page(cursor=cursor, limit=limit, reach=who.reach)
