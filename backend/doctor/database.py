"""The checks of the database: each asks it a few cheap questions and returns one finding; nothing that is written stays.

A new check is a function and a line in `CHECKS`. They are made in this order: `answers` first, because nothing more is asked of
a database that does not; what reads our tables last, because a database that lacks migrations may lack them.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from statistics import median
from typing import Final

from backend.d1 import limits
from backend.d1.atomicity import prove_atomic_batches
from backend.d1.clock import NOW
from backend.d1.statements import Database, Row, SqlValue, Statement
from backend.doctor.findings import Finding, Report, note, ok, wrong
from backend.domain.attendance import AttendanceLimits
from backend.domain.flags import CAMPAIGN_COACH_ENABLED, ORCHESTRATOR_ROLE_PLAN
from backend.domain.instants import MAX_CLOCK_DIFFERENCE, from_text, to_text
from backend.errors import BatchesNotAtomic, DatabaseError, DatabaseUnreachable, StatementFailed
from backend.ports import Clock
from backend.store.attendance import D1Attendance
from backend.store.schema import D1Schema
from backend.store.tokens import D1Tokens

ROUND_TRIPS: Final = 7
SLOW_MS: Final = 150
SMALL_CLOCK_DIFFERENCE_S: Final = 5
MAX_SENDERS: Final = 100

_ANSWER = "SELECT 1 AS one"
_NOW = f"SELECT {NOW} AS now"
_ECHO = "SELECT ?1 AS integer, ?2 AS real, ?3 AS text, ?4 AS absent, ?5 AS large"
_SENDERS = "SELECT DISTINCT sender_address FROM campaigns LIMIT ?1"
_FLAGS = "SELECT name, value, set_by, set_at FROM flags ORDER BY name"

_SENT: Final[Mapping[str, SqlValue]] = {
    "integer": 42,
    "real": 0.1,
    "text": "Zoë 🎈 \0 ''",
    "absent": None,
    "large": 2**53 - 1,
}

_LIMITS: Final[Mapping[str, tuple[Statement, Statement]]] = {
    f"{limits.MAX_PARAMS} parameters": (
        Statement(f"SELECT ?{limits.MAX_PARAMS} AS last", tuple(range(limits.MAX_PARAMS))),
        Statement(f"SELECT ?{limits.MAX_PARAMS + 1} AS last"),
    ),
    f"{limits.MAX_VALUE_BYTES:,} bytes a value": (
        Statement(f"SELECT length(zeroblob({limits.MAX_VALUE_BYTES})) AS n"),
        Statement(f"SELECT length(zeroblob({limits.MAX_VALUE_BYTES + 1})) AS n"),
    ),
}
"""For each limit a statement at it, and one beyond it that the client lets pass; the database makes the large value itself."""

_SEE_URL: Final = "See that D1_URL is right and that what it names is running."
_SEE_TOKEN: Final = (
    "See that D1_URL is right, and that D1_TOKEN is what the Worker has as D1_BRIDGE_TOKEN, or may edit this D1."  # noqa: S105  # advice
)
_USE_BRIDGE: Final = "Do not use it. Reach D1 through the bridge Worker of wrangler.toml, with D1_URL=https://…"
_NOT_D1: Final = "See what stands between this machine and D1, or use the bridge Worker of wrangler.toml."
_SEE_WORDS: Final = "Correct what it says and examine it again."


@dataclass(frozen=True, slots=True)
class Subject:
    """The database under examination and where it is, the clock its own is held against, and a stopwatch in seconds.

    `mailbox` is the login of the SMTP server that sends, empty where there is none.
    """

    database: Database
    place: str
    clock: Clock
    stopwatch: Callable[[], float]
    attendance_limits: AttendanceLimits = field(default_factory=AttendanceLimits)
    mailbox: str = ""

    async def ask(self, sql: str, *params: SqlValue) -> list[Row]:
        """Run one statement and return its rows."""
        [result] = await self.database.batch([Statement(sql, params)])
        return result.rows


async def check_answers(subject: Subject) -> Finding:
    """The first request: a wrong address, a wrong token and a server that is none of D1's show here."""
    try:
        rows = await subject.ask(_ANSWER)
    except StatementFailed as failed:
        return wrong(f"{subject.place} refuses: {failed.message}", _SEE_TOKEN)
    if rows != [{"one": 1}]:
        return wrong(f"{subject.place} does not answer as D1 does", _NOT_D1)
    return ok(f"{subject.place} answers")


