"""Whether the process lives, and whether it can work."""

from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter

from backend.api.operations import public
from backend.api.security import Wired
from backend.errors import DatabaseError, NotMigrated

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
@router.get("/readyz", **public([NotMigrated, DatabaseError]))
async def ready(service: Wired) -> Health:
    """The database answers and has every migration of this version."""
    missing = await service.schema.pending()
    if missing:
        raise NotMigrated(", ".join(missing))
    return Health("ready")
