"""Logs, configured in this one place: one event a line on standard error, made of ids, counts and the names of things.

What may be said is a list of keys; of anything beyond it only the key is named. An exception is told by its type and by the
places it passed, never in its own words, because they may quote an address or an email.
"""

import logging
import re
import sys
import traceback
from typing import Any, Final

import structlog
from structlog.typing import EventDict, WrappedLogger

from backend.errors import SettingRefused

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
KEYS: Final = frozenset(
    {
        *("event", "level", "timestamp", "logger", "exception", "error", "beyond_the_list"),
        *("thread_id", "campaign_id", "contact_id", "draft_id", "fence", "step", "attempts"),
        *("claimed", "sent", "failed", "status", "scheduled", "awaiting_approval", "decided", "completed", "stopped", "parked"),
        *("left", "absent", "threads"),
        *(
            "lease_lost",
            "not_committed",
            "model_failures",
            "prompt",
            "why",
            "method",
            "path",
            "status_code",
        ),
    }
)
_OF_A_LINK: Final = re.compile(r"^(/u/).*", re.DOTALL)
"""Whoever has the rest of such a path may use the link that it is."""
_SERVER: Final = "uvicorn"
_ACCESS: Final = "uvicorn.access"


def configure_logs(level: str, *, at_least: str = "DEBUG") -> None:
    """Write events from the more severe of `level` and `at_least` on, this service's and its server's.

    They are JSON, or colours where a person looks on.

    Raises:
        SettingRefused: `level` is none of DEBUG, INFO, WARNING and ERROR.
    """
    name = level.strip().upper()
    if name not in LEVELS:
        raise SettingRefused("LOG_LEVEL", f"is {level!r}, which is none of {', '.join(LEVELS)}")  # noqa: EM101  # a name
    name = max(name, at_least, key=LEVELS.index)
    render = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(name),
        logger_factory=_to_standard_error,
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            _without_words,
            _within_the_list,
            render,
        ],
    )
    logging.basicConfig(handlers=[_Forward()], level=logging.WARNING, force=True)
    logging.getLogger(_ACCESS).setLevel(name)


def _to_standard_error(*_names: Any) -> structlog.PrintLogger:
    return structlog.PrintLogger(sys.stderr)


def _without_words(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Turn a traceback into types and places."""
    error = _raised(event.pop("exc_info", None))
    if error is not None:
        event["exception"] = _told(error)
    return event


def _raised(exc_info: Any) -> BaseException | None:
    """The exception that `exc_info` stands for, in each form logging takes it."""
    match exc_info:
        case True:
            return sys.exc_info()[1]
        case BaseException() as error:
            return error
        case (_, BaseException() as error, _):
            return error
        case _:
            return None


def _told(error: BaseException) -> list[str]:
    """`Type at file:line function`, from the outermost call to the innermost, and the same of what caused it."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    cause = error.__cause__ or error.__context__
    return [type(error).__name__, *places, *(_told(cause) if cause else [])]


def _within_the_list(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    beyond = sorted(map(str, event.keys() - KEYS))
    kept = {key: value for key, value in event.items() if key in KEYS}
    return kept | {"beyond_the_list": beyond} if beyond else kept


class _Forward(logging.Handler):
    """Takes the records of the standard library's logging, which the server and the libraries write."""

    def emit(self, record: logging.LogRecord) -> None:
        """Tell a request by its path without the query, the server by its words, and a library only by its name and place."""
        log = structlog.get_logger().bind(logger=record.name)
        if record.name == _ACCESS and isinstance(record.args, tuple):
            _client, method, target, _version, status_code = record.args
            path = _OF_A_LINK.sub(r"\1…", str(target).partition("?")[0])
            log.info("http.request", method=method, path=path, status_code=status_code)
            return
        event = record.getMessage().strip() if record.name.startswith(_SERVER) else f"{record.module}:{record.lineno}"
        log.log(record.levelno, event, exc_info=record.exc_info)
