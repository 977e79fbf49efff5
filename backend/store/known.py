"""A campaign, a contact and their thread are looked up in the batch that acts on them, as far as the asker reaches.

What lies outside is not known to the asker, and is answered with the words for what does not exist.
"""

from collections.abc import Sequence
from typing import Final

from backend.d1.statements import Result, Row, Statement
from backend.domain.access import EVERYWHERE, Reach
from backend.errors import UnknownCampaign, UnknownContact, UnknownThread


def within(campaign_id: str, reach: str) -> str:
    """SQL that holds where the campaign lies within the reach, which is bound as `Reach.as_json`."""
    return f"({reach} IS NULL OR {campaign_id} IN (SELECT value FROM json_each({reach})))"


def contact_within(contact_id: str, reach: str) -> str:
    """SQL that holds where the contact is enrolled in a campaign within the reach."""
    return f"""({reach} IS NULL OR EXISTS (
  SELECT 1 FROM json_each({reach}) AS mine CROSS JOIN threads AS known ON known.thread_id = mine.value || ':' || {contact_id}
))"""


_CAMPAIGN_EXISTS: Final = f"SELECT 1 AS known FROM campaigns WHERE campaign_id = ?1 AND {within('campaign_id', '?2')}"
_CONTACT_EXISTS: Final = f"SELECT 1 AS known FROM contacts WHERE contact_id = ?1 AND {contact_within('?1', '?2')}"


def look_up_campaign(campaign_id: str | None, reach: Reach = EVERYWHERE) -> Statement:
    """Look one campaign up; the result has a row when it is known."""
    return Statement(_CAMPAIGN_EXISTS, (campaign_id, reach.as_json))


def look_up_pair(campaign_id: str, contact_id: str, reach: Reach = EVERYWHERE) -> tuple[Statement, Statement]:
    """Look a campaign and a contact up; their results and that of their thread go to `thread_of_pair`."""
    return look_up_campaign(campaign_id, reach), Statement(_CONTACT_EXISTS, (contact_id, reach.as_json))


def check_pair(campaigns: Result, contacts: Result, campaign_id: str, contact_id: str) -> None:
    """See in the results of `look_up_pair` that both are known.

    Raises:
        UnknownCampaign, UnknownContact: the first of them that is not.
    """
    if not campaigns.rows:
        raise UnknownCampaign(campaign_id)
    if not contacts.rows:
        raise UnknownContact(contact_id)


def thread_of_pair(results: Sequence[Result], campaign_id: str, contact_id: str) -> Row:
    """Return the thread's row from the results of campaign, contact and thread, in this order.

    Raises:
        UnknownCampaign, UnknownContact, UnknownThread: the first of them that is not there.
    """
    campaigns, contacts, threads = results
    check_pair(campaigns, contacts, campaign_id, contact_id)
    if not threads.rows:
        raise UnknownThread(campaign_id, contact_id)
    return threads.rows[0]
