"""A pause has an audit row and a revision, so that a word that comes again, or late, changes nothing; a cancel ends threads.

A pause sets the threads of its scope aside in the same batch, and whatever comes into the scope later when it is claimed; a
resume brings them back, when they were due or spread over up to an hour.
"""

from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from backend.d1.clock import NOW, later
from backend.d1.statements import Database, Result, Row, Statement
from backend.domain.access import EVERYWHERE, Reach
from backend.domain.campaign import pair_of
from backend.domain.stops import Scope, ScopeKind, StopAction
from backend.errors import StopContested, UnknownCampaign
from backend.listings import HeldPage, HeldThread, StopPage, StopSaid, StopView
from backend.store.known import look_up_campaign, look_up_pair, thread_of_pair, within
from backend.store.stopped import COLLEAGUES

MAX_SPREAD_S: Final = 3_600
"""Threads that were set aside come back over so many seconds, a tenth of one each."""
_TRIES: Final = 5

# ?1 is the stop, ?2 the name of its scope. The ids of a campaign's threads are those from 'campaign:' to before 'campaign;'.
_IN_SCOPE: Final[dict[ScopeKind, str]] = {
    "everything": "?2 = ''",
    "mailbox": """threads.thread_id IN (
  SELECT own.thread_id FROM campaigns CROSS JOIN threads AS own
    ON own.thread_id > campaigns.campaign_id || ':' AND own.thread_id < campaigns.campaign_id || ';'
  WHERE lower(campaigns.sender_address) = lower(?2)
)""",
    "campaign": "threads.thread_id > ?2 || ':' AND threads.thread_id < ?2 || ';'",
    "thread": "threads.thread_id = ?2",
}
_STOP: Final = "SELECT stops.* FROM stops WHERE stop_id = ?1"
_SET_ASIDE_BY: Final = "SELECT count(*) AS threads FROM threads WHERE waiting_for = ?1"

# The audit row claims the revision it is written for.
_AUDIT: Final = f"""
INSERT INTO audit (thread_id, audit_id, at, principal, action, version, detail) SELECT '', ?2, {NOW}, ?4, ?5, ?3 + 1, ?6
WHERE COALESCE((SELECT revision FROM stops WHERE stop_id = ?1), 0) = ?3 ON CONFLICT DO NOTHING"""
_SAY: Final = f"""
INSERT INTO stops (stop_id, is_paused, said_by, said_at, why, revision) SELECT ?1, ?5 = 'pause', ?4, {NOW}, ?6, ?3 + 1
WHERE COALESCE((SELECT revision FROM stops WHERE stop_id = ?1), 0) = ?3
  AND EXISTS (SELECT 1 FROM audit WHERE audit.thread_id = '' AND audit_id = ?2)
ON CONFLICT (stop_id) DO UPDATE SET is_paused = excluded.is_paused, said_by = excluded.said_by, said_at = excluded.said_at,
  why = excluded.why, revision = excluded.revision"""
_HAS_SAID: Final = "SELECT at FROM audit WHERE thread_id = '' AND audit_id = ?1"
_IS_SAID: Final = "EXISTS (SELECT 1 FROM stops WHERE stops.stop_id = ?1 AND stops.revision = ?3 + 1 AND stops.is_paused = {})"
_MAY_GO_ON: Final = "threads.status IN ('scheduled', 'decided')"
_BACK_AT: Final = later(f"(abs(random()) % (1 + min({MAX_SPREAD_S}, ({_SET_ASIDE_BY.replace('AS threads ', '')}) / 10)))")
_BRING_BACK: Final = f"""
UPDATE threads SET next_touch_at = CASE WHEN {_MAY_GO_ON} THEN max(COALESCE(waiting_due_at, ''), {_BACK_AT}) END,
  waiting_code = NULL, waiting_for = NULL, waiting_due_at = NULL
WHERE waiting_for = ?1 AND {_IS_SAID.format(0)}"""
_LET_PASS: Final = f"""
UPDATE threads SET colleagues_seen = {COLLEAGUES}, next_touch_at = CASE WHEN {_MAY_GO_ON} AND waiting_for = 'reply' THEN {NOW}
  ELSE next_touch_at END, waiting_code = CASE waiting_for WHEN 'reply' THEN NULL ELSE waiting_code END,
  waiting_due_at = CASE waiting_for WHEN 'reply' THEN NULL ELSE waiting_due_at END, waiting_for = nullif(waiting_for, 'reply')
WHERE thread_id = ?2 AND {_IS_SAID.format(0)}"""

