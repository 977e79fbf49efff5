"""What a failure of D1 means: every failed statement is HTTP 400 with code 7500, so the text decides.

Source: D1's own list of transient errors, and what the local engine says.
"""

from collections.abc import Mapping
from dataclasses import dataclass

TRANSIENT = (
    "Network connection lost",
    "D1 DB reset because its code was updated",
    "Internal error while starting up D1 DB storage caused object to be reset",
    "Internal error in D1 DB storage caused object to be reset",
    "Cannot resolve D1 DB due to transient issue on remote node",
    "Can't read from request stream because client disconnected",
)
OVERLOADED = ("overloaded", "exceeded timeout", "memory limit", "out of memory", "exceeded its memory", "cpu time", "cpu limit")

TOO_MANY_REQUESTS = 429
FIRST_SERVER_ERROR = 500
UNAUTHORIZED = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed try. `retry_after_s` is what the server asked for; `overloaded` asks for a longer wait."""

    message: str
    may_retry: bool
    overloaded: bool = False
    retry_after_s: float | None = None


def classify(status: int, message: str, headers: Mapping[str, str]) -> Failure:
    """Decide whether a failed try may be made again; constraint, syntax and TOOBIG errors never are."""
    if status == TOO_MANY_REQUESTS:
        return Failure(message, may_retry=True, overloaded=True, retry_after_s=_seconds(headers.get("retry-after")))
    if is_overload(message):
        return Failure(message, may_retry=True, overloaded=True)
    transient = any(text.lower() in message.lower() for text in TRANSIENT)
    return Failure(message, may_retry=transient or status >= FIRST_SERVER_ERROR or _is_no_verdict(status, message))


def is_overload(message: str) -> bool:
    """Tell whether D1 had too much to do; a smaller batch may pass."""
    lowered = message.lower()
    return any(text in lowered for text in OVERLOADED)


def _is_no_verdict(status: int, message: str) -> bool:
    """An answer of 200 that is no answer says nothing about what was written."""
    return status < 300 and message.startswith("HTTP ")  # noqa: PLR2004  # the 2xx class


def _seconds(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text is not None else None
    except ValueError:
        return None
