"""A write belongs to one head: that of its task, or, when the run goes on in another task, that of its checkpoint.

A run that is stepped, as by `asyncio.wait_for(anext(stream), 5)`, reads its thread in one task and writes from others, which
inherit nothing. They name the checkpoint they build on, and under that name its head is found here.
"""

from collections import OrderedDict
from dataclasses import dataclass

from backend.checkpointer.fence import Head, ThreadKey
from backend.checkpointer.rows import Stored

MAX_PLACES = 1_000
"""Checkpoints of which a saver remembers who read or wrote them."""


@dataclass(slots=True)
class _Entry:
    """The head of who builds on a checkpoint, what was the newest one then, and the checkpoint put through this entry."""

    head: Head
    newest_id: str | None
    child_id: str | None = None


class Heads:
    """The heads of a saver's runs, by the checkpoint that was read or written last; the oldest are forgotten first."""

    def __init__(self) -> None:
        self._entries: OrderedDict[tuple[ThreadKey, str], _Entry] = OrderedDict()

    def read(self, head: Head, checkpoint_id: str) -> None:
        """Remember a copy of `head`: what another task writes by it must not move the fence of the task that read."""
        copy = Head(head.key, head.newest_id, set(head.blobs), reader=head.reader)
        self._keep(checkpoint_id, _Entry(copy, head.newest_id))

    def of(self, stored: Stored, own: Head | None) -> Head | None:
        """Return the head for `stored`, `own` if the task has one, and let it be found by the checkpoint that is put."""
        put = stored.checkpoint
        head = own or self._found(stored)
        if head and put:
            self._keep(put["checkpoint_id"], _Entry(head, put["checkpoint_id"]))
        return head

    def forget(self) -> None:
        """Drop everything."""
        self._entries.clear()

    def _found(self, stored: Stored) -> Head | None:
        key, put = stored.place[:2], stored.checkpoint
        base = put["parent_id"] if put else stored.place.checkpoint_id
        entry = self._entries.get((key, base or ""))
        if entry is None or put is None:
            return entry.head if entry else None
        if entry.child_id not in {None, put["checkpoint_id"]}:
            return Head(key, entry.newest_id, set())
        entry.child_id = put["checkpoint_id"]
        return entry.head

    def _keep(self, checkpoint_id: str, entry: _Entry) -> None:
        place = (entry.head.key, checkpoint_id)
        self._entries[place] = entry
        self._entries.move_to_end(place)
        while len(self._entries) > MAX_PLACES:
            self._entries.popitem(last=False)
