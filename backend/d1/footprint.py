"""D1 bills several rows for one changed row: its own, and one for each index that it enters; leaving one is free.

A rowid table has an index for its TEXT primary key; a WITHOUT ROWID table is its own. The figure is never too low: a partial
index is counted as if it took the row, and an upsert as if it inserted.
"""

import sqlite3
from dataclasses import dataclass

_INDEXES = """
SELECT i.name AS name, i.origin AS origin, t.wr AS without_rowid, c.name AS column_name
FROM pragma_table_list(?1) AS t, pragma_index_list(?1) AS i, pragma_index_xinfo(i.name) AS c
WHERE c.key = 1
"""

_EXPRESSION = ""

Indexes = dict[str, list[set[str]]]
"""A table's name, and the columns of each index stored beside it; an empty name stands for an expression."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """Rows written for each row that a statement changes."""

    rows_a_change: int

    @classmethod
    def of(cls, touched: set[tuple[int, str, str]], indexes: Indexes) -> "Footprint":
        """Work out the footprint from what a statement was authorized to touch: `(action, table, column)`."""
        changed = {(table, column) for action, table, column in touched if action == sqlite3.SQLITE_UPDATE}
        inserted = {table for action, table, _ in touched if action == sqlite3.SQLITE_INSERT}
        most = 1
        for table in {table for _, table, _ in touched}:
            columns = {column for name, column in changed if name == table}
            entered = [
                index for index in indexes.get(table, []) if table in inserted or (columns and index & {*columns, _EXPRESSION})
            ]
            most = max(most, 1 + len(entered))
        return cls(rows_a_change=most)


def read_indexes(connection: sqlite3.Connection, touched: set[tuple[int, str, str]]) -> Indexes:
    """Read the indexes of the touched tables; the primary key of a WITHOUT ROWID table is the table itself, and left out."""
    found: Indexes = {}
    for table in {table for _, table, _ in touched if not table.startswith("sqlite_")}:
        columns_of: dict[str, set[str]] = {}
        for name, origin, without_rowid, column in connection.execute(_INDEXES, (table,)):
            if not (without_rowid and origin == "pk"):
                columns_of.setdefault(name, set()).add(column or _EXPRESSION)
        found[table] = list(columns_of.values())
    return found
