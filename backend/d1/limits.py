"""D1's limits, checked before anything is sent, so that every transport refuses the same statement with the same sentence."""

import math
import re
from collections.abc import Sequence

from backend.d1.statements import SqlValue, Statement
from backend.errors import StatementRefused

MAX_PARAMS = 100
MAX_SQL_BYTES = 100_000
MAX_VALUE_BYTES = 2_000_000
MAX_REQUEST_BYTES = 16 * 1024 * 1024
"""The bridge takes no more in one body; the embedded database, which has no requests, takes any."""
MAX_COLUMNS = 100
MAX_COMPOUND_TERMS = 5
MAX_LIKE_PATTERN_BYTES = 50
MAX_FUNCTION_ARGUMENTS = 32
MAX_EXPRESSION_DEPTH = 100

ALLOWED_PRAGMAS = frozenset({"defer_foreign_keys", "foreign_keys", "optimize", "table_info", "table_list"})

_FEW_PARAMS = f"at most {MAX_PARAMS} bound parameters a statement"
_SHORT_SQL = f"at most {MAX_SQL_BYTES:,} bytes of SQL a statement"
_SHORT_VALUE = f"at most {MAX_VALUE_BYTES:,} bytes a value"
_SMALL_REQUEST = f"at most {MAX_REQUEST_BYTES:,} bytes a request"
_FINITE = "numbers that JSON has"
_UNICODE = "text that UTF-8 has"
_ONE_TRANSACTION = "a batch is the transaction, and the database is one file"
_FEW_PRAGMAS = f"only the pragmas {', '.join(sorted(ALLOWED_PRAGMAS))}"

_FIRST_WORD = re.compile(r"(?>\s|--[^\n]*\n|/\*.*?\*/)*+(\w+)", re.DOTALL)
_PRAGMA = re.compile(r"(?>\s|--[^\n]*\n|/\*.*?\*/)*+pragma\s+(?:\w+\s*\.\s*)?(\w+)", re.DOTALL | re.IGNORECASE)
_REFUSED_WORDS = frozenset({"ATTACH", "BEGIN", "COMMIT", "DETACH", "END", "RELEASE", "ROLLBACK", "SAVEPOINT", "VACUUM"})


def check_statements(statements: Sequence[Statement]) -> None:
    """Refuse the first statement that breaks a rule of D1.

    Raises:
        StatementRefused: names the rule and what was found; nothing was sent.
    """
    for statement in statements:
        _check_sql(statement.sql)
        if len(statement.params) > MAX_PARAMS:
            raise StatementRefused(_FEW_PARAMS, str(len(statement.params)))
        for value in statement.params:
            _check_value(value)


def check_request(body: bytes) -> None:
    """Refuse a body that no request holds.

    Raises:
        StatementRefused: names the rule and what was found; nothing was sent.
    """
    if len(body) > MAX_REQUEST_BYTES:
        raise StatementRefused(_SMALL_REQUEST, f"{len(body):,}")


def first_word(sql: str) -> str:
    """Return the first word of `sql` in capitals, past white space and comments."""
    found = _FIRST_WORD.match(sql)
    return found.group(1).upper() if found else ""


def utf8(text: str) -> bytes:
    """Return `text` in UTF-8.

    Raises:
        StatementRefused: half of a surrogate pair is in it, which UTF-8 has not.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise StatementRefused(_UNICODE, error.reason) from error


def _check_sql(sql: str) -> None:
    sql_bytes = len(utf8(sql))
    if sql_bytes > MAX_SQL_BYTES:
        raise StatementRefused(_SHORT_SQL, f"{sql_bytes:,}")
    word = first_word(sql)
    if word in _REFUSED_WORDS:
        raise StatementRefused(_ONE_TRANSACTION, word)
    pragma = _PRAGMA.match(sql)
    if pragma and pragma.group(1).lower() not in ALLOWED_PRAGMAS:
        raise StatementRefused(_FEW_PRAGMAS, pragma.group(1))


def _check_value(value: SqlValue) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise StatementRefused(_FINITE, str(value))
    if not isinstance(value, str) or (value.isascii() and len(value) <= MAX_VALUE_BYTES):
        return
    value_bytes = len(utf8(value))
    if value_bytes > MAX_VALUE_BYTES:
        raise StatementRefused(_SHORT_VALUE, f"{value_bytes:,}")