# A cancel is for the threads that are enrolled when it is said: the audit row keeps that instant, whenever a copy comes.
_AUDIT_CANCEL: Final = f"""
INSERT INTO audit (thread_id, audit_id, at, principal, action, detail) VALUES ('', ?1, {NOW}, ?2, 'cancel', ?3)
ON CONFLICT DO NOTHING"""
_MAY_STOP: Final = """threads.status NOT IN ('completed', 'stopped')
  AND threads.enrolled_at <= (SELECT at FROM audit WHERE audit.thread_id = '' AND audit_id = ?1)"""
_LIVE: Final = "SELECT count(*) AS threads FROM threads WHERE ?1 <> '' AND threads.status NOT IN ('completed', 'stopped')"


def _set_aside(kind: ScopeKind) -> str:
    return f"""
UPDATE threads SET waiting_code = 'paused', waiting_for = ?1, waiting_due_at = next_touch_at, next_touch_at = NULL
WHERE {_IN_SCOPE[kind]} AND {_MAY_GO_ON} AND next_touch_at IS NOT NULL AND {_IS_SAID.format(1)}"""


def _cancel(kind: ScopeKind) -> list[str]:
    ending = f"SELECT threads.thread_id FROM threads WHERE {_IN_SCOPE[kind]} AND {_MAY_STOP}"
    return [
        f"UPDATE drafts SET status = 'withdrawn', reason = ?3 WHERE status = 'pending' AND thread_id IN ({ending})",
        f"""
UPDATE send_ledger SET state = 'unknown', settled_at = {NOW}, error = ?3
WHERE state = 'reserved' AND thread_id IN ({ending})""",
        f"""
UPDATE threads SET status = 'stopped', status_reason = ?3, next_touch_at = NULL, lease_owner = NULL, lease_until_at = NULL,
  fence = fence + 1, waiting_code = NULL, waiting_for = NULL, waiting_due_at = NULL
WHERE {_IN_SCOPE[kind]} AND {_MAY_STOP}""",
    ]


_PAGE: Final = """
SELECT stops.*, (SELECT count(*) FROM threads WHERE waiting_for = stops.stop_id) AS threads FROM stops
WHERE stops.is_paused = 1 AND stops.stop_id > ?1 AND (?3 IS NULL OR EXISTS (
  SELECT 1 FROM json_each(?3) AS mine WHERE stops.stop_id = 'campaign:' || mine.value
    OR (stops.stop_id > 'thread:' || mine.value || ':' AND stops.stop_id < 'thread:' || mine.value || ';')
)) ORDER BY stops.stop_id LIMIT ?2"""
_HELD: Final = f"""
SELECT * FROM threads WHERE waiting_for = 'reply' AND thread_id > ?1 AND {within("campaign_id", "?3")}
ORDER BY thread_id LIMIT ?2"""


@dataclass(frozen=True, slots=True)
class _Word:
    """Somebody says this of a scope."""

    stop_id: str
    scope: Scope
    action: StopAction
    by: str
    why: str
    audit_id: str

    def said(self, at: str, threads: int) -> StopSaid:
        """Show it, made durable."""
        return StopSaid(scope=self.stop_id, action=self.action, said_by=self.by, said_at=at, why=self.why, threads=threads)


@dataclass(frozen=True, slots=True)
class _Standing:
    """A scope stands so: its revision, the threads its pause has set aside, and those that have not ended."""

    revision: int
    set_aside: int
    live: int


