"""Applies the files `migrations/*.sql` of a package, and keeps wrangler's own record of them, so that both agree.

`pending` names what a database lacks, `migrate` applies it; `wrangler d1 migrations apply` may take turns with it.
"""

import sqlite3
from importlib.resources import files

from backend.d1.statements import Database, Statement
from backend.errors import StatementFailed

CREATE_RECORD = """
CREATE TABLE IF NOT EXISTS d1_migrations(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)
"""
RECORD_EXISTS = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'd1_migrations'"
APPLIED = "SELECT name FROM d1_migrations ORDER BY id"
RECORD = "INSERT INTO d1_migrations (name) VALUES (?1)"


async def pending(database: Database, package: str) -> list[str]:
    """Return the file names of the migrations this database lacks, in order; changes nothing."""
    [record] = await database.batch([Statement(RECORD_EXISTS)])
    applied: set[str] = set()
    if record.rows:
        [found] = await database.batch([Statement(APPLIED)])
        applied = {row["name"] for row in found.rows}
    return [name for name in _scripts(package) if name not in applied]


async def migrate(database: Database, package: str) -> list[str]:
    """Apply what is pending of `package`, each file and its record as one batch, and return the names this call applied.

    Two processes may migrate at once: the record's unique name lets one of them apply a file, and the other goes on.
    """
    names = await pending(database, package)
    if not names:
        return []
    await database.batch([Statement(CREATE_RECORD)])
    scripts = _scripts(package)
    return [name for name in names if await _apply(database, name, scripts[name])]


async def _apply(database: Database, name: str, script: str) -> bool:
    try:
        await database.batch([Statement(RECORD, (name,)), *map(Statement, split_statements(script))])
    except StatementFailed as error:
        if "UNIQUE constraint failed: d1_migrations.name" in error.message:
            return False
        raise
    return True


def split_statements(script: str) -> list[str]:
    """Cut a script after each `;` that ends a statement, leaving those in texts, names and comments alone."""
    statements: list[str] = []
    current = ""
    for piece in script.split(";"):
        current += piece + ";"
        if sqlite3.complete_statement(current):
            statements.append(current.strip())
            current = ""
    return [statement for statement in statements if statement != ";"]


def _scripts(package: str) -> dict[str, str]:
    folder = files(package) / "migrations"
    found = {entry.name: entry.read_text(encoding="utf-8") for entry in folder.iterdir() if entry.name.endswith(".sql")}
    return dict(sorted(found.items()))
