"""Migrations: the same files and the same record as wrangler's."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.d1.database import open_database
from backend.d1.embedded import open_embedded
from backend.d1.migrate import migrate, pending, split_statements
from backend.ports import Statement
from tests.d1.wrangler import Edge

FILES = sorted(path.name for path in (Path(__file__).parents[2] / "backend/d1/migrations").glob("*.sql"))
TABLES = "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL ORDER BY name"


async def test_migrating_applies_what_is_pending_in_order_and_once(tmp_path: Path) -> None:
    """The names are told, the record has them, and a second call applies nothing."""
    async with open_embedded(f"{tmp_path}/d1.db") as database:
        assert await pending(database) == FILES
        assert await migrate(database) == FILES
        assert (await pending(database), await migrate(database)) == ([], [])
        [record] = await database.batch([Statement("SELECT id, name FROM d1_migrations")])
    assert record.rows == [{"id": number, "name": name} for number, name in enumerate(FILES, 1)]


@pytest.mark.req("D1-R7")
async def test_migrations_at_once_apply_each_file_once(tmp_path: Path) -> None:
    """Of five callers that found everything pending, one applies each file."""
    async with open_embedded(f"{tmp_path}/d1.db") as database:
        applied = await asyncio.gather(*(migrate(database) for _ in range(5)))
    assert sorted(name for names in applied for name in names) == FILES


@pytest.mark.req("D1-R7")
async def test_a_database_that_wrangler_migrated_lacks_nothing(edge: Edge, tmp_path: Path) -> None:
    """Nothing is pending, the record has wrangler's shape, and the tables are the ones that `migrate` makes."""
    async with open_database(edge.url, edge.token) as theirs, open_embedded(f"{tmp_path}/d1.db") as ours:
        await migrate(ours)
        assert await pending(theirs) == []
        listed = [await database.batch([Statement(TABLES)]) for database in (theirs, ours)]
    by_wrangler, by_us = ({row["name"]: " ".join(row["sql"].split()) for row in found.rows} for [found] in listed)
    shape = {name: sql.replace(" ", "").casefold().rstrip(")") for name, sql in by_us.items()}
    assert {name: by_wrangler[name].replace(" ", "").casefold().rstrip(")") for name in shape} == shape


@pytest.mark.req("D1-R7")
async def test_a_migration_that_fails_leaves_nothing_of_itself(tmp_path: Path) -> None:
    """Its record is written in the batch of its statements, so neither stays without the other."""
    async with open_embedded(f"{tmp_path}/d1.db") as database:
        await database.batch([Statement("CREATE TABLE checkpoint_blobs (a)")])
        with pytest.raises(Exception, match="checkpoint_blobs already exists"):
            await migrate(database)
        [found] = await database.batch([Statement("SELECT name FROM sqlite_master WHERE name = 'checkpoints'")])
        assert found.rows == []
        assert "0002_checkpoints.sql" in await pending(database)


SCRIPT = "-- one; two\nCREATE TABLE a (b TEXT DEFAULT ';');\n/* ; */ INSERT INTO a VALUES ('it''s; fine');\n\n"


def test_a_semicolon_in_a_text_or_a_comment_cuts_nothing() -> None:
    """Statements keep their comments; white space and empty statements between them go."""
    assert split_statements(SCRIPT) == [
        "-- one; two\nCREATE TABLE a (b TEXT DEFAULT ';');",
        "/* ; */ INSERT INTO a VALUES ('it''s; fine');",
    ]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20), max_size=5))
def test_splitting_loses_no_statement(texts: list[str]) -> None:
    """Whatever stands in the texts of a script, it is cut into as many statements as it has."""
    statements = ["SELECT '" + text.replace("'", "''") + "';" for text in texts]
    assert split_statements("\n".join(statements)) == statements
