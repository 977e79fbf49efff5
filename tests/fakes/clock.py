"""A clock that stands still until a test moves it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from backend.ports import Clock


class MovableClock(Protocol):
    """A clock that a test moves."""

    def now(self) -> datetime:
        """See `ports.Clock.now`."""
        ...

    def set(self, at: datetime) -> None:
        """Stand at `at`."""
        ...

    def advance(self, by: timedelta) -> None:
        """Stand `by` later."""
        ...


class FixedClock:
    """Tells the instant it was set to; weeks pass in one call."""

    def __init__(self, at: datetime = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)) -> None:
        self.set(at)

    def now(self) -> datetime:
        """Return the instant the clock stands at."""
        return self._at

    def set(self, at: datetime) -> None:
        """Stand at `at`, which may lie in the past; a naive instant names none and is refused."""
        if at.tzinfo is None:
            msg = "a naive datetime names no instant"
            raise ValueError(msg)
        self._at = at.astimezone(UTC)

    def advance(self, by: timedelta) -> None:
        """Stand `by` later."""
        self._at += by


@dataclass(frozen=True)
class SkewedClock:
    """Tells another clock's time, and `off` more."""

    clock: Clock
    off: timedelta

    def now(self) -> datetime:
        """See `ports.Clock.now`."""
        return self.clock.now() + self.off
