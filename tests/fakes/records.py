"""Records in memory that remember what runs learn, and fail when they are told to."""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

from backend.domain.access import EVERYWHERE, Reach
from backend.domain.campaign import Campaign, Dossier, Memory, thread_id_of
from backend.domain.facts import MAX_COMPANY_FACTS
from backend.domain.flags import Flags
from backend.domain.suppression import address_sha256
from backend.errors import AgenticSalesError, UnknownCampaign, UnknownContact

_MAX_PAST_TOUCHES = 6
_MAX_MEMORIES = 20


@dataclass
class RememberingRecords:
    """Knows the campaigns and dossiers it was given and who is `enrolled`, by id; reads raise `failure` while it is set."""

    campaigns: dict[str, Campaign] = field(default_factory=dict[str, Campaign])
    dossiers: dict[str, Dossier] = field(default_factory=dict[str, Dossier])
    stored_flags: dict[str, bool] = field(default_factory=dict[str, bool])
    suppressed: set[str] = field(default_factory=set[str])
    learned: dict[str, list[tuple[str, Memory]]] = field(default_factory=dict[str, list[tuple[str, Memory]]])
    enrolled: set[str] = field(default_factory=set[str])
    failure: AgenticSalesError | None = None

    async def brief(self, campaign_id: str, contact_id: str, *, reach: Reach = EVERYWHERE) -> tuple[Campaign, Dossier]:
        """See `ports.Records.brief`."""
        if self.failure:
            raise self.failure
        mine = self.campaigns if reach.campaign_ids is None else reach.campaign_ids
        if campaign_id not in mine or campaign_id not in self.campaigns:
            raise UnknownCampaign(campaign_id)
        is_mine = not reach.is_limited or any(thread_id_of(one, contact_id) in self.enrolled for one in mine)
        if contact_id not in self.dossiers or not is_mine:
            raise UnknownContact(contact_id)
        dossier = deepcopy(self.dossiers[contact_id])
        dossier["facts"].sort(key=lambda fact: (-fact["confidence"], fact["field"], fact["source"]))
        del dossier["facts"][MAX_COMPANY_FACTS:]
        dossier["history"] = dossier["history"][-_MAX_PAST_TOUCHES:]
        dossier["memories"] = self.memories_of(contact_id)[-_MAX_MEMORIES:]
        dossier["suppressed"] = address_sha256(dossier["contact"]["address"]) in self.suppressed
        return deepcopy(self.campaigns[campaign_id]), dossier

    async def flags(self) -> Flags:
        """See `ports.Records.flags`."""
        return Flags().overridden(self.stored_flags)

    async def remember(self, contact_id: str, memories: Sequence[Memory]) -> None:
        """See `ports.Records.remember`."""
        new = [memory for memory in _once(memories) if memory not in self.memories_of(contact_id)]
        self.learned.setdefault(contact_id, []).extend(("", memory) for memory in new)

    def memories_of(self, contact_id: str) -> list[Memory]:
        """Everything remembered of a contact, oldest first."""
        return [memory for _, memory in sorted(self.learned.get(contact_id, []), key=lambda learned: learned[0])]


def _once(memories: Iterable[Memory]) -> list[Memory]:
    found: list[Memory] = []
    for memory in memories:
        if memory not in found:
            found.append(memory)
    return found
