"""The figures beside their targets: one line a claim of the README, as a rich table or as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rich.table import Table

Unit = Literal["", "kB", "MB", "s"]
Figures: TypeAlias = Mapping[str, float]
"""What was measured of one saver, by name such as `chat.requests`; what it cannot do is missing."""

DIVISORS: dict[Unit, float] = {"": 1, "kB": 1_000, "MB": 1_000_000, "s": 1}
DECIMALS: dict[Unit, int] = {"": 0, "kB": 1, "MB": 2, "s": 2}
FAILS = "fails"
HEADINGS = ("measured through the Worker on the real local D1", "`D1Saver`", "target", "", "the peer on D1")


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of a line; `most` or `least` is its target in `unit`, if it has one."""

    name: str
    unit: Unit = ""
    most: float | None = None
    least: float | None = None

    def show(self, figures: Figures) -> str:
        """The figure as it is printed."""
        if self.name not in figures:
            return FAILS
        return f"{figures[self.name] / DIVISORS[self.unit]:.{DECIMALS[self.unit]}f}"

    @property
    def target(self) -> str:
        """The target as it is printed."""
        if self.most is not None:
            return f"≤ {self.most:g}"
        return f"≥ {self.least:g}" if self.least is not None else ""

    def holds(self, figures: Figures) -> bool:
        """Whether the figure, as it is printed, is at its target; a figure without one always is."""
        shown = self.show(figures)
        if self.most is not None:
            return shown != FAILS and float(shown) <= self.most
        return self.least is None or (shown != FAILS and float(shown) >= self.least)


@dataclass(frozen=True, slots=True)
class Line:
    """Measures that are read together, and what they are."""

    label: str
    measures: tuple[Measure, ...]

    def cells(self, ours: Figures, peer: Figures | None) -> tuple[str, str, str, str, str]:
        """The line's cells, in the order of `HEADINGS`."""
        target = " · ".join(measure.target for measure in self.measures if measure.target)
        verdict = "" if not target else "met" if self.holds(ours) else "missed"
        theirs = "" if peer is None or not self.is_of_savers else self._show(peer)
        return self.label, self._show(ours), target, verdict, theirs

    @property
    def is_of_savers(self) -> bool:
        """Whether a saver alone can be asked for it; the service's own cost has no peer."""
        return not any(measure.name.startswith("service ") for measure in self.measures)

    def holds(self, ours: Figures) -> bool:
        """Whether every measure is at its target."""
        return all(measure.holds(ours) for measure in self.measures)

    def _show(self, figures: Figures) -> str:
        shown = [measure.show(figures) for measure in self.measures]
        return FAILS if set(shown) == {FAILS} else " · ".join(shown)


LINES: tuple[Line, ...] = (
    Line("conformance tests passed, of 81", (Measure("conformance.passed", least=81),)),
    Line(
        "requests, start → interrupt, sync · exit",
        (Measure("start sync.requests", most=5), Measure("start exit.requests", most=2)),
    ),
    Line(
        "requests, resume → end, sync · exit",
        (Measure("resume sync.requests", most=4), Measure("resume exit.requests", most=2)),
    ),
    Line(
        "requests, get_state · history of 20 · delete_thread · update_state",
        (
            Measure("get_state.requests", most=1),
            Measure("history.requests", most=1),
            Measure("delete_thread.requests", most=1),
            Measure("update_state.requests", most=3),
        ),
    ),
    Line(
        "rows written, sync, start → interrupt · resume → end",
        (Measure("start sync.rows_written", most=8), Measure("resume sync.rows_written", most=7)),
    ),
    Line(
        "chat of 10 turns, sync: requests · MB sent · rows written · MB grown",
        (
            Measure("chat.requests", most=60),
            Measure("chat.bytes_sent", "MB", most=0.55),
            Measure("chat.rows_written", most=120),
            Measure("chat.database_bytes", "MB", most=0.65),
        ),
    ),
    Line(
        "rows read, chat of 10 turns · get_state · history of 20",
        (Measure("chat.rows_read"), Measure("get_state.rows_read"), Measure("history.rows_read")),
    ),
    Line("requests, get_state over a delta channel after 8 turns", (Measure("delta get_state.requests", most=2),)),
    Line(
        "seconds, chat of 10 turns, at 0 · 60 · 150 ms a request",
        tuple(Measure(f"chat.wall_s at {latency_ms} ms", "s") for latency_ms in (0, 60, 150)),
    ),
    Line(
        "seconds, start → interrupt → end, sync, at 0 · 60 · 150 ms",
        tuple(Measure(f"thread.wall_s at {latency_ms} ms", "s") for latency_ms in (0, 60, 150)),
    ),
    Line(
        "one composed touch of the service: requests · rows written · kB sent",
        (
            Measure("service touch.requests", most=3),
            Measure("service touch.rows_written"),
            Measure("service touch.bytes_sent", "kB"),
        ),
    ),
    Line(
        "one approved send of the service: requests · rows written · kB sent",
        (
            Measure("service send.requests", most=4),
            Measure("service send.rows_written"),
            Measure("service send.bytes_sent", "kB"),
        ),
    ),
    Line(
        "a tick of 100 due threads at 60 ms a request: requests · rows written · kB sent · seconds",
        (
            Measure("service tick.requests", most=15),
            Measure("service tick.rows_written"),
            Measure("service tick.bytes_sent", "kB"),
            Measure("service tick.wall_s", "s"),
        ),
    ),
    Line(
        "100 approvals at once, at 60 ms a request: requests · seconds",
        (Measure("service approvals.requests", most=50), Measure("service approvals.wall_s", "s")),
    ),
    Line(
        "seconds, a tick of 100 with one model call of 50 s and the others of 5 s, ideal 55",
        (Measure("service straggler.wall_s", "s", most=60),),
    ),
)


def missed(ours: Figures) -> list[str]:
    """The labels of the lines whose targets do not hold."""
    return [line.label for line in LINES if not line.holds(ours)]


def rich_table(ours: Figures, peer: Figures) -> Table:
    """The table for a terminal."""
    table = Table(*(heading.replace("`", "") for heading in HEADINGS))
    for line in LINES:
        table.add_row(*line.cells(ours, peer))
    return table


def markdown(ours: Figures, peer: Figures, notes: Sequence[str]) -> str:
    """The table for the README, and what has to be said beside it."""
    rows = [HEADINGS, ("---",) * len(HEADINGS), *(line.cells(ours, peer) for line in LINES)]
    return "\n".join([*_rows(rows), "", *notes, ""])


def _rows(rows: Iterable[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(cells) + " |" for cells in rows]
