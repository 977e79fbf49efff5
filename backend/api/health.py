"""Two probes: the process lives, and it can work."""

from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter, Request

from backend.api.operations import public
from backend.api.security import Wired, identify
from backend.domain.instants import MAX_CLOCK_DIFFERENCE
from backend.errors import ClockDiffers, DatabaseError, NotMigrated

router = APIRouter(tags=["health"])


@dataclass(frozen=True, slots=True)
class Health:
    """The process answers."""

    status: Literal["ok"]


@dataclass(frozen=True, slots=True)
class Readiness:
    """The service can work; degraded says that nobody sweeps, nobody looks at the drafts, or threads were not taken, and why.

    Threads are named to whoever asks with a token that is not limited to campaigns, and counted to anybody.
    """

    status: Literal["ready", "degraded"]
    reasons: list[str]


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", **public())
async def live() -> Health:
    """The process answers."""
    return Health("ok")


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", **public([NotMigrated, ClockDiffers, DatabaseError]))
async def ready(request: Request, service: Wired) -> Readiness:
    """The database answers, can write, has every migration of this version, and this host's clock agrees with its.

    The answer says too whether sweeps are made, every due thread was taken, and somebody looks at the drafts that wait.
    """
    missing = await service.schema.pending()
    if missing:
        raise NotMigrated(", ".join(missing))
    off = service.clock.now() - await service.schema.probe()
    if abs(off) > MAX_CLOCK_DIFFERENCE:
        raise ClockDiffers(off.total_seconds())
    attendance, asking = await service.attendance.read(), await identify(request)
    reasons = attendance.reasons(service.attendance_limits, by_name=asking is not None and not asking.reach.is_limited)
    return Readiness("degraded" if reasons else "ready", reasons)
