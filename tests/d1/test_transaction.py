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
    return Statement(
        "INSERT INTO flags (name, value, set_by, set_at) VALUES (?1, ?2, 'test', 'now') RETURNING name", (name, value)
    )


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
    """Guards, participants, statements and what comes last are one request."""
    transaction, before = Transaction(), embedded.meter.copy()
    writer = transaction.join("writer", Writer("by-participant"))
    transaction.stage(flag("first"), flag("second"))
    transaction.guard(HOLDS, constraint="lease_held", error=LeaseLost("t"))
    await transaction.commit(embedded, [flag("the last")])
    assert embedded.meter.since(before).requests == 1
    assert (await names(embedded), writer.told) == (["by-participant", "first", "second", "the last"], 1)


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


@pytest.mark.req("RUN-R8")
async def test_a_fact_stays_where_its_run_may_not_commit(embedded: MeteredDatabase) -> None:
    """What happened outside is forgotten by nobody, and written alone when a guard refuses the rest."""
    transaction = Transaction()
    transaction.stage(flag("first"))
    transaction.record(flag("an outcome"), is_fact=False)
    transaction.record(flag("a fact"), is_fact=True)
    transaction.forget()
    transaction.guard(BREAKS, constraint="lease_held", error=LeaseLost("t"))
    with pytest.raises(LeaseLost):
        await transaction.commit(embedded)
    assert await names(embedded) == ["a fact"]


@pytest.mark.req("RUN-R8")
async def test_a_run_that_was_refused_may_commit_what_is_left_of_it(embedded: MeteredDatabase) -> None:
    """After a statement that D1 will never take, what was staged is forgotten and what happened outside is kept."""
    transaction = Transaction()
    transaction.stage(flag("twice"), flag("twice"))
    transaction.record(flag("an outcome"), is_fact=False)
    with pytest.raises(StatementFailed):
        await transaction.commit(embedded)
    transaction.forget()
    await transaction.commit(embedded)
    assert await names(embedded) == ["an outcome"]


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
    await Transaction().commit(embedded)
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
