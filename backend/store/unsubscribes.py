"""A recipient's wish, by the link in an email they got: one batch that finds whose it is and acts, safe twice and late."""

from typing import Final

from backend.d1.clock import NOW
from backend.d1.statements import Database, Statement
from backend.domain.suppression import address_sha256
from backend.domain.unsubscribe import Scope
from backend.store.decisions import SETTLE_STOPPED, STOP, WITHDRAW_STOPPED
from backend.store.intake import END_WITHDRAWN, MARK, SUPPRESS_CONTACT, WITHDRAW

# The statements that act on a thread or a contact have its id in ?1. Here ?1 is the key that a send's Message-ID begins with.

_SEND: Final = "send_ledger WHERE message_id BETWEEN '<' || ?1 || '@' AND '<' || ?1 || 'A'"
_THREAD: Final = f"(SELECT thread_id FROM {_SEND})"
_CONTACT: Final = f"(SELECT contact_id FROM {_SEND})"
_CONTACTS: Final = f"(SELECT json_array(json_object('contact_id', contact_id)) FROM {_SEND})"
_FOUND: Final = f"""
SELECT address_sha256, envelope ->> 'recipient_address' AS sent_to
FROM (SELECT contact_id, envelope FROM {_SEND}) JOIN contacts USING (contact_id)"""
_AUDIT: Final = f"""
INSERT INTO audit (thread_id, audit_id, at, principal, action, step, version, detail)
SELECT '', ?2, {NOW}, 'recipient', 'unsubscribed', step, version, 'by a link of thread ' || thread_id
FROM {_SEND} ON CONFLICT DO NOTHING"""
_AUDIT_OF_THREAD: Final = f"""
INSERT INTO audit (thread_id, audit_id, at, principal, action, step, version, detail)
SELECT thread_id, ?2, {NOW}, 'recipient', 'unsubscribed', step, draft_version, 'at fence ' || fence
FROM threads WHERE thread_id = {_THREAD} ON CONFLICT DO NOTHING"""
_SUPPRESS: Final = f"""
INSERT INTO suppressions (address_sha256, reason, created_at) VALUES (?1, 'unsubscribed', {NOW}) ON CONFLICT DO NOTHING"""
_WHY: Final = "the recipient unsubscribed from this campaign"


class D1Unsubscribes:
    """`ports.Unsubscribes` over D1."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def act(self, key: str, scope: Scope) -> bool:
        """See `ports.Unsubscribes.act`."""
        given = (key, f"unsubscribe:{key}:{scope}")
        found, *_ = await self._database.batch(
            [Statement(_FOUND, (key,)), *(_end_thread(given) if scope == "campaign" else _end_all(given))]
        )
        if not found.rows:
            return False
        sent_to = address_sha256(found.rows[0]["sent_to"])
        if scope == "all" and sent_to != found.rows[0]["address_sha256"]:
            await self._database.batch([Statement(_SUPPRESS, (sent_to,))])
        return True


def _end_thread(given: tuple[str, str]) -> list[Statement]:
    stop = [(WITHDRAW_STOPPED, (*given, _WHY)), (SETTLE_STOPPED, given), (STOP, (*given, _WHY))]
    return [Statement(_AUDIT_OF_THREAD, given), *(Statement(_about(_THREAD, sql), values) for sql, values in stop)]


def _end_all(given: tuple[str, str]) -> list[Statement]:
    return [
        Statement(_about(_CONTACT, MARK["unsubscribed"]), given),
        Statement(_about(_CONTACT, SUPPRESS_CONTACT), (*given, "unsubscribed")),
        Statement(_about(_CONTACTS, WITHDRAW), given),
        Statement(_about(_CONTACTS, END_WITHDRAWN), given),
        Statement(_AUDIT, given),
    ]


def _about(whom: str, sql: str) -> str:
    return sql.replace("?1", whom)
