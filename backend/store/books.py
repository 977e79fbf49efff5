"""The send ledger beside its threads' checkpoints, read by pages of an index: two requests a page."""

import json
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from backend.checkpointer import D1Saver
from backend.d1.clock import NOW, later
from backend.d1.statements import Database, Result, Row, Statement
from backend.domain.instants import from_text
from backend.ports import KnownBy
from backend.reconciling import Booked
from backend.store.states import read_state

_PAGE_SIZE: Final = 100
_MANY: Final = 5_000
_OWN: Final = ("thread_id", "step", "state", "provider", "provider_id", "message_id", "recipient", "reserved_at")

# A thread is under way while a run holds it, or while it is due: the sweep that takes it up settles what is open.
_PAGE: Final = f"""
SELECT sent.thread_id, sent.step, sent.state, sent.provider, sent.provider_id, sent.message_id,
  sent.envelope ->> 'recipient_address' AS recipient, sent.reserved_at,
  sent.reserved_at >= {later("?3")} AS is_recent,
  COALESCE(lease_until_at > {NOW}, 0) OR (status = 'decided' AND threads.step = sent.step AND next_touch_at IS NOT NULL)
    AS is_under_way
FROM send_ledger AS sent JOIN threads USING (thread_id)
WHERE (sent.thread_id, sent.step) > (?1, ?2) AND sent.reserved_at >= {later("?4")}
ORDER BY sent.thread_id, sent.step LIMIT ?5"""
_BEGIN: Final = f"SELECT {later('?1')} AS start"
_SENDERS: Final = "SELECT DISTINCT sender_address FROM campaigns"
_KNOWN: Final = {
    "message_id": "SELECT message_id AS id FROM json_each(?1) AS wanted CROSS JOIN send_ledger ON message_id = wanted.value",
    "provider_id": "SELECT provider_id AS id FROM send_ledger WHERE provider_id IN (SELECT value FROM json_each(?1))",
}


class D1Books:
    """`reconciling.Books` over D1."""

    def __init__(self, database: Database, saver: D1Saver) -> None:
        self._database = database
        self._saver = saver

    async def begin(self, since: timedelta) -> tuple[datetime, list[str]]:
        """See `reconciling.Books.begin`."""
        start, senders = await self._database.batch([Statement(_BEGIN, (-since.total_seconds(),)), Statement(_SENDERS)])
        return from_text(start.rows[0]["start"]), [row["sender_address"] for row in senders.rows]

    async def pages(self, since: timedelta, *, overlap: timedelta) -> AsyncIterator[Sequence[Booked]]:
        """See `reconciling.Books.pages`."""
        place: tuple[str, int] = ("", -1)
        recent_s, read_s = -since.total_seconds(), -(since + overlap).total_seconds()
        while True:
            (page,) = await self._database.batch([Statement(_PAGE, (*place, recent_s, read_s, _PAGE_SIZE))])
            if not page.rows:
                return
            threads = list(dict.fromkeys(row["thread_id"] for row in page.rows))
            checkpoints = await self._database.batch(self._saver.latest_statements(*threads))
            yield [await self._booked(row, checkpoints) for row in page.rows]
            place = (page.rows[-1]["thread_id"], page.rows[-1]["step"])

    async def known(self, column: KnownBy, ids: Collection[str]) -> set[str]:
        """See `reconciling.Books.known`."""
        wanted = list(ids)
        chunks = [json.dumps(wanted[at : at + _MANY]) for at in range(0, len(wanted), _MANY)]
        found = await self._database.batch([Statement(_KNOWN[column], (chunk,)) for chunk in chunks])
        return {row["id"] for result in found for row in result.rows}

    async def _booked(self, row: Row, checkpoints: Sequence[Result]) -> Booked:
        state, damage = await read_state(self._saver, row["thread_id"], checkpoints)
        sent = {(touch["step"], touch["message_id"]) for touch in state.get("touches", []) if touch["outcome"] == "sent"}
        return Booked(
            **{name: row[name] for name in _OWN},
            is_remembered=(row["step"], row["message_id"]) in sent,
            is_under_way=bool(row["is_under_way"]),
            is_recent=bool(row["is_recent"]),
            damage=damage,
        )
