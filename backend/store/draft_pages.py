"""A page of the drafts that wait, as one statement: a range of an index, so that it costs what it holds."""

import re
from typing import Final

from backend.d1.statements import Result, Row, Statement
from backend.domain.access import Reach
from backend.domain.campaign import draft_id_of
from backend.errors import BadRequest
from backend.read_models import DraftPage, DraftSummary

_PAGE: Final = """
SELECT page.*, contacts.contact_id AS contact_id, contacts.name AS contact_name, companies.name AS company_name
FROM ({page}) AS page JOIN threads USING (thread_id) JOIN contacts USING (contact_id) LEFT JOIN companies USING (company_id)
ORDER BY page.created_at, page.thread_id"""
_PENDING: Final = _PAGE.format(
    page="""
  SELECT * FROM drafts WHERE status = 'pending' AND (created_at, thread_id) > (?1, ?2)
  ORDER BY created_at, thread_id LIMIT ?3"""
)
_PENDING_OF_CAMPAIGN: Final = _PAGE.format(
    page="""
  SELECT * FROM drafts WHERE status = 'pending' AND campaign_id = ?4 AND (created_at, thread_id) > (?1, ?2)
  ORDER BY created_at, thread_id LIMIT ?3"""
)
# Of each campaign no more than a page is read, however many of its drafts wait.
_PENDING_WITHIN: Final = _PAGE.format(
    page="""
  SELECT drafts.* FROM json_each(?4) AS mine CROSS JOIN drafts ON drafts.rowid IN (
    SELECT own.rowid FROM drafts AS own
    WHERE own.status = 'pending' AND own.campaign_id = mine.value AND (own.created_at, own.thread_id) > (?1, ?2)
    ORDER BY own.created_at, own.thread_id LIMIT ?3
  ) ORDER BY drafts.created_at, drafts.thread_id LIMIT ?3"""
)

_CURSOR: Final = re.compile(r"([0-9TZ:.-]{1,32})~([A-Za-z0-9._:-]{1,140})")
_SUMMARY: Final = tuple(name for name in DraftSummary.__dataclass_fields__ if name != "draft_id")


def select_page(campaign_id: str | None, cursor: str | None, limit: int, reach: Reach) -> Statement:
    """Return the statement whose result `take_page` reads; of one campaign it is for whoever may see that campaign.

    Raises:
        BadRequest: the cursor is not one that a page gave.
    """
    place = (*_place_after(cursor), limit + 1)
    if campaign_id is not None:
        return Statement(_PENDING_OF_CAMPAIGN, (*place, campaign_id))
    return Statement(_PENDING_WITHIN, (*place, reach.as_json)) if reach.is_limited else Statement(_PENDING, place)


def take_page(found: Result, limit: int) -> DraftPage:
    """Read the page and where the next one begins."""
    rows = found.rows[:limit]
    summaries = [DraftSummary(draft_id=draft_id_in(row), **{name: row[name] for name in _SUMMARY}) for row in rows]
    return DraftPage(summaries, _cursor_of(rows[-1]) if len(found.rows) > limit else None)


def draft_id_in(row: Row) -> str:
    """The id of a row of `drafts`."""
    return draft_id_of(row["thread_id"], row["step"], row["version"])


def _cursor_of(row: Row) -> str:
    return f"{row['created_at']}~{row['thread_id']}"


def _place_after(cursor: str | None) -> tuple[str, str]:
    if cursor is None:
        return "", ""
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        msg = "The cursor is not one that a page of drafts gave. Leave it out to begin at the first page."
        raise BadRequest(msg)
    return found[1], found[2]
