"""The records of contacts, for runs that have no thread: one read before a run, one write after it."""

import json
from collections.abc import Sequence

from backend.d1.clock import NOW
from backend.d1.statements import Database, Statement
from backend.domain.access import EVERYWHERE, Reach
from backend.domain.campaign import Campaign, Dossier, Memory
from backend.domain.flags import Flags
from backend.store.dossier import select_dossiers, take_dossier
from backend.store.flags import READ_FLAGS, take_flags
from backend.store.known import check_pair, look_up_pair

_REMEMBER = f"""
INSERT INTO memories (contact_id, kind, text, created_at)
SELECT ?1, value ->> 'kind', value ->> 'text', {NOW} FROM json_each(?2) WHERE true ON CONFLICT DO NOTHING"""


class D1Records:
    """`ports.Records` over D1. `defaults` are the flags the stored ones are laid over."""

    def __init__(self, database: Database, defaults: Flags) -> None:
        self._database = database
        self._defaults = defaults

    async def brief(self, campaign_id: str, contact_id: str, *, reach: Reach = EVERYWHERE) -> tuple[Campaign, Dossier]:
        """See `ports.Records.brief`."""
        campaigns, contacts, *known = await self._database.batch(
            [*look_up_pair(campaign_id, contact_id, reach), *select_dossiers([campaign_id], [contact_id])]
        )
        check_pair(campaigns, contacts, campaign_id, contact_id)
        return take_dossier(known, campaign_id, contact_id)

    async def flags(self) -> Flags:
        """See `ports.Records.flags`."""
        (stored,) = await self._database.batch([READ_FLAGS])
        return take_flags(self._defaults, stored)

    async def remember(self, contact_id: str, memories: Sequence[Memory]) -> None:
        """See `ports.Records.remember`."""
        learned = json.dumps(list(memories), ensure_ascii=False)
        await self._database.batch([Statement(_REMEMBER, (contact_id, learned))])
