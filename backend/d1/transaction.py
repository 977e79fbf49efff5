"""A run as one transaction: what its parts want to write is collected here and committed as one fenced batch, or never.

    transaction = Transaction()
    with transaction.opened():                   # current_transaction() is this one, also in the tasks LangGraph starts
        ...                                      # the saver stages checkpoints and writes, others stage statements
        transaction.guard(LEASE_HELD, constraint="lease_held", error=LeaseLost(thread_id))
        transaction.stage(RECORD_AUDIT)
        await transaction.commit(database)

A part that reads back what it has staged joins with an object of its own, a `Participant`, and is asked for its statements at
the commit. Every batch may be sent twice, so every statement must find its own work done and leave it.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from backend.d1.statements import Database, Result, Statement
from backend.errors import AgenticSalesError, StatementFailed


@dataclass(frozen=True, slots=True)
class Guard:
    """A statement that breaks the named CHECK of table `guards`, and so the batch, when it must not be committed."""

    statement: Statement
    constraint: str
    error: AgenticSalesError


class Participant(Protocol):
    """A part of the run with something of its own to commit."""

    def guards(self) -> Sequence[Guard]:
        """Return what must hold at the commit."""
        ...

    def statements(self) -> Sequence[Statement]:
        """Return what to write."""
        ...

    def committed(self) -> None:
        """Learn that all of it is durable."""
        ...


P = TypeVar("P", bound=Participant)


@dataclass(slots=True, eq=False)
class Transaction:
    """Guards, statements and participants of one run.

    A fact is a statement that is true whatever becomes of the run: it is committed with the run, or alone when a guard refuses.
    """

    _guards: list[Guard] = field(default_factory=list[Guard])
    _statements: list[Statement] = field(default_factory=list[Statement])
    _outcomes: list[Statement] = field(default_factory=list[Statement])
    _facts: list[Statement] = field(default_factory=list[Statement])
    _participants: dict[object, Participant] = field(default_factory=dict[object, Participant])

    def guard(self, statement: Statement, *, constraint: str, error: AgenticSalesError) -> None:
        """Put `statement` before everything that is staged; when it breaks `constraint`, the commit raises `error`."""
        self._guards.append(Guard(statement, constraint, error))

    def stage(self, *statements: Statement) -> None:
        """Add statements to the commit, in order."""
        self._statements.extend(statements)

    def record(self, statement: Statement, *, is_fact: bool) -> None:
        """Add what happened outside: it stays when the rest is forgotten, and a fact goes alone when the run may not commit."""
        (self._facts if is_fact else self._outcomes).append(statement)

    def join(self, key: object, participant: P) -> P:
        """Let `participant` commit with this run; `key` finds it again."""
        self._participants[key] = participant
        return participant

    def participant(self, key: object) -> Participant | None:
        """Return who joined under `key`."""
        return self._participants.get(key)

    def forget(self) -> None:
        """Drop what was staged and what participants would commit; what happened outside stays."""
        self._participants.clear()
        self._statements.clear()

    @contextmanager
    def opened(self) -> Generator["Transaction", None, None]:
        """Make this the current transaction of the block and of the tasks started in it."""
        token = _CURRENT.set(self)
        try:
            yield self
        finally:
            _CURRENT.reset(token)

    async def commit(self, database: Database, last: Sequence[Statement] = ()) -> None:
        """Send everything as one batch, `last` at its end.

        Raises:
            AgenticSalesError: the error of the guard that failed; nothing was written but the facts.
            StatementFailed, StatementRefused: another statement failed; nothing was written, and all but the guards is kept.
        """
        participants = list(self._participants.values())
        guards = [*self._guards, *(guard for participant in participants for guard in participant.guards())]
        self._guards.clear()
        joined = [statement for participant in participants for statement in participant.statements()]
        batch = [*(guard.statement for guard in guards), *joined, *self._statements, *self._outcomes, *self._facts, *last]
        try:
            await send_guarded(database, guards, batch)
        except AgenticSalesError as error:
            if self._facts and any(guard.error is error for guard in guards):
                await database.batch(self._facts)
            raise
        for participant in participants:
            participant.committed()
        for done in (self._statements, self._outcomes, self._facts):
            done.clear()


_CURRENT: ContextVar[Transaction | None] = ContextVar("current_transaction", default=None)


def current_transaction() -> Transaction | None:
    """Return the transaction of the run this code is part of, if it is part of one."""
    return _CURRENT.get()


async def send_guarded(database: Database, guards: Sequence[Guard], batch: Sequence[Statement]) -> list[Result]:
    """Send `batch`, and raise the error of the guard that broke it rather than D1's."""
    try:
        return await database.batch(batch)
    except StatementFailed as failure:
        for guard in guards:
            if f"CHECK constraint failed: {guard.constraint}" in failure.message:
                raise guard.error from failure
        raise
