"""A database that passes everything on: what stands between the code under test and its database begins here."""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.d1.meter import Meter, MeteredDatabase
from backend.d1.statements import Result, Statement


@dataclass
class PassingDatabase:
    """Passes batches on; a subclass does something before, after or instead."""

    database: MeteredDatabase

    @property
    def meter(self) -> Meter:
        """See `MeteredDatabase.meter`."""
        return self.database.meter

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """See `Database.batch`."""
        return await self.database.batch(statements)
