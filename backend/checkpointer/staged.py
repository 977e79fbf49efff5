"""The saver's part of a transaction keeps what was read for it and what it wrote so far, read back as if that were durable."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from backend.checkpointer.fence import Head, ThreadKey, Unit, advance, compose
from backend.checkpointer.rows import Page, Stored
from backend.checkpointer.sql import Place
from backend.d1.statements import Row, Statement
from backend.d1.transaction import Guard

_AFTER_ALL_READ = 1_000_000
"""Added to the turn of a staged call, which is after every call that was read."""


@dataclass(slots=True, eq=False)
class Staging:
    """A participant of the transaction; see `backend.d1.transaction`."""

    prefetched: dict[ThreadKey, Page] = field(default_factory=dict[ThreadKey, Page])
    heads: dict[ThreadKey, Head] = field(default_factory=dict[ThreadKey, Head])
    units: list[Unit] = field(default_factory=list[Unit])

    def guards(self) -> Sequence[Guard]:
        """Return the fences of the threads it writes to."""
        return compose(self.units)[0]

    def statements(self) -> Sequence[Statement]:
        """Return what inserts the staged rows."""
        return compose(self.units)[1]

    def committed(self) -> None:
        """Forget what is durable now, and what was read before."""
        advance(self.units)
        self.units.clear()
        self.prefetched.clear()

    def page_of(self, place: Place) -> Page | None:
        """Return what was prefetched, when it answers for `place`: its checkpoint, or that the thread has none."""
        page = self.prefetched.get(place[:2])
        if page is None or place.checkpoint_id is None or _find(page.checkpoints, place.checkpoint_id):
            return page
        return None

    def has(self, place: Place) -> bool:
        """Tell whether the checkpoint that `place` names was written in this transaction."""
        return any(unit.stored.checkpoint and unit.stored.place == place for unit in self.units)

    def overlay(self, place: Place, page: Page) -> Page:
        """Return `page`, the read answer for `place`, with the staged rows laid over it."""
        rows = {row["checkpoint_id"]: row for row in page.checkpoints}
        rows |= {
            row["checkpoint_id"]: row
            for unit in self.units
            if unit.stored.place[:2] == place[:2] and (row := unit.stored.checkpoint)
        }
        chosen = rows.get(place.checkpoint_id or next(reversed(rows), ""))
        return self.lay_over(Page([chosen] if chosen else [], page.writes, page.blobs))

    def lay_over(self, page: Page) -> Page:
        """Return `page` with the staged writes and blobs."""
        staged = [unit.stored for unit in self.units]
        return Page(page.checkpoints, [*page.writes, *_writes(staged)], [*page.blobs, *_blobs(staged)])

    def climb(self, place: Place) -> tuple[list[Row], Place | None]:
        """Go up the parents of `place` while they are staged: return those, nearest first, and the first that is not.

        That is `place` itself when it is not staged, and None past a checkpoint without a parent.
        """
        staged = {unit.stored.place: unit.stored.checkpoint for unit in self.units if unit.stored.checkpoint}
        found: list[Row] = []
        here = place
        while row := staged.get(here):
            if here != place:
                found.append(row)
            if row["parent_id"] is None:
                return found, None
            here = here._replace(checkpoint_id=row["parent_id"])
        return found, here


def _find(rows: Sequence[Row], checkpoint_id: str) -> bool:
    return any(row["checkpoint_id"] == checkpoint_id for row in rows)


def _writes(stored: Sequence[Stored]) -> list[Row]:
    rows = [each.writes for each in stored if each.writes]
    return [{**row, "seq": _AFTER_ALL_READ + turn} for turn, row in enumerate(rows)]


def _blobs(stored: Sequence[Stored]) -> list[Row]:
    return [row for each in stored for blob in each.blobs.values() for row in blob.rows]
