"""Instants are aware UTC datetimes; stored, they are text of one width, so text order is time order."""

from datetime import UTC, datetime, timedelta

MAX_CLOCK_DIFFERENCE = timedelta(seconds=30)
"""A host whose clock is further from its database's sends nothing."""


def to_text(at: datetime) -> str:
    """Text of `at` in UTC with milliseconds: `2026-11-22T09:30:00.000Z`.

    Raises:
        ValueError: `at` is naive. A naive instant has no place on the time line.
    """
    if at.tzinfo is None:
        msg = "a naive datetime names no instant"
        raise ValueError(msg)
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    """Read what `to_text` wrote."""
    return datetime.fromisoformat(text)


def days_after(at: datetime, days: int) -> datetime:
    """`days` whole days after `at`."""
    return at + timedelta(days=days)