class D1Stops:
    """`listings.Stops` over D1."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def say(self, scope: Scope, action: StopAction, *, by: str, why: str, reach: Reach = EVERYWHERE) -> StopSaid:
        """See `listings.Stops.say`."""
        stop_id = str(Scope(scope.kind, scope.name.lower())) if scope.kind == "mailbox" else str(scope)
        for _ in range(_TRIES):
            stop = await self._look(stop_id, scope, reach)
            word = _Word(stop_id, scope, action, by, why, audit_id=f"stop:{stop_id}:{uuid4().hex}")
            said = await (self._end(word, stop) if action == "cancel" else self._flip(word, stop))
            if said:
                return said
            if action == "resume":
                break  # somebody said something else meanwhile; only a pause is said again
        raise StopContested(stop_id)

    async def page(self, *, cursor: str | None = None, limit: int = 50, reach: Reach = EVERYWHERE) -> StopPage:
        """See `listings.Stops.page`."""
        (found,) = await self._database.batch([Statement(_PAGE, (cursor or "", limit + 1, reach.as_json))])
        stops = [_view(row) for row in found.rows[:limit]]
        return StopPage(stops, stops[-1].scope if len(found.rows) > limit else None)

    async def held(self, *, cursor: str | None = None, limit: int = 50, reach: Reach = EVERYWHERE) -> HeldPage:
        """See `listings.Stops.held`."""
        (found,) = await self._database.batch([Statement(_HELD, (cursor or "", limit + 1, reach.as_json))])
        names = HeldThread.__dataclass_fields__
        threads = [HeldThread(**{name: row[name] for name in names}) for row in found.rows[:limit]]
        return HeldPage(threads, threads[-1].thread_id if len(found.rows) > limit else None)

    async def _look(self, stop_id: str, scope: Scope, reach: Reach) -> _Standing:
        live = Statement(f"{_LIVE} AND {_IN_SCOPE[scope.kind]}", (stop_id, scope.name))
        stop, aside, living, *known = await self._database.batch(
            [Statement(_STOP, (stop_id,)), Statement(_SET_ASIDE_BY, (stop_id,)), live, *_look_up(scope, reach)]
        )
        _check(scope, known)
        revision = stop.rows[0]["revision"] if stop.rows else 0
        return _Standing(revision, aside.rows[0]["threads"], living.rows[0]["threads"])

    async def _flip(self, word: _Word, stop: _Standing) -> StopSaid | None:
        """Pause or resume; nothing comes back where somebody said something else meanwhile."""
        stop_id, kind, audit_id = word.stop_id, word.scope.kind, word.audit_id
        said = (stop_id, audit_id, stop.revision, word.by, word.action, word.why)
        about = (stop_id, word.scope.name, stop.revision)
        if word.action == "resume":
            moved = [_BRING_BACK, *([_LET_PASS] if kind == "thread" else [])]
        else:
            moved = [] if kind == "everything" else [_set_aside(kind)]
        *_, done, aside, stored = await self._database.batch(
            [
                *(Statement(_AUDIT, said), Statement(_SAY, said), *(Statement(sql, about) for sql in moved)),
                *(Statement(_HAS_SAID, (audit_id,)), Statement(_SET_ASIDE_BY, (stop_id,)), Statement(_STOP, (stop_id,))),
            ]
        )
        threads = aside.rows[0]["threads"] if word.action == "pause" else stop.set_aside
        return word.said(stored.rows[0]["said_at"], threads) if done.rows else None

    async def _end(self, word: _Word, stop: _Standing) -> StopSaid:
        reason = f"cancelled by {word.by}{': ' if word.why else ''}{word.why}"
        *_, audit = await self._database.batch(
            [
                Statement(_AUDIT_CANCEL, (word.audit_id, word.by, word.why)),
                *(Statement(sql, (word.audit_id, word.scope.name, reason)) for sql in _cancel(word.scope.kind)),
                Statement(_HAS_SAID, (word.audit_id,)),
            ]
        )
        return word.said(audit.rows[0]["at"], stop.live)


def _look_up(scope: Scope, reach: Reach) -> list[Statement]:
    if scope.kind == "thread":
        one = Statement("SELECT * FROM threads WHERE thread_id = ?1", (scope.name,))
        return [*look_up_pair(*pair_of(scope.name), reach), one]
    return [look_up_campaign(scope.name, reach)] if scope.kind == "campaign" else []


def _check(scope: Scope, known: list[Result]) -> None:
    """See that the scope is there, within the reach it was looked up with."""
    if scope.kind == "thread":
        thread_of_pair(known, *pair_of(scope.name))
    if scope.kind == "campaign" and not known[0].rows:
        raise UnknownCampaign(scope.name)


def _view(row: Row) -> StopView:
    return StopView(row["stop_id"], row["said_by"], row["said_at"], row["why"], row["threads"])
