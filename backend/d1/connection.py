"""One SQLite connection under D1's rules, in a thread of its own."""

import asyncio
import math
import re
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from backend.d1 import limits
from backend.d1.footprint import Footprint, read_indexes
from backend.d1.statements import Result, Row, SqlValue, Statement
from backend.errors import DatabaseUnreachable, DatabaseUnwritable, StatementFailed

T = TypeVar("T")

BUSY_TIMEOUT_S = 10.0
LOCK_LOOK_S = 0.002
MAX_EXACT_INTEGER = 2**53
MAX_PLAIN_FLOAT = 1e21  # JavaScript writes a whole number below this without an exponent, so it comes back as an integer

_WRITING = re.compile(r"\b(?:DELETE|INSERT|REPLACE|UPDATE)\b", re.IGNORECASE)
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: limits.MAX_VALUE_BYTES,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: limits.MAX_SQL_BYTES,
    sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER: limits.MAX_PARAMS,
    sqlite3.SQLITE_LIMIT_COLUMN: limits.MAX_COLUMNS,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: limits.MAX_COMPOUND_TERMS,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: limits.MAX_LIKE_PATTERN_BYTES,
    sqlite3.SQLITE_LIMIT_FUNCTION_ARG: limits.MAX_FUNCTION_ARGUMENTS,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: limits.MAX_EXPRESSION_DEPTH,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
}
_REFUSED_ACTIONS = frozenset(
    {
        sqlite3.SQLITE_ATTACH,
        sqlite3.SQLITE_CREATE_TEMP_INDEX,
        sqlite3.SQLITE_CREATE_TEMP_TABLE,
        sqlite3.SQLITE_CREATE_TEMP_TRIGGER,
        sqlite3.SQLITE_CREATE_TEMP_VIEW,
        sqlite3.SQLITE_DETACH,
        sqlite3.SQLITE_SAVEPOINT,
        sqlite3.SQLITE_TRANSACTION,
    },
)
_REFUSED_FUNCTIONS = frozenset({"load_extension", "sqlite_source_id", "sqlite_version"})


_UNWRITABLE = frozenset(
    {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY}
)
"""Faults of the machine rather than of a statement; the low byte of an error code says which."""


class Connection:
    """A connection that runs batches as D1 does."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="d1")
        self._rules_apply = False
        self._touched: set[tuple[int, str, str]] = set()
        self._footprints: dict[str, Footprint] = {}

    async def open(self) -> None:
        """Connect, and lay D1's rules on the connection.

        Raises:
            sqlite3.Error: the path cannot be opened as a database.
        """
        await self._in_thread(self._open)

    async def close(self) -> None:
        """Close the connection, if it was opened, and end the thread."""
        await self._in_thread(self._close)
        self._thread.shutdown()

    async def run(self, statements: Sequence[Statement]) -> list[Result]:
        """Run `statements` as one transaction; see `Database.batch`."""
        return await self._in_thread(lambda: self._run(statements))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _open(self) -> None:
        self._connection = connection = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "trusted_schema = OFF"):
            connection.execute(f"PRAGMA {pragma}")
        for limit, most in _LIMITS.items():
            connection.setlimit(limit, most)
        connection.set_authorizer(self._authorize)

    def _close(self) -> None:
        if connection := getattr(self, "_connection", None):
            connection.close()

    def _authorize(self, action: int, first: str | None, second: str | None, _schema: str | None, _source: str | None) -> int:
        if not self._rules_apply:
            return sqlite3.SQLITE_OK
        if action in _REFUSED_ACTIONS:
            return sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _REFUSED_FUNCTIONS:
            return sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_PRAGMA and (first or "").lower() not in limits.ALLOWED_PRAGMAS:
            return sqlite3.SQLITE_DENY
        if action in {sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE}:
            self._touched.add((action, first or "", second or ""))
        return sqlite3.SQLITE_OK

    def _run(self, statements: Sequence[Statement]) -> list[Result]:
        reads = only_read(statements)
        try:
            if reads:
                self._connection.execute("BEGIN")
            else:
                self._begin_writing()
        except sqlite3.OperationalError as error:
            raise DatabaseUnreachable(str(error), tries=1) from error
        try:
            self._rules_apply = True
            results = [self._execute(statement) for statement in statements]
            self._rules_apply = False
            self._connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise _failure(error) from error
        except (sqlite3.Error, sqlite3.Warning, OverflowError) as error:
            raise StatementFailed(str(error)) from error
        finally:
            self._rules_apply = False
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        return results

    def _begin_writing(self) -> None:
        """Take the write lock, and look often whether it is free: SQLite's own waits grow to a tenth of a second."""
        deadline = time.monotonic() + BUSY_TIMEOUT_S
        self._connection.execute("PRAGMA busy_timeout = 0")
        try:
            while True:
                try:
                    self._connection.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError as error:
                    is_busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
                    if not is_busy or time.monotonic() >= deadline:
                        raise
                    time.sleep(LOCK_LOOK_S)  # noqa: TID251  # in a thread of its own; the other process tells nobody when it is done
                else:
                    return
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {round(BUSY_TIMEOUT_S * 1000)}")

    def _execute(self, statement: Statement) -> Result:
        changes_before = self._connection.total_changes
        self._touched.clear()
        cursor = self._connection.execute(statement.sql, [_bind(value) for value in statement.params])
        names = [column[0] for column in cursor.description or ()]
        rows: list[Row] = [dict(zip(names, map(_as_javascript_gives_it, values), strict=True)) for values in cursor.fetchall()]
        changes = self._connection.total_changes - changes_before
        written = changes * self._footprint(statement.sql).rows_a_change if changes else 0
        return Result(rows=rows, rows_read=len(rows) + changes, rows_written=written)

    def _footprint(self, sql: str) -> Footprint:
        # A statement from the connection's cache is not authorized again, so what it touches is kept by its text.
        if self._touched:
            self._rules_apply = False
            self._footprints[sql] = Footprint.of(self._touched, read_indexes(self._connection, self._touched))
            self._rules_apply = True
        return self._footprints.get(sql, Footprint(rows_a_change=1))


def only_read(statements: Sequence[Statement]) -> bool:
    """Tell whether `statements` surely write nothing, so that they need not wait for a writer."""
    texts = [statement.sql for statement in statements]
    return all(limits.first_word(sql) in {"SELECT", "WITH"} and not _WRITING.search(sql) for sql in texts)


def _failure(error: sqlite3.OperationalError) -> StatementFailed | DatabaseUnwritable:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return DatabaseUnwritable(str(error)) if code in _UNWRITABLE else StatementFailed(str(error))


def _bind(value: SqlValue) -> float | str | None:
    """Numbers reach D1 as JavaScript's, which are REAL; an INTEGER column converts them back."""
    return float(value) if isinstance(value, int) else value


def _as_javascript_gives_it(value: Any) -> Any:
    """An answer passes through JSON: whole numbers lose their point, integers past 2^53 round, a BLOB is a list of numbers."""
    match value:
        case int() if abs(value) > MAX_EXACT_INTEGER:
            return int(float(value))
        case float() if not math.isfinite(value):
            return None
        case float() if value.is_integer() and abs(value) < MAX_PLAIN_FLOAT:
            return int(value)
        case bytes():
            return list(value)
        case _:
            return value
