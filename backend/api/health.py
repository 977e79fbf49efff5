"""Two probes: the process lives, and it can work."""

from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter

from backend.api.operations import public
from backend.api.security import Wired
from backend.domain.instants import MAX_CLOCK_DIFFERENCE
from backend.errors import ClockDiffers, DatabaseError, NotMigrated

router = APIRouter(tags=["health"])


@dataclass(frozen=True, slots=True)
class Health:
    """All is well."""

    status: Literal["ok", "ready"]


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", **public())
async def live() -> Health:
    """The process answers."""
    return Health("ok")


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", **public([NotMigrated, ClockDiffers, DatabaseError]))
async def ready(service: Wired) -> Health:
    """The database answers, can write, has every migration of this version, and this host's clock agrees with its."""
    missing = await service.schema.pending()
    if missing:
        raise NotMigrated(", ".join(missing))
    off = service.clock.now() - await service.schema.probe()
    if abs(off) > MAX_CLOCK_DIFFERENCE:
        raise ClockDiffers(off.total_seconds())
    return Health("ready")
