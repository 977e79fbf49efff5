"""The schema of the service's tables: which migrations there are, and how they are applied."""

from datetime import datetime, timedelta

from backend.d1.clock import NOW
from backend.d1.migrate import migrate, pending
from backend.d1.statements import Database, Statement
from backend.domain.instants import from_text

PACKAGE = "backend.store"
"""Its folder `migrations` is what wrangler applies; the checkpointer's files are in it by links."""
PROBE_EVERY = timedelta(seconds=10)
"""A probe writes no more often than this, by the database's clock; whoever asks more often costs no more rows."""

_NOW = f"SELECT {NOW} AS now"
_REWRITE = "UPDATE d1_migrations SET name = name WHERE id = (SELECT max(id) FROM d1_migrations)"


class D1Schema:
    """`ports.Schema` over D1."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._written_at: datetime | None = None

    async def pending(self) -> list[str]:
        """See `ports.Schema.pending`."""
        return await pending(self._database, PACKAGE)

    async def migrate(self) -> list[str]:
        """See `ports.Schema.migrate`."""
        return await migrate(self._database, PACKAGE)

    async def probe(self) -> datetime:
        """See `ports.Schema.probe`."""
        (found,) = await self._database.batch([Statement(_NOW)])
        now = from_text(found.rows[0]["now"])
        if self._written_at is None or abs(now - self._written_at) >= PROBE_EVERY:
            await self._database.batch([Statement(_REWRITE)])
            self._written_at = now
        return now
