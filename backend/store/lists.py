"""Campaigns, contacts and threads by id, page by page: each page is a range of a primary key, and costs no index a row."""

from typing import Any, Final

from backend.d1.statements import Database, Row, Statement
from backend.domain.access import EVERYWHERE, Reach
from backend.domain.campaign import ThreadStatus
from backend.domain.suppression import CONTACT_FLAGS
from backend.errors import UnknownCampaign
from backend.listings import (
    LOOKED_AT,
    CampaignPage,
    CampaignSummary,
    ContactPage,
    ContactSummary,
    ThreadPage,
    ThreadSummary,
)
from backend.store.known import look_up_campaign
from backend.store.stopped import PAUSED_WHY

_CAMPAIGNS: Final = "SELECT * FROM campaigns WHERE campaign_id > ?1 ORDER BY campaign_id LIMIT ?2"
_CAMPAIGNS_WITHIN: Final = """
SELECT campaigns.* FROM json_each(?3) AS mine CROSS JOIN campaigns ON campaign_id = mine.value
WHERE campaign_id > ?1 ORDER BY campaign_id LIMIT ?2"""

# The ids of a campaign's threads are those from 'campaign:' to before 'campaign;', in the order of its contacts' ids.
_RANGE: Final = """
SELECT * FROM threads WHERE thread_id > ?1 || ':' || ?2 AND thread_id < ?1 || ';' ORDER BY thread_id LIMIT ?3"""
_CONTACTS: Final = f"""
SELECT contacts.*, companies.name AS company_name FROM ({_RANGE}) AS page
CROSS JOIN contacts ON contacts.contact_id = page.contact_id LEFT JOIN companies ON companies.company_id = contacts.company_id
ORDER BY page.thread_id"""
# The last of a full range comes along whatever its status: the next page goes on after it.
_THREADS: Final = f"""
SELECT threads.*, place, CASE WHEN threads.status IN ('scheduled', 'decided') THEN {PAUSED_WHY} END AS paused_why
FROM (SELECT thread_id, status, row_number() OVER (ORDER BY thread_id) AS place FROM ({_RANGE})) AS page
CROSS JOIN threads ON threads.thread_id = page.thread_id
WHERE page.status = COALESCE(?4, page.status) OR place = ?3 ORDER BY place LIMIT ?5"""


class D1Lists:
    """`listings.Lists` over D1."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def campaigns(self, *, cursor: str | None = None, limit: int = 50, reach: Reach = EVERYWHERE) -> CampaignPage:
        """See `listings.Lists.campaigns`."""
        place = (cursor or "", limit + 1)
        (found,) = await self._database.batch(
            [Statement(_CAMPAIGNS_WITHIN, (*place, reach.as_json)) if reach.is_limited else Statement(_CAMPAIGNS, place)]
        )
        names = CampaignSummary.__dataclass_fields__
        campaigns = [CampaignSummary(**{name: row[name] for name in names}) for row in found.rows[:limit]]
        return CampaignPage(campaigns, campaigns[-1].campaign_id if len(found.rows) > limit else None)

    async def contacts(
        self, campaign_id: str, *, cursor: str | None = None, limit: int = 50, reach: Reach = EVERYWHERE
    ) -> ContactPage:
        """See `listings.Lists.contacts`."""
        rows = await self._of_campaign(Statement(_CONTACTS, (campaign_id, cursor or "", limit + 1)), campaign_id, reach)
        contacts = [_contact(row) for row in rows[:limit]]
        return ContactPage(contacts, contacts[-1].contact_id if len(rows) > limit else None)

    async def threads(
        self,
        campaign_id: str,
        *,
        status: ThreadStatus | None = None,
        cursor: str | None = None,
        limit: int = 50,
        reach: Reach = EVERYWHERE,
    ) -> ThreadPage:
        """See `listings.Lists.threads`."""
        size = limit * LOOKED_AT if status else limit + 1
        statement = Statement(_THREADS, (campaign_id, cursor or "", size, status, limit + 1))
        rows = await self._of_campaign(statement, campaign_id, reach)
        found = [row for row in rows if status in (None, row["status"])]
        names = ThreadSummary.__dataclass_fields__
        threads = [ThreadSummary(**{name: _as_paused(row)[name] for name in names}) for row in found[:limit]]
        if len(found) > limit:
            return ThreadPage(threads, threads[-1].contact_id)
        return ThreadPage(threads, rows[-1]["contact_id"] if rows and rows[-1]["place"] == size else None)

    async def _of_campaign(self, page: Statement, campaign_id: str, reach: Reach) -> list[Row]:
        found, campaigns = await self._database.batch([page, look_up_campaign(campaign_id, reach)])
        if not campaigns.rows:
            raise UnknownCampaign(campaign_id)
        return found.rows


def _as_paused(row: Row) -> Row:
    """The row of a thread; what is paused is due to nobody, and that is why it waits."""
    return {**row, "status_reason": row["paused_why"], "next_touch_at": None} if row["paused_why"] else row


def _contact(row: Row) -> ContactSummary:
    shown: dict[str, Any] = {name: row[name] for name in ContactSummary.__dataclass_fields__}
    for flag in CONTACT_FLAGS:
        shown[flag] = bool(shown[flag])
    return ContactSummary(**shown)
