"""The database's clock decides what is due, held or too old: all hosts of a database share it, and their own clocks differ.

`NOW` and `later` are SQL; they give instants as `backend.domain.instants.to_text` writes them. They and `age_s` call `strftime`
alone, so that an embedded database can be given another clock by replacing that one function.
"""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime

NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"


def later(seconds: str) -> str:
    """Return the SQL of the instant `seconds` after now; `seconds` is SQL too, a number or a parameter."""
    return f"strftime('%Y-%m-%dT%H:%M:%fZ', 'now', {seconds} || ' seconds')"


def age_s(instant: str) -> str:
    """Return the SQL of the whole seconds since `instant`, which is SQL; negative when it lies ahead."""
    return f"(strftime('%s', 'now') - strftime('%s', {instant}))"


def set_clock(connection: sqlite3.Connection, now: Callable[[], datetime]) -> None:
    """Let `strftime` of this connection take `now()` for the present."""
    plain = sqlite3.connect(":memory:", check_same_thread=False)

    def strftime(form: str, *arguments: str) -> str | None:
        present = now().astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
        values = [present if value == "now" else value for value in arguments]
        marks = ", ".join("?" * (len(values) + 1))
        (text,) = plain.execute(f"SELECT strftime({marks})", (form, *values)).fetchone()  # question marks
        return None if text is None else str(text)

    connection.create_function("strftime", -1, strftime, deterministic=True)
