"""Roles, and those who hold them."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["rep", "operator", "cron"]

CRON_NAME = "cron"
"""Under this name the cron secrets act, so no token may have it."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The one who asks; `name` is what the audit trail says."""

    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """A token as it is listed: everything but the token."""

    name: str
    role: Role
    created_at: str
    expires_at: str
    revoked_at: str | None
