"""A draft as the email it would be, or was: made by what the send uses, and read in one request."""

import json
from typing import Final

from backend.d1.statements import Database, Row, Statement
from backend.domain.access import EVERYWHERE, Reach
from backend.domain.campaign import Addressee, Email, touch_of
from backend.domain.instants import from_text
from backend.domain.unsubscribe import UnsubscribeLinks
from backend.errors import UnknownDraft
from backend.graphs.sending import Place, address
from backend.ports import OutgoingEmail
from backend.store.dossier import campaign_of
from backend.store.known import within

_DRAFT: Final = f"""
SELECT drafts.*, COALESCE(approved_subject, subject) AS last_subject, COALESCE(approved_body, body) AS last_body,
  claimed.envelope
FROM drafts LEFT JOIN send_ledger AS claimed ON claimed.thread_id = drafts.thread_id AND claimed.step = drafts.step
  AND claimed.version = drafts.version AND claimed.state <> 'not_delivered'
WHERE drafts.thread_id = ?1 AND drafts.step = ?2 AND drafts.version = ?3 AND {within("drafts.campaign_id", "?4")}"""
_CAMPAIGN: Final = "SELECT campaigns.* FROM threads JOIN campaigns USING (campaign_id) WHERE thread_id = ?1"
_EARLIER: Final = """
SELECT message_id FROM send_ledger WHERE thread_id = ?1 AND step < ?2 AND state = 'sent' ORDER BY step"""


class D1Previews:
    """`listings.Previews` over D1."""

    def __init__(self, database: Database, links: UnsubscribeLinks) -> None:
        self._database = database
        self._links = links

    async def email(self, draft_id: str, *, reach: Reach = EVERYWHERE) -> OutgoingEmail:
        """See `listings.Previews.email`."""
        touch = touch_of(draft_id)
        if touch is None:
            raise UnknownDraft(draft_id)
        drafts, campaigns, earlier = await self._database.batch(
            [Statement(_DRAFT, (*touch, reach.as_json)), Statement(_CAMPAIGN, touch[:1]), Statement(_EARLIER, touch[:2])]
        )
        if not drafts.rows:
            raise UnknownDraft(draft_id)
        draft = drafts.rows[0]
        text = Email(subject=draft["last_subject"], body=draft["last_body"])
        if draft["envelope"]:
            return OutgoingEmail(**text, **json.loads(draft["envelope"]))
        place = Place(draft["thread_id"], draft["step"], [row["message_id"] for row in earlier.rows])
        written_at = from_text(draft["created_at"])
        campaign = campaign_of(campaigns.rows[0])
        return address(campaign, _addressee(draft), text, place, self._links, at=written_at)


def _addressee(row: Row) -> Addressee:
    return Addressee(**{name: row[name] for name in Addressee.__dataclass_fields__})
