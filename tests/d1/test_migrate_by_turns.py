"""`agentic-sales migrate` and `wrangler d1 migrations apply` take turns on one real D1, and each finds the other's record."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backend.cli.commands import app
from backend.d1.database import open_database
from backend.d1.statements import Statement
from backend.doctor import examine
from tests.d1.wrangler import REPOSITORY, Edge, config_copy, migrate

MIGRATIONS = REPOSITORY / "backend" / "store" / "migrations"
FILES = sorted(path.name for path in MIGRATIONS.glob("*.sql"))
RECORD = Statement("SELECT id, name FROM d1_migrations ORDER BY id")


def migrate_by_ours(edge: Edge) -> list[str]:
    """Run our command through the bridge; what it says it did."""
    ran = CliRunner().invoke(app, ["migrate"], env={"D1_URL": edge.url, "D1_TOKEN": edge.token})
    assert ran.exit_code == 0, ran.stderr
    return ran.stdout.splitlines()


async def recorded(edge: Edge) -> list[str]:
    """The record both keep, in its order."""
    async with open_database(edge.url, edge.token) as database:
        [record] = await database.batch([RECORD])
    assert [row["id"] for row in record.rows] == list(range(1, len(record.rows) + 1))
    return [row["name"] for row in record.rows]


@pytest.mark.req("D1-R7", "EDGE-R20", "DOCTOR-R6")
async def test_wrangler_finds_what_we_applied(lone_edge: Edge) -> None:
    """An empty D1 is wrong until our command has run through the bridge; then wrangler has nothing to apply."""
    overrides = {"d1_url": lone_edge.url, "d1_token": lone_edge.token}
    before = await examine(overrides)
    assert [name for name in FILES if name not in before["migrations"].found] == []
    assert before["atomic batches"].state == "ok"
    assert await asyncio.to_thread(migrate_by_ours, lone_edge) == [f"applied {name}" for name in FILES]
    assert "No migrations to apply!" in migrate(Path(lone_edge.folder))
    assert (await examine(overrides))["migrations"].state == "ok"
    assert await recorded(lone_edge) == FILES


@pytest.mark.req("D1-R7", "EDGE-R20")
async def test_each_goes_on_where_the_other_stopped(lone_edge: Edge, tmp_path: Path) -> None:
    """Wrangler applies the first file, our command those after it, and then neither has anything left to apply."""
    first, *rest = FILES
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "first").mkdir(parents=True)
    shutil.copy(MIGRATIONS / first, elsewhere / "first")
    config = config_copy(elsewhere)
    known = json.loads(config.read_text("utf-8"))
    known["d1_databases"][0]["migrations_dir"] = str(elsewhere / "first")
    config.write_text(json.dumps(known), "utf-8")
    assert first in migrate(Path(lone_edge.folder), config)
    assert await asyncio.to_thread(migrate_by_ours, lone_edge) == [f"applied {name}" for name in rest]
    assert await asyncio.to_thread(migrate_by_ours, lone_edge) == [
        "Nothing to apply: the database has every migration of this version."
    ]
    assert "No migrations to apply!" in migrate(Path(lone_edge.folder))
    assert await recorded(lone_edge) == FILES
