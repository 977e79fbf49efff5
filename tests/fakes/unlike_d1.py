"""Databases that take what D1 takes and do something else with it; each breaks one promise of the port on purpose."""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.d1.statements import Database, Result, Statement


@dataclass
class PiecemealDatabase:
    """Runs each statement as a transaction of its own, so what stood before a failure stays."""

    database: Database

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """See `ports.Database.batch`."""
        return [(await self.database.batch([statement]))[0] for statement in statements]


@dataclass
class TextDatabase:
    """Binds every parameter as text."""

    database: Database

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """See `ports.Database.batch`."""
        return await self.database.batch([Statement(each.sql, tuple(map(str, each.params))) for each in statements])


class BlankDatabase:
    """Finds nothing, whatever it is asked."""

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """See `ports.Database.batch`."""
        return [Result(rows=[]) for _ in statements]
