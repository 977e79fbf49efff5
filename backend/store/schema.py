"""The schema of the service's tables: which migrations there are, and how they are applied."""

from backend.d1.migrate import migrate, pending
from backend.d1.statements import Database

PACKAGE = "backend.store"
"""Its folder `migrations` is what wrangler applies; the checkpointer's files are in it by links."""


class D1Schema:
    """`ports.Schema` over D1."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pending(self) -> list[str]:
        """See `ports.Schema.pending`."""
        return await pending(self._database, PACKAGE)

    async def migrate(self) -> list[str]:
        """See `ports.Schema.migrate`."""
        return await migrate(self._database, PACKAGE)
