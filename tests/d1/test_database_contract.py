"""What every transport does alike; the Worker's is real local D1, which the others are measured against."""

from typing import Any
from uuid import uuid4

import pytest

from backend.d1 import limits
from backend.d1.meter import MeteredDatabase
from backend.d1.statements import Statement
from backend.errors import StatementFailed, StatementRefused

REMEMBER = "INSERT INTO memories (contact_id, kind, text, created_at) VALUES (?1, ?2, ?3, '2026-11-22T09:00:00.000Z')"
REMEMBERED = "SELECT kind, text FROM memories WHERE contact_id = ?1 ORDER BY kind"


@pytest.fixture
def contact_id() -> str:
    """A contact no other test remembers."""
    return uuid4().hex


async def remembered(database: MeteredDatabase, contact_id: str) -> list[dict[str, Any]]:
    """What the database holds of the contact."""
    [result] = await database.batch([Statement(REMEMBERED, (contact_id,))])
    return result.rows


@pytest.mark.req("D1-R1")
async def test_a_batch_gives_a_result_for_each_statement(database: MeteredDatabase, contact_id: str) -> None:
    """Results come in the order of the statements, and a statement sees what those before it wrote."""
    results = await database.batch(
        [
            Statement(REMEMBERED, (contact_id,)),
            Statement(REMEMBER + " RETURNING kind", (contact_id, "tone", "warm")),
            Statement(REMEMBER, (contact_id, "angle", "costs")),
            Statement(REMEMBERED, (contact_id,)),
        ],
    )
    assert [result.rows for result in results] == [
        [],
        [{"kind": "tone"}],
        [],
        [{"kind": "angle", "text": "costs"}, {"kind": "tone", "text": "warm"}],
    ]


@pytest.mark.req("D1-R1")
async def test_a_batch_that_fails_in_its_middle_writes_nothing(database: MeteredDatabase, contact_id: str) -> None:
    """The statement before the failing one is rolled back, and the one after it never runs."""
    good, again = Statement(REMEMBER, (contact_id, "tone", "warm")), Statement(REMEMBER, (contact_id, "angle", "costs"))
    with pytest.raises(StatementFailed, match="CHECK constraint failed: lease_held"):
        await database.batch([good, Statement("INSERT INTO guards (lease_held) VALUES (?1)", (0,)), again])
    assert await remembered(database, contact_id) == []


@pytest.mark.req("D1-R1")
async def test_no_statements_are_no_request(database: MeteredDatabase) -> None:
    """An empty batch has no results and costs nothing."""
    before = database.meter.copy()
    assert await database.batch([]) == []
    assert database.meter.since(before).requests == 0


LIMITS = {
    "100 bound": Statement(f"SELECT {'?1,' * 100} ?101", (1,) * 101),
    "100,000 bytes of SQL": Statement(f"SELECT '{'x' * limits.MAX_SQL_BYTES}'"),
    "2,000,000 bytes a value": Statement("SELECT ?1", ("ä" * 1_000_001,)),
    "numbers that JSON has": Statement("SELECT ?1", (float("nan"),)),
    "text that UTF-8 has": Statement("SELECT ?1", ("half a \ud83c balloon",)),
    "UTF-8 has; found surrogates": Statement("SELECT 'half a \ud83c balloon'"),
    "found BEGIN": Statement(" -- soon\n begin"),
    "found VACUUM": Statement("/* why */ VACUUM"),
    "found ATTACH": Statement("ATTACH 'x' AS y"),
    "found journal_mode": Statement("PRAGMA main.journal_mode"),
}


@pytest.mark.req("D1-R2")
@pytest.mark.parametrize("named", LIMITS)
async def test_a_limit_is_named_before_anything_is_sent(database: MeteredDatabase, named: str) -> None:
    """The client refuses what D1 would, says why, and makes no request."""
    before = database.meter.copy()
    with pytest.raises(StatementRefused, match=named):
        await database.batch([Statement("SELECT 1"), LIMITS[named]])
    assert database.meter.since(before).requests == 0


ALLOWED = {
    "100 parameters": Statement(f"SELECT {'?,' * 99} ?", (1,) * 100),
    "2,000,000 bytes": Statement("SELECT length(?1) AS n", ("x" * limits.MAX_VALUE_BYTES,)),
    "5 terms": Statement("SELECT 1" + " UNION ALL SELECT 1" * 4),
    "table_info": Statement("PRAGMA table_info(threads)"),
    "foreign_keys": Statement("PRAGMA foreign_keys"),
}


@pytest.mark.req("D1-R2")
@pytest.mark.parametrize("name", ALLOWED)
async def test_what_is_just_within_a_limit_is_taken(database: MeteredDatabase, name: str) -> None:
    """The client refuses nothing that D1 takes."""
    [result] = await database.batch([ALLOWED[name]])
    assert result.rows


