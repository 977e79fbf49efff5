"""A failed request to D1 is read for what it means. Every failed statement is HTTP 400 with code 7500, so the text decides.

Sources: D1's documented transient errors, and what its local engine says.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

NEVER_RETRIED = ("constraint failed", "syntax error", "SQLITE_ERROR", "SQLITE_TOOBIG", "string or blob too big", "no such ")

TRANSIENT = (
    "Network connection lost",
    "D1 DB reset because its code was updated",
    "Internal error while starting up D1 DB storage caused object to be reset",
    "Internal error in D1 DB storage caused object to be reset",
    "Cannot resolve D1 DB due to transient issue on remote node",
    "Can't read from request stream because client disconnected",
)

TURNED_AWAY = {
    HTTPStatus.UNAUTHORIZED: "D1_TOKEN is not its token",
    HTTPStatus.FORBIDDEN: "D1_TOKEN may not use it",
    HTTPStatus.NOT_FOUND: "D1_URL is not its address",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the batch is over what one request holds",
}
"""With these nothing was run; each says why."""

OVERLOADED = ("overloaded", "exceeded timeout", "memory limit", "out of memory", "CPU limit", "CPU time")


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed try. `retry_after_s` is what the server asked for; `overloaded` asks for longer waits.

    `turned_away` says why nothing of the batch was run, when that is known.
    """

    message: str
    may_retry: bool
    overloaded: bool = False
    retry_after_s: float | None = None
    turned_away: str = ""


def classify(status: int, message: str, headers: Mapping[str, str]) -> Failure:
    """Decide whether a try that was answered with `status` and `message` may be made again.

    A server error, and a success that is no answer, say nothing about what was written; since every batch is safe to send
    twice, they are retried.
    """
    if _has(message, NEVER_RETRIED):
        return Failure(message, may_retry=False)
    if status in TURNED_AWAY:
        return Failure(message, may_retry=False, turned_away=TURNED_AWAY[HTTPStatus(status)])
    overloaded = status == HTTPStatus.TOO_MANY_REQUESTS or is_overload(message)
    unclear = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status < HTTPStatus.MULTIPLE_CHOICES
    may_retry = overloaded or unclear or _has(message, TRANSIENT)
    return Failure(message, may_retry, overloaded, _seconds(headers.get("retry-after", "")))


def is_overload(message: str) -> bool:
    """Tell whether D1 had too much to do; a smaller batch may pass."""
    return _has(message, OVERLOADED)


def _has(message: str, texts: tuple[str, ...]) -> bool:
    return any(text.lower() in message.lower() for text in texts)


def _seconds(text: str) -> float | None:
    """Return how long `retry-after` asks to wait, in seconds or until a date; None when it says neither."""
    try:
        seconds = float(text)
    except ValueError:
        return _seconds_until(text)
    return None if math.isnan(seconds) else max(0.0, seconds)


def _seconds_until(text: str) -> float | None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
