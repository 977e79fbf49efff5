"""What a failed request to D1 means. Every failed statement is HTTP 400 with code 7500, so the text decides.

Sources: D1's documented transient errors, and what its local engine says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
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

OVERLOADED = ("overloaded", "exceeded timeout", "memory limit", "out of memory", "CPU limit", "CPU time")


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed try. `retry_after_s` is what the server asked for; `overloaded` asks for longer waits."""

    message: str
    may_retry: bool
    overloaded: bool = False
    retry_after_s: float | None = None


def classify(status: int, message: str, headers: Mapping[str, str]) -> Failure:
    """Decide whether a try that was answered with `status` and `message` may be made again.

    A server error, and a success that is no answer, say nothing about what was written; since every batch is safe to send
    twice, they are retried.
    """
    if _has(message, NEVER_RETRIED):
        return Failure(message, may_retry=False)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Failure(message, may_retry=True, overloaded=True, retry_after_s=_seconds(headers.get("retry-after", "")))
    if is_overload(message):
        return Failure(message, may_retry=True, overloaded=True)
    unclear = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status < HTTPStatus.MULTIPLE_CHOICES
    return Failure(message, may_retry=unclear or _has(message, TRANSIENT))


def is_overload(message: str) -> bool:
    """Tell whether D1 had too much to do; a smaller batch may pass."""
    return _has(message, OVERLOADED)


def _has(message: str, texts: tuple[str, ...]) -> bool:
    return any(text.lower() in message.lower() for text in texts)


def _seconds(text: str) -> float | None:
    try:
        return max(0.0, float(text))
    except ValueError:
        return None
