"""The roll of sweeps in D1: one row that says when a sweep last looked, and who was due and taken by none."""

from datetime import datetime

from backend.d1.clock import NOW, age_s
from backend.d1.statements import Database, Result, Statement
from backend.domain.attendance import Attendance
from backend.domain.instants import from_text
from backend.ports import RollCall
from backend.store.stopped import NOT_ALL_PAUSED, not_all_paused_since

MAX_NAMED = 20
"""Absent threads that are named at a time."""

# The index threads_claimable is on this very expression.
CLAIMABLE_AT = "max(next_touch_at, COALESCE(lease_until_at, ''))"

LOOK = Statement(f"""
SELECT {NOW} AS now, number, {age_s("swept_at")} AS swept_s_ago, {age_s("taken_until")} AS taken_s_ago
FROM sweeps WHERE name = 'last'""")

_TELL = f"""
UPDATE sweeps SET number = number + 1, swept_at = {NOW}, taken_until = CASE WHEN ?3 THEN ?2 ELSE taken_until END
WHERE name = 'last' AND number = ?1"""
_NUMBER = "SELECT number FROM sweeps WHERE name = 'last'"
# A bare column has an affinity, and with one the index on the expression is read from end to end.
_TAKEN_UNTIL = "(SELECT COALESCE(taken_until, '') FROM sweeps WHERE name = 'last')"
_ABSENT = f"""
SELECT thread_id FROM threads
WHERE next_touch_at IS NOT NULL AND {CLAIMABLE_AT} <= ?1 AND {not_all_paused_since("?1")}
ORDER BY {CLAIMABLE_AT} LIMIT ?2"""
_ABSENT_SINCE = f"""
SELECT thread_id FROM threads
WHERE next_touch_at IS NOT NULL AND {CLAIMABLE_AT} <= {_TAKEN_UNTIL} AND {not_all_paused_since(_TAKEN_UNTIL)}
ORDER BY {CLAIMABLE_AT} LIMIT ?1"""
_STANDING = f"""
SELECT {NOW} AS now, swept_at,
  (
    SELECT {CLAIMABLE_AT} FROM threads WHERE next_touch_at IS NOT NULL AND {NOT_ALL_PAUSED} ORDER BY {CLAIMABLE_AT} LIMIT 1
  ) AS due_since,
  (SELECT created_at FROM drafts WHERE status = 'pending' ORDER BY created_at LIMIT 1) AS oldest_draft_at
FROM sweeps WHERE name = 'last'"""


def call_roll(roll: RollCall) -> list[Statement]:
    """Return the statements that tell of a sweep and ask who is absent; `take_roll` reads their results."""
    told = [Statement(_TELL, (roll.number, roll.since, int(roll.is_whole)))] if roll.is_told else []
    absent = Statement(_ABSENT, (roll.since, MAX_NAMED if roll.is_whole else 0))
    return [*told, Statement(_NUMBER), absent]


def take_roll(results: list[Result]) -> tuple[int, list[str]]:
    """Read the number of the last word, and the threads that are absent; none unless the sweep is whole."""
    number, absent = results[-2:]
    return int(number.rows[0]["number"]), [row["thread_id"] for row in absent.rows]


class D1Attendance:
    """`ports.Attendances` over D1."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self) -> Attendance:
        """See `ports.Attendances.read`."""
        standing, absent = await self._database.batch([Statement(_STANDING), Statement(_ABSENT_SINCE, (MAX_NAMED,))])
        row = standing.rows[0]
        return Attendance(
            now=from_text(row["now"]),
            swept_at=_instant(row["swept_at"]),
            due_since=_instant(row["due_since"]),
            oldest_draft_at=_instant(row["oldest_draft_at"]),
            absent=[each["thread_id"] for each in absent.rows],
        )


def _instant(text: str | None) -> datetime | None:
    return from_text(text) if text else None
