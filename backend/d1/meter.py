"""The data plane's cost, counted where it is sent: requests, rows and bytes, as D1 bills them."""

from dataclasses import asdict, dataclass
from typing import Protocol

from backend.d1.statements import Database, Result


@dataclass(slots=True)
class Meter:
    """Counts since it was made; every try of a request counts. `bytes_sent` is the request bodies in UTF-8."""

    requests: int = 0
    statements: int = 0
    rows_read: int = 0
    rows_written: int = 0
    bytes_sent: int = 0

    def count_request(self, *, statements: int, bytes_sent: int) -> None:
        """Count one request that leaves."""
        self.requests += 1
        self.statements += statements
        self.bytes_sent += bytes_sent

    def count_results(self, results: list[Result]) -> None:
        """Count what an answer says was read and written."""
        self.rows_read += sum(result.rows_read for result in results)
        self.rows_written += sum(result.rows_written for result in results)

    def copy(self) -> "Meter":
        """Return the counts as they stand now."""
        return Meter(**asdict(self))

    def since(self, earlier: "Meter") -> "Meter":
        """Return what was counted after `earlier` was copied."""
        before = asdict(earlier)
        return Meter(**{name: value - before[name] for name, value in asdict(self).items()})


class MeteredDatabase(Database, Protocol):
    """A database that counts what it costs."""

    @property
    def meter(self) -> Meter:
        """The counts of this connection."""
        ...
