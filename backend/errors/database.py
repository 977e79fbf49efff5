"""The database refuses, cannot do a thing, or does not answer."""

from backend.errors.base import AgenticSalesError
from backend.errors.requests import BadRequest


class DatabaseError(AgenticSalesError):
    """The database did not do what was asked; a batch is all or nothing, so none of it was written unless said otherwise."""

    status = 503


class StatementRefused(DatabaseError):
    """A statement breaks a limit or rule of D1; nothing was sent."""

    is_internal = True

    def __init__(self, limit: str, found: str) -> None:
        super().__init__(f"D1 does not take this statement: {limit}; found {found}. Nothing was sent.")


class StatementFailed(DatabaseError):
    """D1 ran the batch and refused it; all of it was rolled back. Never retried."""

    is_internal = True

    def __init__(self, message: str) -> None:
        super().__init__(f"D1 refused the batch and rolled it back: {message}")
        self.message = message


class RequestNotTaken(StatementFailed):
    """The server turned the request away and ran none of it. Never retried."""

    def __init__(self, why: str, message: str) -> None:
        super().__init__(message)
        self.args = (f"The database turned the request away ({why}): {message}. Nothing was run.",)


class DatabaseUnreachable(DatabaseError):
    """No clear answer came back after the allowed tries; the batch may have been applied, and is safe to send again."""

    def __init__(self, what: str, tries: int) -> None:
        super().__init__(f"The database gave no clear answer in {tries} tries: {what}. The same batch may be sent again.")


class DatabaseUnwritable(DatabaseError):
    """The database has no room or no right to write; nothing of the batch was written, and it may be sent again later."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The database cannot write: {why}. Nothing was written; make room for it, then the work goes on.")


class ClockDiffers(DatabaseError):
    """This host's clock and the database's are too far apart, so this host sends nothing."""

    def __init__(self, off_s: float) -> None:
        where = "ahead of" if off_s > 0 else "behind"
        super().__init__(
            f"This host's clock is {abs(off_s):.0f} s {where} the database's. Nothing is sent from here until they agree to "
            "30 s; set it by NTP."
        )


class DatabaseFileRefused(DatabaseUnreachable):
    """The embedded database's path cannot be opened as a database; nothing was written."""

    def __init__(self, path: str, why: str) -> None:
        DatabaseError.__init__(
            self,
            f"The database {path} cannot be opened: {why}. Nothing was written; "
            "set D1_URL=sqlite:///PATH to a database, or to a new file in a folder that may be written to.",
        )


class DatabaseMissing(DatabaseError):
    """The embedded database has no file yet, and the command makes none; nothing was done."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"There is no database {path}. Nothing was done; run the command where the service runs, or set D1_URL. "
            "`agentic-sales migrate` makes a new one, and so does `agentic-sales serve`.",
        )


class NotMigrated(DatabaseError):
    """The database lacks migrations of this version."""

    def __init__(self, missing: str) -> None:
        super().__init__(f"The database lacks the migrations {missing}. Run `agentic-sales migrate`.")


class BatchesNotAtomic(DatabaseError):
    """The database may keep half of a batch, so a run could be stored in half; it is not used."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The database has not shown that its batches are atomic: {why}. Nothing was started; "
            "reach it through the bridge Worker instead (D1_URL=https://…), whose batches are transactions.",
        )
        self.why = why


class CheckpointTampered(DatabaseError):
    """A checkpoint row does not read as one this service wrote; nothing was run."""

    is_internal = True

    def __init__(self, thread_id: str, what: str) -> None:
        super().__init__(f"A checkpoint of thread '{thread_id}' was refused: {what}. Nothing was run.")


class ThreadMovedOn(DatabaseError):
    """Another run committed a checkpoint to the thread since this one read it."""

    status = 409

    def __init__(self, thread_id: str) -> None:
        super().__init__(f"Thread '{thread_id}' moved on since this run read it; this call wrote nothing.")


class FilterRefused(BadRequest):
    """A metadata filter names a key that could not have been stored under that name."""

    def __init__(self, key: str) -> None:
        super().__init__(f"The metadata key {key!r} may only have letters, digits and underscores. Nothing was read.")
