"""Attendance: is anybody sweeping, was everything that was due taken, and is anybody looking at what waits for a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class AttendanceLimits:
    """Nothing is said before these have passed."""

    tick_max_age: timedelta = timedelta(minutes=15)
    draft_max_wait: timedelta = timedelta(days=4)


@dataclass(frozen=True, slots=True)
class Attendance:
    """At the database's instant `now` it stands so.

    `swept_at` is when a sweep last looked, None before the first; `due_since` is since when the thread waits that a sweep is
    to take next, which may lie ahead, None when no thread is to be taken any more; `oldest_draft_at` is since when the draft
    waits that has waited longest; `absent` are threads that a whole sweep should have taken, at most so many as were asked for.
    """

    now: datetime
    swept_at: datetime | None
    due_since: datetime | None
    oldest_draft_at: datetime | None
    absent: Sequence[str]

    def overdue_tick(self, limits: AttendanceLimits) -> str:
        """Say for how long nobody has swept, where a thread waits for it; empty within the limit."""
        since = self.swept_at or self.due_since
        if self.due_since is None or since is None or self.now - since <= limits.tick_max_age:
            return ""
        return f"no sweep for {_span(self.now - since)}, where at most {_span(limits.tick_max_age)} are meant"

    def overdue_draft(self, limits: AttendanceLimits) -> str:
        """Say for how long the oldest draft has waited; empty within the limit."""
        if self.oldest_draft_at is None or self.now - self.oldest_draft_at <= limits.draft_max_wait:
            return ""
        waited = _span(self.now - self.oldest_draft_at)
        return f"a draft has waited {waited} for a person, where at most {_span(limits.draft_max_wait)} are meant"

    def missed(self, *, by_name: bool) -> str:
        """Say how many threads were due and not taken, and which where they may be named; empty when there is none."""
        if not self.absent:
            return ""
        names = f": {', '.join(self.absent)}" if by_name else ""
        return f"threads that were due when the last whole sweep began and were taken by none: {len(self.absent)}{names}"

    def reasons(self, limits: AttendanceLimits, *, by_name: bool) -> list[str]:
        """Say all that is not as it is meant to be; nothing when all is."""
        said = (self.overdue_tick(limits), self.overdue_draft(limits), self.missed(by_name=by_name))
        return [reason for reason in said if reason]


def _span(span: timedelta) -> str:
    """Tell a span of time in the largest unit that it fills once or more."""
    minutes = int(span / timedelta(minutes=1))
    if minutes < 2 * 60:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 2 * 24 * 60 else f"{minutes // (24 * 60)} days"