REFUSED_BY_D1 = [
    "SELECT sqlite_version()",
    "SELECT load_extension('x')",
    "CREATE TEMP TABLE kept (a)",
    "SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6",
    f"SELECT 'a' LIKE '{'x' * 51}'",
    f"CREATE TABLE wide ({', '.join(f'c{n}' for n in range(101))})",
    f"SELECT 1{'+1' * 150}",
    "SELECT * FROM missing",
    "SELEC 1",
]


@pytest.mark.req("D1-R2")
@pytest.mark.parametrize("sql", REFUSED_BY_D1, ids=lambda sql: sql[:24])
async def test_what_d1_refuses_every_transport_refuses(database: MeteredDatabase, sql: str) -> None:
    """A statement that only D1 can judge is judged alike by the embedded database."""
    with pytest.raises(StatementFailed):
        await database.batch([Statement(sql)])


VALUES = {
    "?1 AS v, typeof(?1) AS t": (5, {"v": 5, "t": "real"}),
    "?1 AS v": (9_007_199_254_740_993, {"v": 9_007_199_254_740_992}),
    "?1 || '' AS v": (5, {"v": "5.0"}),
    "CAST(?1 AS INTEGER) AS v": (5, {"v": 5}),
    "1e300 * 1e300 AS v": (None, {"v": None}),
    "1.0 AS a, 2.5 AS b, 1e21 AS c": (None, {"a": 1, "b": 2.5, "c": 1e21}),
    "x'00ff' AS v": (None, {"v": [0, 255]}),
    "?1 AS v, ?1 IS NULL AS n": (None, {"v": None, "n": 1}),
    "?1 AS same, length(?1) AS n": ("Zoë 🎈", {"same": "Zoë 🎈", "n": 5}),
    "1 AS twice, 2 AS twice": (None, {"twice": 2}),
}


@pytest.mark.req("D1-R3")
@pytest.mark.parametrize("columns", VALUES)
async def test_values_come_back_as_d1_gives_them(database: MeteredDatabase, columns: str) -> None:
    """Numbers bind as REAL, integers past 2^53 round, a BLOB is a list, infinity is null, the last of equal names counts."""
    value, expected = VALUES[columns]
    [result] = await database.batch([Statement(f"SELECT {columns}", (value,) if "?1" in columns else ())])
    assert result.rows == [expected]


BILLED = {
    "INSERT INTO {t} VALUES ('a', 1, 1)": 2,
    "INSERT OR IGNORE INTO {t} VALUES ('k', 1, 1)": 0,
    "UPDATE {t} SET other = 7 WHERE key = 'k'": 1,
    "UPDATE {t} SET indexed = 7 WHERE key = 'k'": 2,
    "DELETE FROM {t} WHERE key = 'k'": 1,
    "INSERT INTO {t}_rowid VALUES ('a')": 2,
    "DELETE FROM {t}_rowid WHERE key = 'a'": 1,
    "SELECT * FROM {t}": 0,
}


@pytest.mark.req("D1-R6")
async def test_rows_written_are_what_d1_bills(database: MeteredDatabase) -> None:
    """A row costs one, and one more for each index it enters; leaving one is free. The embedded database counts as D1."""
    table = f"t_{uuid4().hex}"
    ddl = [
        f"CREATE TABLE {table} (key TEXT PRIMARY KEY, indexed INTEGER, other INTEGER) WITHOUT ROWID",
        f"CREATE INDEX {table}_indexed ON {table} (indexed)",
        f"CREATE TABLE {table}_rowid (key TEXT PRIMARY KEY)",
    ]
    await database.batch(list(map(Statement, ddl)))
    billed: dict[str, int] = {}
    for sql in BILLED:
        row = Statement(f"INSERT OR REPLACE INTO {table} VALUES ('k', 1, 1)")  # noqa: S608  # a name made above
        _, result = await database.batch([row, Statement(sql.format(t=table))])
        billed[sql] = result.rows_written
    assert billed == BILLED


@pytest.mark.req("D1-R6")
async def test_the_meter_counts_requests_statements_rows_and_bytes(database: MeteredDatabase, contact_id: str) -> None:
    """A batch is one request, however many statements it has; its bytes are at least its texts."""
    before = database.meter.copy()
    statements = [Statement(REMEMBER, (contact_id, str(n), "x" * 1_000)) for n in range(3)]
    await database.batch([*statements, Statement(REMEMBERED, (contact_id,))])
    spent = database.meter.since(before)
    assert (spent.requests, spent.statements, spent.rows_written) == (1, 4, 6)  # a memory is a row and an entry of its index
    assert spent.rows_read >= 3
    assert 3_000 < spent.bytes_sent < 5_000
