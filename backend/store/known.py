"""A campaign, a contact and their thread are looked up in the batch that acts on them."""

from collections.abc import Sequence
from typing import Final

from backend.d1.statements import Result, Row, Statement
from backend.errors import UnknownCampaign, UnknownContact, UnknownThread

_CAMPAIGN_EXISTS: Final = "SELECT 1 AS known FROM campaigns WHERE campaign_id = ?1"
_CONTACT_EXISTS: Final = "SELECT 1 AS known FROM contacts WHERE contact_id = ?1"


def look_up_campaign(campaign_id: str | None) -> Statement:
    """Look one campaign up; the result has a row when it is known."""
    return Statement(_CAMPAIGN_EXISTS, (campaign_id,))


def look_up_pair(campaign_id: str, contact_id: str) -> tuple[Statement, Statement]:
    """Look a campaign and a contact up; their results and that of their thread go to `thread_of_pair`."""
    return look_up_campaign(campaign_id), Statement(_CONTACT_EXISTS, (contact_id,))


def thread_of_pair(results: Sequence[Result], campaign_id: str, contact_id: str) -> Row:
    """Return the thread's row from the results of campaign, contact and thread, in this order.

    Raises:
        UnknownCampaign, UnknownContact, UnknownThread: the first of them that is not there.
    """
    campaigns, contacts, threads = (result.rows for result in results)
    if not campaigns:
        raise UnknownCampaign(campaign_id)
    if not contacts:
        raise UnknownContact(contact_id)
    if not threads:
        raise UnknownThread(campaign_id, contact_id)
    return threads[0]
