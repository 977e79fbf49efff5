"""Requests shared: what is ready together travels together, and whoever fails, waits or goes away does so alone."""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from backend.d1 import sharing
from backend.d1.sharing import MAX_STATEMENTS, SharedDatabase
from backend.d1.statements import Result, Statement
from backend.errors import DatabaseUnreachable, StatementFailed
from tests.d1.test_transaction import BREAKS, flag, names
from tests.fakes.passing_database import PassingDatabase
from tests.fakes.wavering_database import WaveringDatabase, turns

PATIENT_S = 5
OVERLOAD, GONE = "D1 DB is overloaded", "Network connection lost"


async def together(*calls: Awaitable[list[Result]]) -> list[str]:
    """Make the calls at one instant; the rows of each that succeeds, the name of the error of each that fails."""
    ended = await asyncio.gather(*calls, return_exceptions=True)
    return [type(end).__name__ if isinstance(end, BaseException) else str([result.rows for result in end]) for end in ended]


@pytest.mark.req("SWEEP-R1")
async def test_batches_of_one_instant_are_one_request_and_each_gets_its_own_results(wavering: WaveringDatabase) -> None:
    """A caller of two statements, one of one and one of none: each has what it would have alone, in its order."""
    shared = SharedDatabase(wavering)
    found = await together(shared.batch([flag("a"), flag("b")]), shared.batch([Statement("SELECT 7 AS n")]), shared.batch([]))
    assert found == ["[[{'name': 'a'}], [{'name': 'b'}]]", "[[{'n': 7}]]", "[]"]
    assert [len(batch) for batch in wavering.batches] == [3]


@pytest.mark.req("SWEEP-R1")
async def test_what_arrives_while_a_request_is_in_flight_shares_the_next(wavering: WaveringDatabase) -> None:
    """One is under way, fifty come meanwhile: two requests, never two at once."""
    shared = SharedDatabase(wavering)
    wavering.gate.clear()
    calls = [asyncio.create_task(shared.batch([flag("first")]))]
    await turns()
    calls += [asyncio.create_task(shared.batch([flag(f"name-{number:02}")])) for number in range(50)]
    await turns()
    wavering.gate.set()
    await asyncio.gather(*calls)
    assert [len(batch) for batch in wavering.batches] == [1, 50]
    assert wavering.most_in_flight == 1


@pytest.mark.req("SWEEP-R2")
async def test_who_fails_in_company_fails_alone(wavering: WaveringDatabase) -> None:
    """A guard breaks the shared request: the guilty caller raises, what the others wrote is there once."""
    shared = SharedDatabase(wavering)
    ended = await together(shared.batch([flag("a")]), shared.batch([BREAKS, flag("never")]), shared.batch([flag("b")]))
    assert ended == ["[[{'name': 'a'}]]", "StatementFailed", "[[{'name': 'b'}]]"]
    assert await names(wavering.database) == ["a", "b"]
    assert len(wavering.batches) == 4


@pytest.mark.req("SWEEP-R2")
async def test_too_much_for_d1_is_sent_in_halves(wavering: WaveringDatabase) -> None:
    """Where the company overloads D1, smaller requests pass, one after the other."""

    def overloaded(statements: Sequence[Statement]) -> None:
        if len(statements) > 2:
            raise DatabaseUnreachable(OVERLOAD, tries=5)

    wavering.fails = overloaded
    shared = SharedDatabase(wavering)
    await asyncio.gather(*(shared.batch([flag(f"name-{number}")]) for number in range(5)))
    assert await names(wavering.database) == [f"name-{number}" for number in range(5)]
    assert [len(batch) for batch in wavering.batches] == [5, 2, 3, 1, 2]
    assert wavering.most_in_flight == 1


@pytest.mark.req("SWEEP-R2")
async def test_without_a_clear_answer_every_caller_is_told_so(wavering: WaveringDatabase) -> None:
    """It may have been written, so nobody is told more than alone; the next request is made as if nothing had been."""

    def unreachable(_: Sequence[Statement]) -> None:
        raise DatabaseUnreachable(GONE, tries=5)

    shared, wavering.fails = SharedDatabase(wavering), unreachable
    assert await together(*(shared.batch([flag(name)]) for name in "ab")) == ["DatabaseUnreachable"] * 2
    assert len(wavering.batches) == 1
    wavering.fails = lambda _: None
    await shared.batch([flag("c")])
    assert await names(wavering.database) == ["c"]


