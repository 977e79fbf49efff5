"""The flags: how they stand, and an operator's word that turns one on by evidence, or off."""

from typing import Annotated

from fastapi import APIRouter, Path

from backend.api.fields import ID_PATTERN
from backend.api.operations import operation
from backend.api.schemas import FlagBody
from backend.api.security import GuardedRoute, Who, Wired
from backend.errors import FlagFlipped, FlagNotReleased, UnknownFlag
from backend.read_models import FlagHistory, FlagsView, FlagView

router = APIRouter(prefix="/flags", tags=["flags"], route_class=GuardedRoute)

FlagName = Annotated[str, Path(pattern=ID_PATTERN)]


@router.get("", **operation("operator"))
async def list_flags(service: Wired) -> FlagsView:
    """List the flags, with what the gate said of the service's commit and what keeps each from being turned on."""
    return await service.switches.list()


@router.put("/{flag}", **operation("operator", errors=[UnknownFlag, FlagNotReleased, FlagFlipped]))
async def set_flag(flag: FlagName, body: FlagBody, service: Wired, who: Who) -> FlagView:
    """Turn a flag off, or on when the gate's newest verdict on the service's commit is a fitting PROMOTE.

    The next sweep follows. A flag that stands so already is left alone.
    """
    return await service.switches.set(flag, on=body.on, by=who.name, why=body.why)


@router.get("/{flag}/history", **operation("operator", errors=[UnknownFlag]))
async def read_flag_history(flag: FlagName, service: Wired) -> FlagHistory:
    """List the newest hundred flips of a flag, each with who and why."""
    return await service.switches.history(flag)
