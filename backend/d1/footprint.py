"""How many rows D1 bills for one changed row: the table's own and one for each index that the change touches.

A rowid table with a TEXT primary key has an index for it; a WITHOUT ROWID table is its own. A partial index is counted as if it
held the row, so the figure is never too low.
"""

import sqlite3
from dataclasses import dataclass

_INDEXES = """
SELECT i.name AS name, i.origin AS origin, t.wr AS without_rowid, c.name AS column_name
FROM pragma_table_list(?1) AS t, pragma_index_list(?1) AS i, pragma_index_xinfo(i.name) AS c
WHERE c.key = 1
"""

Indexes = dict[str, list[set[str]]]
"""A table's name, and the columns of each index stored beside it; the empty name stands for an expression."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """Rows written for each row that a statement changes."""

    rows_a_change: int

    @classmethod
    def of(cls, touched: set[tuple[int, str, str]], indexes: Indexes) -> "Footprint":
        """Work out the footprint from what a statement was authorized to touch: `(action, table, column)`."""
        most = 1
        for table in {table for _, table, _ in touched}:
            whole = any(action != sqlite3.SQLITE_UPDATE for action, name, _ in touched if name == table)
            columns = {column for _, name, column in touched if name == table}
            stored = indexes.get(table, [])
            most = max(most, 1 + sum(1 for index in stored if whole or index & columns or "" in index))
        return cls(rows_a_change=most)


def read_indexes(connection: sqlite3.Connection, touched: set[tuple[int, str, str]]) -> Indexes:
    """Read the indexes of the touched tables; the primary key of a WITHOUT ROWID table is the table itself, and left out."""
    found: Indexes = {}
    for table in {table for _, table, _ in touched if not table.startswith("sqlite_")}:
        columns_of: dict[str, set[str]] = {}
        for name, origin, without_rowid, column in connection.execute(_INDEXES, (table,)):
            if not (without_rowid and origin == "pk"):
                columns_of.setdefault(name, set()).add(column or "")
        found[table] = list(columns_of.values())
    return found