async def check_atomic_batches(subject: Subject) -> Finding:
    """A run is one batch, so half of one must never stay."""
    try:
        await prove_atomic_batches(subject.database)
    except BatchesNotAtomic as refused:
        return wrong(refused.why, _USE_BRIDGE)
    return ok("a batch that failed left nothing behind")


async def check_parameter_types(subject: Subject) -> Finding:
    """A bound value comes back equal; the REST API documents its parameters as text."""
    [row] = await subject.ask(_ECHO, *_SENT.values())
    changed = [f"{name} {sent!r} as {row.get(name)!r}" for name, sent in _SENT.items() if row.get(name) != sent]
    if changed:
        return wrong(f"it gives back {'; '.join(changed)}", _USE_BRIDGE)
    return ok("integer, real, text, null and a large integer come back equal")


async def check_limits(subject: Subject) -> Finding:
    """The client refuses what is beyond D1's limits; a database that takes less would fail in the middle of the work."""
    too_much = [name for name, (at, _) in _LIMITS.items() if not await _takes(subject, at)]
    if too_much:
        return wrong(f"it does not take {' or '.join(too_much)}, which this client sends", _NOT_D1)
    looser = [name for name, (_, beyond) in _LIMITS.items() if await _takes(subject, beyond)]
    more = f"it would take more than {' and '.join(looser)}" if looser else "it refuses more, too"
    return ok(f"takes {' and '.join(_LIMITS)}, the most this client sends; {more}")


async def check_latency(subject: Subject) -> Finding:
    """Every touch takes a few round trips, one after another."""
    times_ms = [await _round_trip_ms(subject) for _ in range(ROUND_TRIPS)]
    found = f"{median(times_ms):.1f} ms a round trip, the median of {ROUND_TRIPS}"
    if median(times_ms) > SLOW_MS:
        return note(found, f"Over {SLOW_MS} ms every touch is felt. Run the service near its database.")
    return ok(found)


async def check_clock(subject: Subject) -> Finding:
    """The database's clock decides; a host whose own is far from it sends nothing."""
    before = subject.clock.now()
    [row] = await subject.ask(_NOW)
    after = subject.clock.now()
    ahead = from_text(row["now"]) - (before + (after - before) / 2)
    found = f"{abs(ahead).total_seconds():.1f} s {'ahead of' if ahead > timedelta(0) else 'behind'} this machine's"
    if abs(ahead) > MAX_CLOCK_DIFFERENCE:
        return wrong(found, "Set this machine's clock, by NTP: nothing is sent from here until it agrees to 30 s.")
    if abs(ahead) > timedelta(seconds=SMALL_CLOCK_DIFFERENCE_S):
        return note(found, "Set this machine's clock, by NTP; from 30 s on nothing is sent from here.")
    return ok(found)


async def check_migrations(subject: Subject) -> Finding:
    """The tables of this version are there, whoever made them: this program or wrangler."""
    missing = await D1Schema(subject.database).pending()
    if missing:
        return wrong(f"{', '.join(missing)} not applied", "Run `agentic-sales migrate`.")
    return ok("every one of this version is applied")


async def check_stored_flags(subject: Subject) -> Finding:
    """A row overrides the environment, so whoever looks at the environment alone is misled."""
    rows = await subject.ask(_FLAGS)
    if unknown := [row["name"] for row in rows if row["name"] not in {CAMPAIGN_COACH_ENABLED, ORCHESTRATOR_ROLE_PLAN}]:
        return note(f"no flag is named {' or '.join(unknown)}", "Its row has no effect; delete it.")
    stored = [f"{row['name']} {'on' if row['value'] else 'off'}, set by {row['set_by']} at {row['set_at']}" for row in rows]
    return ok("; ".join(stored) or "none: the environment decides")


