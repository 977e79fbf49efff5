"""SQL finds what keeps a thread of `threads` in scope from going on: a pause in force, or a colleague's reply."""

from typing import Final

_IN_FORCE = """
FROM stops WHERE stops.is_paused = 1 AND stops.stop_id IN (
  'everything', 'campaign:' || threads.campaign_id, 'thread:' || threads.thread_id, 'mailbox:' || (
    SELECT lower(own.sender_address) FROM campaigns AS own WHERE own.campaign_id = threads.campaign_id
  )
) ORDER BY stops.stop_id LIMIT 1"""

PAUSED_BY: Final = f"(SELECT stops.stop_id {_IN_FORCE})"
"""The id of a pause in force; NULL without one."""

PAUSED_WHY: Final = f"""(
  SELECT stops.stop_id || ' was paused by ' || stops.said_by || ' at ' || stops.said_at || CASE stops.why WHEN '' THEN ''
    ELSE ': ' || stops.why END {_IN_FORCE}
)"""
"""The same in words."""

MAX_COLLEAGUES: Final = 100

COLLEAGUES: Final = f"""(
  SELECT count(*) FROM (
    SELECT 1 FROM contacts AS own CROSS JOIN contacts AS colleague
      ON colleague.company_id = own.company_id AND colleague.replied = 1 AND colleague.contact_id <> own.contact_id
    WHERE own.contact_id = threads.contact_id AND colleague.company_id IS NOT NULL LIMIT {MAX_COLLEAGUES}
  )
)"""
"""The number of contacts at the same company that replied, as far as anybody counts."""

REPLY_RULE: Final = f"""(
  SELECT own.on_colleague_reply FROM campaigns AS own
  WHERE own.campaign_id = threads.campaign_id AND own.on_colleague_reply <> 'ignore' AND {COLLEAGUES} > threads.colleagues_seen
)"""
"""The rule of the campaign about a colleague's reply, where there is one that nobody has let pass; NULL otherwise."""

NOT_ALL_PAUSED: Final = "NOT EXISTS (SELECT 1 FROM stops WHERE stops.stop_id = 'everything' AND stops.is_paused = 1)"
"""While everything is paused, nothing is due."""


def not_all_paused_since(instant: str) -> str:
    """SQL that holds unless everything is paused, or was when a sweep began at `instant` and nothing was due to it."""
    return f"""NOT EXISTS (
  SELECT 1 FROM stops WHERE stops.stop_id = 'everything' AND (stops.is_paused = 1 OR stops.said_at >= {instant})
)"""
