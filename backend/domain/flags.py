"""The two feature flags that hold the hierarchies back, as one frozen value read once a run."""

from collections.abc import Mapping
from dataclasses import dataclass

CAMPAIGN_COACH_ENABLED = "CAMPAIGN_COACH_ENABLED"
ORCHESTRATOR_ROLE_PLAN = "ORCHESTRATOR_ROLE_PLAN"
FLAGS = (CAMPAIGN_COACH_ENABLED, ORCHESTRATOR_ROLE_PLAN)


@dataclass(frozen=True, slots=True)
class Flags:
    """The switches of one run; both are off by default."""

    campaign_coach_enabled: bool = False
    orchestrator_role_plan: bool = False

    def is_on(self, name: str) -> bool:
        """Return whether the flag of this name is on."""
        return {CAMPAIGN_COACH_ENABLED: self.campaign_coach_enabled, ORCHESTRATOR_ROLE_PLAN: self.orchestrator_role_plan}[name]

    def overridden(self, rows: Mapping[str, bool]) -> "Flags":
        """These flags with the stored rows, by flag name, laid over them."""
        return Flags(
            campaign_coach_enabled=rows.get(CAMPAIGN_COACH_ENABLED, self.campaign_coach_enabled),
            orchestrator_role_plan=rows.get(ORCHESTRATOR_ROLE_PLAN, self.orchestrator_role_plan),
        )
