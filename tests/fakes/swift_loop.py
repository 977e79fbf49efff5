"""An event loop on which waiting takes no time: when nothing is ready it is, at once, as late as the next timer."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Swift(selectors.DefaultSelector):
    """Counts the seconds it would have waited instead of waiting them."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now_s += max(0.0, timeout or 0.0)
        return super().select(0 if timeout is not None else None)


class SwiftLoop(asyncio.SelectorEventLoop):
    """Its time begins at 0; what waits for a thread or a socket would be overtaken, so nothing here may."""

    def __init__(self) -> None:
        self._swift = _Swift()
        super().__init__(self._swift)

    def freeze(self, seconds: float) -> None:
        """Let time pass in which the whole process does nothing."""
        self._swift.now_s += seconds

    def time(self) -> float:
        """Return the seconds that would have passed."""
        return self._swift.now_s


def run_swiftly(story: Coroutine[Any, Any, T]) -> T:
    """Run `story` to its end on a swift loop."""
    with asyncio.Runner(loop_factory=SwiftLoop) as runner:
        return runner.run(story)
