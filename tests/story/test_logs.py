"""What the log says, and what it keeps to itself whoever writes to it."""

import json
import logging
from contextlib import suppress
from typing import Any

import pytest
import structlog

from backend.domain.unsubscribe import PATH
from backend.errors import SettingRefused
from backend.logs import configure_logs

SECRET = "ada@northwind.example"


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The lines on standard error since the last look."""
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_holds_the_listed_keys_only(capsys: pytest.CaptureFixture[str]) -> None:
    """A key beyond the list is named, and its value left out."""
    structlog.get_logger().info("run.committed", thread_id="close:ada", address=SECRET)
    (line,) = logged(capsys)
    assert (line["event"], line["thread_id"], line["beyond_the_list"]) == ("run.committed", "close:ada", ["address"])
    assert SECRET not in str(line)


def test_an_exception_is_told_by_type_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    """Its own words may quote a person, and so may those of its cause."""
    error = RuntimeError(SECRET)
    error.__cause__ = KeyError(SECRET)
    with suppress(RuntimeError):
        raise error
    structlog.get_logger().error("run.not_committed", exc_info=error)
    (line,) = logged(capsys)
    assert [word for word in line["exception"] if word.endswith("Error")] == ["RuntimeError", "KeyError"]
    assert any("test_logs.py" in word for word in line["exception"])
    assert SECRET not in str(line)


def test_a_request_is_told_without_its_query(capsys: pytest.CaptureFixture[str]) -> None:
    """The server's access line loses the caller's address and everything after the question mark."""
    access = ("198.51.100.7:1", "GET", f"/drafts?q={SECRET}", "1.1", 200)
    logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', *access)
    (line,) = logged(capsys)
    assert (line["method"], line["path"], line["status_code"]) == ("GET", "/drafts", 200)
    assert "198.51.100.7" not in str(line)


def test_a_link_to_unsubscribe_is_told_without_what_it_is_good_for(capsys: pytest.CaptureFixture[str]) -> None:
    """A token in a log would let its reader unsubscribe somebody."""
    for token in (SECRET, "a/b", ""):
        access = ("198.51.100.7:1", "POST", f"{PATH}{token}?x=1", "1.1", 200)
        logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', *access)
    assert {line["path"] for line in logged(capsys)} == {"/u/…"}


def test_a_library_is_told_by_name_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    """What a library writes about the data it handles is not repeated."""
    logging.getLogger("some.library").warning("cannot parse %s", SECRET)
    logging.getLogger("some.library").info("not even this")
    (line,) = logged(capsys)
    assert (line["logger"], line["level"]) == ("some.library", "warning")
    assert SECRET not in str(line)


def test_less_severe_events_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """The more severe of the two levels holds."""
    configure_logs("debug", at_least="WARNING")
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")
    assert [line["event"] for line in logged(capsys)] == ["loud"]


def test_an_unknown_level_is_refused() -> None:
    """The sentence names the variable and the levels there are."""
    with pytest.raises(SettingRefused, match="LOG_LEVEL is 'loud', which is none of DEBUG, INFO, WARNING, ERROR"):
        configure_logs("loud")
