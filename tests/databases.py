"""A migrated database file at the price of a copy: migrating costs more than most tests do."""

from pathlib import Path

from backend.d1.embedded import open_embedded
from backend.store.schema import D1Schema

_migrated: list[bytes] = []
"""The file as the first test of this process migrated it."""


async def place_migrated(path: Path) -> None:
    """Make `path` a migrated database that holds no row."""
    if not _migrated:
        async with open_embedded(str(path)) as database:
            await D1Schema(database).migrate()
        _keep(path)
    _place(path)


def _keep(path: Path) -> None:
    _migrated.append(path.read_bytes())


def _place(path: Path) -> None:
    path.write_bytes(_migrated[0])
