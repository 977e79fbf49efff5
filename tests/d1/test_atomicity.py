"""The proof that a failed batch leaves nothing behind, and REST, which is not used without it."""

from pathlib import Path

import pytest

from backend.d1.atomicity import FIND, MAKE, prove_atomic_batches
from backend.d1.database import open_proven_database
from backend.d1.embedded import open_embedded
from backend.d1.meter import MeteredDatabase
from backend.d1.statements import Database, Statement
from backend.errors import BatchesNotAtomic, DatabaseUnreachable, StatementFailed
from backend.wiring import open_service
from tests.d1.conftest import NO_WAITING
from tests.fakes.loopback_d1 import LoopbackD1, refused
from tests.fakes.unlike_d1 import PiecemealDatabase


async def is_clean(database: Database) -> bool:
    """Whether nothing of a proof is left."""
    [found] = await database.batch([Statement(FIND)])
    return found.rows == []


@pytest.mark.req("DOCTOR-R7")
async def test_every_transport_is_atomic(database: MeteredDatabase) -> None:
    """The proof passes as often as it is asked for, takes two requests, writes no row and leaves nothing."""
    before = database.meter.copy()
    await prove_atomic_batches(database)
    spent = database.meter.since(before)
    assert (spent.requests, spent.rows_written) == (2, 0)
    await prove_atomic_batches(database)
    assert await is_clean(database)


@pytest.mark.req("DOCTOR-R7")
async def test_no_migration_is_needed(tmp_path: Path) -> None:
    """An empty database can be asked."""
    async with open_embedded(f"{tmp_path}/empty.db") as empty:
        await prove_atomic_batches(empty)
        with pytest.raises(BatchesNotAtomic):
            await prove_atomic_batches(PiecemealDatabase(empty))


@pytest.mark.req("DOCTOR-R7")
async def test_what_a_database_keeps_of_a_failed_batch_is_found_and_removed(embedded: MeteredDatabase) -> None:
    """It is refused each time, and holds nothing of the proof afterwards."""
    for _ in range(2):
        with pytest.raises(BatchesNotAtomic, match="part of it stayed"):
            await prove_atomic_batches(PiecemealDatabase(embedded))
        assert await is_clean(embedded)


@pytest.mark.req("DOCTOR-R7")
async def test_what_a_killed_proof_left_is_removed_by_the_next(embedded: MeteredDatabase) -> None:
    """A table that only a database in pieces can have left behind speaks against it, once."""
    await embedded.batch([Statement(MAKE)])
    with pytest.raises(BatchesNotAtomic):
        await prove_atomic_batches(embedded)
    await prove_atomic_batches(embedded)


@pytest.mark.req("DOCTOR-R7")
async def test_a_batch_that_failed_for_another_reason_proves_nothing(embedded: MeteredDatabase) -> None:
    """Where nothing was tried, nothing staying says nothing; the reason is told."""
    async with LoopbackD1(embedded).listening() as server:
        server.faults.append(refused("not authorized: SQLITE_AUTH"))
        with pytest.raises(BatchesNotAtomic, match="ended with 'not authorized: SQLITE_AUTH'"):
            async with open_proven_database("d1://account/database", "t", cloudflare_api=server.url):
                pass


@pytest.mark.req("DOCTOR-R8")
async def test_rest_is_opened_after_the_proof(embedded: MeteredDatabase) -> None:
    """Two requests are made before the database is handed out; the bridge is handed out at once."""
    async with LoopbackD1(embedded).listening() as server:
        async with open_proven_database("d1://account/database", "t", cloudflare_api=server.url) as rest:
            assert len(server.requests) == 2
            await rest.batch([Statement("SELECT 1")])
        async with open_proven_database(server.url, "t"):
            assert len(server.requests) == 3


@pytest.mark.req("DOCTOR-R8")
@pytest.mark.parametrize("scheme", ["d1", "D1"])
async def test_rest_in_pieces_is_not_opened(embedded: MeteredDatabase, scheme: str) -> None:
    """The error says what to use instead, and nothing of the proof is left."""
    async with LoopbackD1(PiecemealDatabase(embedded)).listening() as server:
        with pytest.raises(BatchesNotAtomic, match="bridge Worker"):
            async with open_proven_database(f"{scheme}://account/database", "t", cloudflare_api=server.url):
                pass
    assert await is_clean(embedded)


@pytest.mark.req("DOCTOR-R8")
async def test_rest_that_does_not_answer_the_proof_is_not_opened(embedded: MeteredDatabase) -> None:
    """A wrong token and a server that is down are told as what they are."""
    async with LoopbackD1(embedded).listening() as server:
        server.faults.extend([refused("Authentication error", 401)] * 2)
        with pytest.raises(StatementFailed, match="Authentication error"):
            async with open_proven_database("d1://account/database", "t", cloudflare_api=server.url):
                pass
        server.faults.extend([refused("Service unavailable", 503)] * NO_WAITING.tries)
        with pytest.raises(DatabaseUnreachable, match="Service unavailable"):
            async with open_proven_database("d1://account/database", "t", policy=NO_WAITING, cloudflare_api=server.url):
                pass


@pytest.mark.req("DOCTOR-R8")
async def test_a_lost_answer_does_not_make_a_database_atomic(embedded: MeteredDatabase) -> None:
    """The batch is sent again, and what the first try left is found."""
    async with LoopbackD1(PiecemealDatabase(embedded)).listening() as server:
        server.faults.append("answer lost")
        with pytest.raises(BatchesNotAtomic):
            async with open_proven_database("d1://account/database", "t", policy=NO_WAITING, cloudflare_api=server.url):
                pass


@pytest.mark.req("DOCTOR-R8")
async def test_a_service_over_rest_asks_before_it_is_there(refused_hosts: list[str]) -> None:
    """Opening the service makes the proof's first request, so where Cloudflare cannot be reached nothing starts."""
    with pytest.raises(DatabaseUnreachable):
        async with open_service({"d1_url": "d1://account/database", "d1_token": "t"}):
            pass
    assert set(refused_hosts) == {"api.cloudflare.com"}
    refused_hosts.clear()
