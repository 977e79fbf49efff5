"""A story of the demo, read from `data/*.json`: who is written to, what the rep decides, and what happens in between."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any

from backend.domain.campaign import Campaign, Decision, Email
from backend.domain.incoming import NewContact
from backend.domain.suppression import ContactFlag


@dataclass(frozen=True, slots=True)
class Verdict:
    """The rep's decision on a draft, `after_days` days after it was written."""

    decision: Decision
    after_days: int = 0
    feedback: str = ""
    reason: str = ""
    edited: Email | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """Something the contact does, `after_days` days after their send number `after_sent`; a flag of the contact is raised."""

    contact_id: str
    after_sent: int
    after_days: int
    flag: ContactFlag
    email: Email | None = None

    @property
    def delay(self) -> timedelta:
        """The time from the send until it happens."""
        return timedelta(days=self.after_days)


@dataclass(frozen=True, slots=True)
class Story:
    """One campaign from its first day. `verdicts` holds a contact's decisions in order; a draft beyond them is approved.

    `for_the_team` names the contact whom the organised team writes to at the end.
    """

    title: str
    starts_at: datetime
    campaign_coach_enabled: bool
    orchestrator_role_plan: bool
    campaign: Campaign
    contacts: list[NewContact]
    verdicts: dict[str, list[Verdict]]
    incidents: list[Incident]
    for_the_team: str | None = None

    @property
    def rep(self) -> str:
        """The approver: the sender's first name."""
        return self.campaign["sender_name"].split(" ")[0]

    def contact(self, contact_id: str) -> NewContact:
        """The contact of this id."""
        return next(contact for contact in self.contacts if contact["contact_id"] == contact_id)


def read_story(name: str) -> Story:
    """Read `data/NAME.json`."""
    told: dict[str, Any] = json.loads((files("backend.demo") / "data" / f"{name}.json").read_text("utf-8"))
    starts_at = datetime.fromisoformat(told.pop("starts_at"))
    verdicts = {contact_id: [Verdict(**verdict) for verdict in said] for contact_id, said in told.pop("verdicts").items()}
    incidents = [Incident(**incident) for incident in told.pop("incidents")]
    return Story(**told, starts_at=starts_at, verdicts=verdicts, incidents=incidents)