async def check_tokens(subject: Subject) -> Finding:
    """Without a live token nobody can decide a draft over HTTP."""
    now = to_text(subject.clock.now())
    kept = [token for token in await D1Tokens(subject.database).list() if not token.revoked_at]
    expired = [token.name for token in kept if token.expires_at <= now]
    live = f"{len(kept) - len(expired)} live"
    if expired:
        return note(
            f"{live}; expired: {', '.join(expired)}", "Make new ones with `agentic-sales tokens create`, or revoke them."
        )
    if not kept:
        return note("none", "Make one: agentic-sales tokens create --role operator --name NAME")
    return ok(live)


async def check_senders(subject: Subject) -> Finding:
    """A mailbox sends for its own domain; for another one its emails look forged."""
    rows = await subject.ask(_SENDERS, MAX_SENDERS)
    hosts = sorted({row["sender_address"].rpartition("@")[2].casefold() for row in rows})
    own = subject.mailbox.rpartition("@")[2].casefold() if "@" in subject.mailbox else ""
    if own and (foreign := [host for host in hosts if host != own]):
        found = f"campaigns send as {', '.join(foreign)}, and the mailbox is at {own}"
        return note(found, "Use a mailbox of the sender's domain: for another one SPF and DMARC fail, and filters act.")
    return ok(f"from {', '.join(hosts)}" if hosts else "no campaign yet")


async def check_sweeps(subject: Subject) -> Finding:
    """Without sweeps nothing is drafted and nothing cut off goes on; a whole sweep takes all that was due."""
    attendance = await D1Attendance(subject.database).read()
    if missed := attendance.missed(by_name=True):
        return note(missed, "See what these threads' rows hold; report it, for a sweep takes every due thread.")
    if overdue := attendance.overdue_tick(subject.attendance_limits):
        return note(overdue, "Run `agentic-sales serve`, or see that the cron reaches POST /cron/resume.")
    return ok(f"the last at {to_text(attendance.swept_at)}" if attendance.swept_at else "none yet, and none is needed")


async def check_waiting_drafts(subject: Subject) -> Finding:
    """A draft that nobody looks at is an email that never leaves."""
    attendance = await D1Attendance(subject.database).read()
    if overdue := attendance.overdue_draft(subject.attendance_limits):
        return note(overdue, "Decide on it: GET /drafts lists the oldest first.")
    since = attendance.oldest_draft_at
    return ok(f"the oldest since {to_text(since)}" if since else "none waits")


CHECKS: Final[Mapping[str, Callable[[Subject], Awaitable[Finding]]]] = {
    "database": check_answers,
    "atomic batches": check_atomic_batches,
    "parameter types": check_parameter_types,
    "limits": check_limits,
    "latency": check_latency,
    "clock": check_clock,
    "migrations": check_migrations,
    "stored flags": check_stored_flags,
    "tokens": check_tokens,
    "senders": check_senders,
    "sweeps": check_sweeps,
    "waiting drafts": check_waiting_drafts,
}
GATES: Final = frozenset({check_answers, check_migrations})
"""A database that is wrong in one of these is asked nothing more."""


async def examine_database(subject: Subject) -> Report:
    """Make the checks in their order, up to a gate that is wrong or the first request without an answer."""
    report: dict[str, Finding] = {}
    for name, check in CHECKS.items():
        try:
            report[name] = await check(subject)
        except DatabaseUnreachable as gone:
            return report | {name: wrong(str(gone), _SEE_URL)}
        except DatabaseError as failed:
            report[name] = wrong(str(failed), _SEE_WORDS)
        if check in GATES and report[name].state == "wrong":
            break
    return report


async def _takes(subject: Subject, statement: Statement) -> bool:
    try:
        await subject.database.batch([statement])
    except StatementFailed:
        return False
    return True


async def _round_trip_ms(subject: Subject) -> float:
    started = subject.stopwatch()
    await subject.ask(_ANSWER)
    return (subject.stopwatch() - started) * 1_000