@pytest.mark.req("SWEEP-R3")
async def test_a_caller_that_is_cancelled_takes_nobody_with_it(wavering: WaveringDatabase) -> None:
    """Cancelled while its request is in flight it leaves that to the others; cancelled before, it is not sent at all."""
    shared = SharedDatabase(wavering)
    wavering.gate.clear()
    first, second = (asyncio.create_task(shared.batch([flag(name)])) for name in ("first", "second"))
    await turns()
    early, late = (asyncio.create_task(shared.batch([flag(name)])) for name in ("early", "late"))
    await turns()
    for gone in (first, early):
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone
    wavering.gate.set()
    await asyncio.gather(second, late)
    assert await names(wavering.database) == ["first", "late", "second"]


@pytest.mark.req("SWEEP-R3")
async def test_a_slow_request_holds_nobody_up_for_long(wavering: WaveringDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while the next request leaves beside it; who was in the slow one waits for that alone."""
    monkeypatch.setattr(sharing, "PATIENCE_S", 0.05)
    shared = SharedDatabase(wavering)
    wavering.gate.clear()
    slow = asyncio.create_task(shared.batch([flag("slow")]))
    await turns()
    others = [asyncio.create_task(shared.batch([flag(name)])) for name in "ab"]
    async with asyncio.timeout(PATIENT_S):
        while wavering.in_flight < 2:  # noqa: ASYNC110  # the fake rings no bell
            await asyncio.sleep(0.01)
    wavering.gate.set()
    await asyncio.gather(slow, *others)
    assert [len(batch) for batch in wavering.batches] == [1, 2]


@pytest.mark.req("SWEEP-R4")
async def test_a_shared_request_is_bounded(wavering: WaveringDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """In statements and in characters, the first come first; what is more than that by itself goes alone."""
    shared = SharedDatabase(wavering)
    half, whole = [Statement("SELECT 1")] * (MAX_STATEMENTS // 2), [Statement("SELECT 1")] * (MAX_STATEMENTS + 1)
    await asyncio.gather(*(shared.batch(batch) for batch in (half, half, half, whole, half)))
    assert [len(batch) for batch in wavering.batches] == [500, 250, 501, 250]
    wavering.batches.clear()
    monkeypatch.setattr(sharing, "MAX_CHARS", 100)
    await asyncio.gather(*(shared.batch([Statement("SELECT ?1", ("x" * 60,))]) for _ in range(3)))
    assert [len(batch) for batch in wavering.batches] == [1, 1, 1]


@pytest.mark.req("SWEEP-R2")
async def test_what_is_no_error_of_the_database_is_heard_by_all(wavering: WaveringDatabase) -> None:
    """A fault of the client's own is raised to every caller, and nobody waits for ever."""

    def broken(_: Sequence[Statement]) -> None:
        raise ZeroDivisionError

    shared, wavering.fails = SharedDatabase(wavering), broken
    assert await together(*(shared.batch([flag(name)]) for name in "ab")) == ["ZeroDivisionError"] * 2
    wavering.fails = lambda _: None
    with pytest.raises(StatementFailed):
        await shared.batch([BREAKS])


@pytest.mark.req("SWEEP-R1")
async def test_where_requests_have_company_the_next_is_waited_with(wavering: WaveringDatabase) -> None:
    """What comes a little later shares the request, when the one before was shared; one that was alone makes nobody wait."""

    async def ask(name: str, later_s: float) -> None:
        await asyncio.sleep(later_s)
        await shared.batch([flag(name)])

    async def ask_twice() -> None:
        await asyncio.gather(ask(f"a{len(slow.batches)}", 0.0), ask(f"b{len(slow.batches)}", 0.02))

    slow = SlowDatabase(wavering)
    shared = SharedDatabase(slow)
    await ask_twice()
    await asyncio.gather(ask("c", 0.0), ask("d", 0.0))
    await ask_twice()
    assert slow.batches == [1, 1, 2, 2]


@dataclass
class SlowDatabase(PassingDatabase):
    """Takes a fifth of a second for every request."""

    batches: list[int] = field(default_factory=list[int])

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """See `Database.batch`."""
        self.batches.append(len(statements))
        await asyncio.sleep(0.2)
        return await self.database.batch(statements)
