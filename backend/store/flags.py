"""The stored flags: read once a run, in a batch that reads other things too, and laid over the environment's defaults."""

from backend.d1.statements import Result, Statement
from backend.domain.flags import Flags

READ_FLAGS = Statement("SELECT name, value FROM flags")


def take_flags(defaults: Flags, found: Result) -> Flags:
    """Read the result of `READ_FLAGS`; 1 is on, and whatever else a hand may have written is off."""
    return defaults.overridden({row["name"]: row["value"] == 1 for row in found.rows})
