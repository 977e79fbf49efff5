"""SQL finds whether the hour of a touch has come and a place is free, inside the reservation that takes it."""

from typing import Final

from backend.d1.clock import NOW, later

PLACES_SEEN: Final = 100
"""Of those that wait for places of a mailbox or a domain, so many times its cap are counted."""

# ?1 and ?2 are the touch, ?12 the mailbox and ?13 the limits as JSON, null where there is none. `contacts` is in scope.


def _limit(name: str) -> str:
    return f"(?13 ->> '{name}')"


_MAILBOX = "lower(?12)"
_QUEUE_OF_MAILBOX, _QUEUE_OF_DOMAIN = f"'cap:' || {_MAILBOX}", f"'cap:@' || {_limit('domain')}"

# This touch takes its place only once.
_IS_ANOTHER = "(other.thread_id, other.step) <> (?1, ?2)"


def _full_at(column: str, value: str, cap: str, period_s: int, queue: str) -> str:
    """SQL of the instant at which the oldest of the last `cap` emails of the period was claimed; NULL while a place is free.

    Whoever has not waited yet leaves a place to each that waits; where that leaves none, the place is one of this instant. It
    reads a few rows a place.
    """
    since = later(f"-{period_s}")
    taken = f"FROM send_ledger AS other WHERE other.{column} = {value} AND other.reserved_at > {since} AND {_IS_ANOTHER}"
    return f"""CASE WHEN {_limit(cap)} IS NOT NULL THEN COALESCE(
  (SELECT other.reserved_at {taken} ORDER BY other.reserved_at DESC LIMIT 1 OFFSET {_limit(cap)} - 1),
  CASE WHEN threads.waiting_for IS NULL AND EXISTS (SELECT 1 {_stands_in(queue)})
    AND (SELECT count(*) FROM (SELECT 1 {taken} LIMIT {_limit(cap)})) + {_waiting(queue, _limit(cap))} >= {_limit(cap)}
  THEN {since} END
) END"""


def _waiting(queue: str, most: str) -> str:
    return f"(SELECT count(*) FROM (SELECT 1 {_stands_in(queue)} LIMIT {most}))"


def _stands_in(queue: str) -> str:
    """SQL of the others in a queue; while a person is asked again, a touch keeps its turn and keeps nobody waiting."""
    return f"FROM threads AS queued WHERE queued.waiting_for = {queue} AND queued.thread_id <> ?1 AND queued.status = 'decided'"


DAY_S: Final = 86_400
HOUR_S: Final = 3_600

_IS_OPEN = f"({NOW} >= COALESCE({_limit('opens_at')}, '') AND {NOW} < COALESCE({_limit('closes_at')}, '9'))"
_WRITTEN_TO_AT = f"""CASE WHEN {_limit("gap_s")} > 0 THEN (
  SELECT max(other.reserved_at) FROM contacts AS same CROSS JOIN send_ledger AS other ON other.contact_id = same.contact_id
    AND other.reserved_at > {later(f"-{_limit('gap_s')}")} AND {_IS_ANOTHER}
    AND other.state IN ('reserved', 'sent', 'unknown')
  WHERE same.address_sha256 = contacts.address_sha256
) END"""
_MAILBOX_DAY = _full_at("mailbox", _MAILBOX, "mailbox_a_day", DAY_S, _QUEUE_OF_MAILBOX)
_MAILBOX_HOUR = _full_at("mailbox", _MAILBOX, "mailbox_an_hour", HOUR_S, _QUEUE_OF_MAILBOX)
_DOMAIN_DAY = _full_at("recipient_domain", _limit("domain"), "domain_a_day", DAY_S, _QUEUE_OF_DOMAIN)

MAY_LEAVE_NOW: Final = f"""
{_IS_OPEN} AND {_WRITTEN_TO_AT} IS NULL AND {_MAILBOX_DAY} IS NULL AND {_MAILBOX_HOUR} IS NULL AND {_DOMAIN_DAY} IS NULL"""
"""SQL that holds while the window is open, the address has been left alone for long enough, and every cap has a place free."""

MAILBOX: Final = _MAILBOX
RECIPIENT_DOMAIN: Final = _limit("domain")
"""SQL of what this touch takes a place of: the mailbox, and the domain where that is limited."""

GIVE_PLACE_UP: Final = """
UPDATE send_ledger SET mailbox = NULL, recipient_domain = NULL
WHERE thread_id = ?1 AND step = ?2 AND attempt_id = ?3 AND state IN ('failed', 'not_delivered')"""
"""An attempt (thread, step, attempt) that did not leave takes no place."""

SINCE: Final = f"""
{_IS_OPEN} AS is_open, {_WRITTEN_TO_AT} AS written_to_at, {_MAILBOX_DAY} AS mailbox_day_at, {_MAILBOX_HOUR} AS mailbox_hour_at,
  {_DOMAIN_DAY} AS domain_day_at"""
"""Columns that say what keeps a touch back, and since when."""

QUEUES: Final = f"""
CASE WHEN mailbox_day_at IS NOT NULL OR mailbox_hour_at IS NOT NULL
  THEN {_waiting(_QUEUE_OF_MAILBOX, f"{PLACES_SEEN} * COALESCE({_limit('mailbox_a_day')}, {_limit('mailbox_an_hour')})")}
  WHEN domain_day_at IS NOT NULL THEN {_waiting(_QUEUE_OF_DOMAIN, f"{PLACES_SEEN} * {_limit('domain_a_day')}")}
  ELSE 0 END AS ahead,
  CASE WHEN mailbox_day_at IS NOT NULL OR mailbox_hour_at IS NOT NULL THEN {_QUEUE_OF_MAILBOX}
  WHEN domain_day_at IS NOT NULL THEN {_QUEUE_OF_DOMAIN} END AS queue"""
"""Columns over those of `SINCE`: the queue to stand in, and how many stand there."""
