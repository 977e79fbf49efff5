"""The one source of instants."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells what time it is; the only source of instants."""

    def now(self) -> datetime:
        """Return the present instant, aware and in UTC."""
        ...
