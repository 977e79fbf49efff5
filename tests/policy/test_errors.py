"""What is shown and stored of a failure."""

import sqlite3

import pytest

from backend.errors import (
    AgenticSalesError,
    CheckpointTampered,
    DatabaseUnreachable,
    DraftNoLongerWaits,
    ModelCallFailed,
    RequestNotTaken,
    StatementFailed,
    StatementRefused,
    public_sentence,
)

SECRET = "INSERT INTO contacts VALUES ('ada@northwind.example')"


@pytest.mark.req("API-R5")
@pytest.mark.parametrize(
    "error",
    [
        StatementFailed(SECRET),
        StatementRefused("100 parameters", SECRET),
        RequestNotTaken("HTTP 400", SECRET),
        CheckpointTampered("close:ada", SECRET),
        sqlite3.OperationalError(SECRET),
        KeyError(SECRET),
        KeyboardInterrupt(SECRET),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_could_quote_a_row_is_told_without_its_words(error: BaseException) -> None:
    """Neither a statement nor an address is in the sentence, which still says what kind of thing happened."""
    sentence = public_sentence(error)
    assert SECRET not in sentence
    assert sentence.endswith(".")
    assert type(error).__name__ in sentence or sentence == (error.__doc__ or "").partition("\n")[0]


@pytest.mark.parametrize(
    "error", [DatabaseUnreachable("timeout", tries=5), DraftNoLongerWaits("d", "stopped"), ModelCallFailed("HTTP 500")], ids=str
)
def test_any_other_failure_of_ours_is_its_own_sentence(error: AgenticSalesError) -> None:
    """A sentence made of ids, numbers and states is shown as it is."""
    assert public_sentence(error) == str(error)
