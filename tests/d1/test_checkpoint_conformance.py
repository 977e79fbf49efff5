"""langgraph's own suite for checkpointers, counted."""

from collections.abc import AsyncGenerator

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate

from backend.checkpointer.saver import D1Saver
from backend.d1.meter import MeteredDatabase

TESTS_OF_CAPABILITY = {
    "put": 17,
    "put_writes": 10,
    "get_tuple": 10,
    "list": 16,
    "delete_thread": 5,
    "delete_for_runs": 7,
    "copy_thread": 8,
    "prune": 8,
}


@pytest.mark.req("D1-R10")
@pytest.mark.parametrize("database", ["embedded", "bridge", "worker"], indirect=True)
@pytest.mark.parametrize("key", [None, "a key of at least 32 characters."], ids=["plain", "encrypted"])
async def test_all_81_tests_pass(database: MeteredDatabase, key: str | None) -> None:
    """The report's "FULL" counts capabilities it detected; this counts tests."""

    @checkpointer_test(name="D1Saver")
    async def make() -> AsyncGenerator[D1Saver, None]:
        yield D1Saver(database, key)

    report = await validate(make)
    assert [failure for result in report.results.values() for failure in result.failures] == []
    assert {name: result.tests_passed for name, result in report.results.items()} == TESTS_OF_CAPABILITY
    assert sum(TESTS_OF_CAPABILITY.values()) == 81
