"""Migrations: the same files and the same record as wrangler's."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.d1.database import open_database
from backend.d1.embedded import open_embedded
from backend.d1.migrate import split_statements
from backend.d1.statements import Statement
from backend.store.schema import D1Schema
from tests.d1.wrangler import Edge

FILES = sorted(path.name for path in (Path(__file__).parents[2] / "backend/store/migrations").glob("*.sql"))
TABLES = "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL ORDER BY name"


async def test_migrating_applies_what_is_pending_in_order_and_once(tmp_path: Path) -> None:
    """The names are told, the record has them, and a second call applies nothing."""
    async with open_embedded(f"{tmp_path}/d1.db") as database:
        assert await D1Schema(database).pending() == FILES
        assert await D1Schema(database).migrate() == FILES
        assert (await D1Schema(database).pending(), await D1Schema(database).migrate()) == ([], [])
        [record] = await database.batch([Statement("SELECT id, name FROM d1_migrations")])
    assert record.rows == [{"id": number, "name": name} for number, name in enumerate(FILES, 1)]


@pytest.mark.req("D1-R7")
async def test_migrations_at_once_apply_each_file_once(tmp_path: Path) -> None:
    """Of five callers that found everything pending, one applies each file."""
    async with open_embedded(f"{tmp_path}/d1.db") as database:
        applied = await asyncio.gather(*(D1Schema(database).migrate() for _ in range(5)))
    assert sorted(name for names in applied for name in names) == FILES


@pytest.mark.req("D1-R7")
async def test_a_database_that_wrangler_migrated_lacks_nothing(edge: Edge, tmp_path: Path) -> None:
    """Nothing is pending, the record has wrangler's shape, and the tables are the ones that `migrate` makes."""
    async with open_database(edge.url, edge.token) as theirs, open_embedded(f"{tmp_path}/d1.db") as ours:
        await D1Schema(ours).migrate()
        assert await D1Schema(theirs).pending() == []
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
            await D1Schema(database).migrate()
        [found] = await database.batch([Statement("SELECT name FROM sqlite_master WHERE name = 'checkpoints'")])
        assert found.rows == []
        assert "0002_checkpoints.sql" in await D1Schema(database).pending()


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


def test_the_checkpointers_migrations_are_in_the_folder_wrangler_applies() -> None:
    """Each is there by a link to the checkpointer's own file, so there is one text of it."""
    backend = Path(__file__).parents[2] / "backend"
    own = sorted((backend / "checkpointer" / "migrations").glob("*.sql"))
    assert own != []
    assert [(backend / "store" / "migrations" / path.name).resolve() for path in own] == own
