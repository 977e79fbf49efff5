"""A run as one transaction: one batch behind its guards, or nothing."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from backend.d1.meter import MeteredDatabase
from backend.d1.statements import Statement
from backend.d1.transaction import Guard, Transaction, current_transaction
from backend.errors import LeaseLost, StatementFailed, ThreadMovedOn

HOLDS = Statement("INSERT INTO guards (lease_held) SELECT 0 WHERE false")
BREAKS = Statement("INSERT INTO guards (lease_held) VALUES (0)")
FLAGS = Statement("SELECT name, value FROM flags ORDER BY name")


def flag(name: str, value: int = 1) -> Statement:
    """Write one row."""
    return Statement("INSERT INTO flags VALUES (?1, ?2, 'test', 'now') RETURNING name", (name, value))


@dataclass
class Writer:
    """A participant with one row, and a guard that holds."""

    name: str
    told: int = 0

    def guards(self) -> Sequence[Guard]:
        """See `Participant`."""
        return [Guard(Statement("SELECT 'participant'"), "checkpoint_is_newest", ThreadMovedOn("t"))]

    def statements(self) -> Sequence[Statement]:
        """See `Participant`."""
        return [flag(self.name)]

    def committed(self) -> None:
        """See `Participant`."""
        self.told += 1


async def names(database: MeteredDatabase) -> list[str]:
    """The rows that are there."""
    [found] = await database.batch([FLAGS])
    return [row["name"] for row in found.rows]


@pytest.mark.req("D1-R8")
async def test_what_was_staged_is_one_batch(embedded: MeteredDatabase) -> None:
    """Guards, participants and statements are one request; the results are those of the staged statements."""
    transaction, before = Transaction(), embedded.meter.copy()
    writer = transaction.join("writer", Writer("by-participant"))
    transaction.stage(flag("first"), flag("second"))
    transaction.guard(HOLDS, constraint="lease_held", error=LeaseLost("t"))
    results = await transaction.commit(embedded)
    assert [result.rows for result in results] == [[{"name": "first"}], [{"name": "second"}]]
    assert embedded.meter.since(before).requests == 1
    assert (await names(embedded), writer.told) == (["by-participant", "first", "second"], 1)


@pytest.mark.req("D1-R8")
async def test_a_guard_that_fails_raises_its_error_and_writes_nothing(embedded: MeteredDatabase) -> None:
    """The caller hears what was lost, not which constraint broke, and no participant is told of a commit."""
    transaction = Transaction()
    writer = transaction.join("writer", Writer("by-participant"))
    transaction.stage(flag("first"))
    transaction.guard(BREAKS, constraint="lease_held", error=LeaseLost("the-thread"))
    with pytest.raises(LeaseLost, match="the-thread"):
        await transaction.commit(embedded)
    assert (await names(embedded), writer.told) == ([], 0)


@pytest.mark.req("D1-R8")
async def test_another_failure_is_d1s_own(embedded: MeteredDatabase) -> None:
    """A statement that fails for its own reasons is not taken for a guard."""
    transaction = Transaction()
    transaction.guard(HOLDS, constraint="lease_held", error=LeaseLost("t"))
    transaction.stage(flag("twice"), flag("twice"))
    with pytest.raises(StatementFailed, match="UNIQUE constraint failed"):
        await transaction.commit(embedded)
    assert await names(embedded) == []


async def test_a_transaction_without_statements_is_no_request(embedded: MeteredDatabase) -> None:
    """A run that wrote nothing costs nothing."""
    before = embedded.meter.copy()
    assert await Transaction().commit(embedded) == []
    assert embedded.meter.since(before).requests == 0


async def test_the_current_transaction_is_the_blocks_and_its_tasks() -> None:
    """Tasks started in the block see it, a run beside it sees its own, and after the block there is none."""

    async def seen() -> Transaction | None:
        await asyncio.sleep(0)
        return current_transaction()

    async def run() -> tuple[Transaction, Transaction | None]:
        with Transaction().opened() as transaction:
            return transaction, await asyncio.create_task(seen())

    for transaction, found in await asyncio.gather(run(), run(), run()):
        assert found is transaction
    assert current_transaction() is None
