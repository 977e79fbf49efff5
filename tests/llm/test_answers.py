"""From a model's words to one JSON object."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ModelAnswerUnusable
from backend.llm.answers import MAX_ANSWER_CHARS, read_object

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(TEXT, JSON, max_size=4))
def test_every_object_is_read_as_it_was_written(value: dict[str, Any]) -> None:
    """Nothing is changed, added or dropped, escaped or not."""
    assert read_object(json.dumps(value)) == value
    assert read_object(f"\n {json.dumps(value, ensure_ascii=False)} \n") == value


@given(st.text() | JSON.map(json.dumps) | st.text(alphabet='{}[]":,0e9-NaInfity\\ud8', max_size=30))
def test_words_end_in_an_object_or_in_unusable(words: str) -> None:
    """No other exception, whatever a model says."""
    try:
        value = read_object(words)
    except ModelAnswerUnusable:
        return
    assert isinstance(value, dict)


@pytest.mark.req("AA06-R25")
def test_an_answer_has_a_longest_length() -> None:
    """The limit itself is read, one character more is not, and deep or broken JSON beyond it is not even tried."""
    longest = json.dumps({"body": "x" * (MAX_ANSWER_CHARS - len('{"body": ""}'))})
    assert len(longest) == MAX_ANSWER_CHARS
    assert read_object(longest)
    for too_long in (f"{longest} ", " " * 200_000, "[" * 200_000):
        with pytest.raises(ModelAnswerUnusable, match="longer than 32000 characters"):
            read_object(too_long)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 5000])
def test_numbers_nothing_can_store_are_refused(number: str) -> None:
    """Python reads them; no database and no other reader of JSON does."""
    with pytest.raises(ModelAnswerUnusable, match="not JSON"):
        read_object(f'{{"confidence": [{number}]}}')


def test_the_largest_float_is_a_number() -> None:
    """The refusal begins beyond it."""
    assert read_object('{"n": 1.7e308}') == {"n": 1.7e308}
    assert math.isfinite(read_object('{"n": 1e-999}')["n"])
