"""Roles, the campaigns that somebody reaches, and those who hold them."""

import json
from dataclasses import dataclass
from typing import Literal

Role = Literal["rep", "operator", "cron"]

CRON_NAME = "cron"
"""Under this name the cron secrets act, so no token may have it."""
MAX_CAMPAIGNS = 20
"""Campaigns a token may be limited to; a page of what lies in them reads so many times its rows at most."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The campaigns that somebody may see and change; None is every campaign, now and later."""

    campaign_ids: tuple[str, ...] | None = None

    @classmethod
    def of(cls, stored: str | None) -> "Reach":
        """Read what `as_json` wrote."""
        return cls(None if stored is None else tuple(json.loads(stored)))

    @property
    def is_limited(self) -> bool:
        """True where there may be a campaign outside."""
        return self.campaign_ids is not None

    @property
    def as_json(self) -> str | None:
        """The ids as a JSON array, as statements take them; None without a limit."""
        return None if self.campaign_ids is None else json.dumps(self.campaign_ids)


EVERYWHERE = Reach()


@dataclass(frozen=True, slots=True)
class Principal:
    """The one who asks; `name` is what the audit trail says."""

    name: str
    role: Role
    reach: Reach = EVERYWHERE


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """A token as it is listed: everything but the token."""

    name: str
    role: Role
    created_at: str
    expires_at: str
    revoked_at: str | None
    reach: Reach
