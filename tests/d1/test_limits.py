"""What is told of a statement from its text alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.d1.limits import MAX_SQL_BYTES, check_statements, first_word
from backend.d1.statements import Statement
from backend.errors import StatementRefused

GAPS = st.lists(st.sampled_from([" ", "\n", "-- why\n", "/* why */", "/**/", "/* -- */"]), max_size=12).map("".join)


@pytest.mark.req("D1-R2")
@given(GAPS, st.sampled_from(["select", "BEGIN", "Pragma"]))
def test_the_first_word_is_past_white_space_and_comments(gap: str, word: str) -> None:
    """Whatever stands before it and however it is written."""
    assert first_word(f"{gap}{word} 1") == word.upper()


@pytest.mark.req("D1-R2")
@pytest.mark.parametrize("repeated", ["/**/", "--\n", " ", "/*", "/**/ --\n"])
def test_a_text_of_comments_alone_is_judged_in_one_pass(repeated: str) -> None:
    """No text within the limit takes more time than its length does; one that has no word has no first word."""
    comments = repeated * (MAX_SQL_BYTES // len(repeated) - 1)
    assert first_word(f"{comments}(") == ""
    check_statements([Statement(f"{comments}(")])


@pytest.mark.req("D1-R2")
@pytest.mark.parametrize("hidden", ["/* pragma */ /**/ PRAGMA journal_mode", "/*/ x */ PRAGMA journal_mode", "/**/BEGIN"])
def test_a_comment_hides_no_refused_word(hidden: str) -> None:
    """A comment ends where SQLite ends it, and what comes after it counts."""
    with pytest.raises(StatementRefused):
        check_statements([Statement(hidden)])
