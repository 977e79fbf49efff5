"""The words of the client: a statement, what it gave back, and a database that runs several as one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

SqlValue: TypeAlias = int | float | str | None
Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement with its positional parameters `?1 … ?n`."""

    sql: str
    params: tuple[SqlValue, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """One statement gave this back, and what D1 bills for it: rows read and rows written."""

    rows: list[Row]
    rows_read: int = 0
    rows_written: int = 0


class Database(Protocol):
    """D1, over whichever transport."""

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """Run `statements` in order as one transaction, in one request, and return a result for each.

        Every batch must be safe to send twice, because an answer can be lost after the commit, and safe to arrive late, after
        any other.

        Raises:
            StatementRefused: a limit of D1 is broken; nothing was sent.
            StatementFailed: D1 refused; nothing was written.
            DatabaseUnreachable: no clear answer; the batch may have been applied.
        """
        ...
