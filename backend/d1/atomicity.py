"""Proves that a batch which fails leaves nothing behind, by making one fail.

A run is one batch, so a database that keeps half of a failed one cannot be used. For the bridge and the embedded database it is
documented; Cloudflare's REST API takes batches and says nowhere that they are atomic, so it has to show it at every start.

The batch makes a table of its own, so any database can be asked, migrated or not. It fails while it runs: a mistake seen when
statements are prepared would prove nothing. What a database did keep is removed, by the next proof at the latest.
"""

from backend.d1.statements import Database, Statement
from backend.errors import BatchesNotAtomic, StatementFailed

MAKE = "CREATE TABLE atomicity_probe AS SELECT 1 AS kept"
FAIL = "SELECT json_extract('{', '$')"
FIND = "SELECT name FROM sqlite_master WHERE name = 'atomicity_probe'"
REMOVE = "DROP TABLE IF EXISTS atomicity_probe"

EXPECTED_FAILURE = "malformed JSON"


async def prove_atomic_batches(database: Database) -> None:
    """Return when a failed batch has left nothing behind; two requests.

    Raises:
        BatchesNotAtomic: part of the batch stayed, or it did not fail as it must; nothing of it is left now.
        DatabaseError: the database could not be asked.
    """
    failure = await _make_one_fail(database)
    [found] = await database.batch([Statement(FIND)])
    if found.rows:
        await database.batch([Statement(REMOVE)])
        why = "a batch failed, and part of it stayed"
        raise BatchesNotAtomic(why)
    if EXPECTED_FAILURE not in failure:
        why = f"a batch that had to fail with '{EXPECTED_FAILURE}' ended with '{failure}'"
        raise BatchesNotAtomic(why)


async def _make_one_fail(database: Database) -> str:
    try:
        await database.batch([Statement(MAKE), Statement(FAIL)])
    except StatementFailed as failed:
        return failed.message
    return "success"
