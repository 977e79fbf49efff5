"""The benchmark's table: what the README quotes is what was measured, beside every target."""

from pathlib import Path

import pytest

from tests.bench.table import FAILS, HEADINGS, LINES, Measure, markdown, missed, rich_table
from tests.goldens import FOLDER

ROOT = Path(__file__).parents[2]
GOLDEN = FOLDER / "bench.md"

# What D1.md and the issue ask for, in the order of the table; a line without a target has an empty cell.
TARGETS = [
    "≥ 81",
    "≤ 5 · ≤ 2",
    "≤ 4 · ≤ 2",
    "≤ 1 · ≤ 1 · ≤ 1 · ≤ 3",
    "≤ 8 · ≤ 7",
    "≤ 60 · ≤ 0.55 · ≤ 120 · ≤ 0.65",
    "",
    "≤ 2",
    "",
    "",
    "≤ 3",
    "≤ 4",
    "≤ 15",
    "≤ 50",
    "≤ 60",
]


def golden_rows() -> list[list[str]]:
    """The cells of the table as it was measured, its headings first."""
    lines = GOLDEN.read_text("utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [rows[0], *rows[2:]]


def figures_at(factor: float) -> dict[str, float]:
    """Figures of which each is `factor` times its target, and 1 where it has none."""
    return {
        measure.name: (measure.most or measure.least or 1) * (1_000_000 if measure.unit == "MB" else 1) * factor
        for line in LINES
        for measure in line.measures
    }


def test_the_readme_quotes_what_was_measured() -> None:
    """Between its marks the README holds the benchmark's own output, in at most 22 lines."""
    quoted = (ROOT / "README.md").read_text("utf-8").split("<!-- bench -->")[1].split("<!-- /bench -->")[0]
    assert quoted.strip("\n") == GOLDEN.read_text("utf-8").strip("\n")
    assert len(quoted.strip("\n").splitlines()) <= 22


def test_the_quoted_table_names_every_target_and_meets_it() -> None:
    """Each line of the table is there with its targets, and the figures that were measured are at or under them."""
    headings, *rows = golden_rows()
    assert headings == list(HEADINGS)
    assert [row[0] for row in rows] == [line.label for line in LINES]
    assert [row[2] for row in rows] == TARGETS
    for line, (_, ours, target, verdict, _) in zip(LINES, rows, strict=True):
        shown = dict(zip((measure.name for measure in line.measures), ours.split(" · "), strict=True))
        scale = {"kB": 1_000, "MB": 1_000_000}
        figures = {measure.name: float(shown[measure.name]) * scale.get(measure.unit, 1) for measure in line.measures}
        assert line.cells(figures, None)[1] == ours
        assert line.holds(figures)
        assert verdict == ("met" if target else "")


def test_figures_at_their_targets_are_met_and_beyond_them_missed() -> None:
    """A target is reached by equality; a hundred times as much misses each upper bound, a hundredth each lower one."""
    assert missed(figures_at(1)) == []
    with_targets = [line.label for line in LINES if any(measure.target for measure in line.measures)]
    lower = [line.label for line in LINES if any(measure.least for measure in line.measures)]
    assert missed(figures_at(100)) == [label for label in with_targets if label not in lower]
    assert missed(figures_at(0.01)) == lower


@pytest.mark.parametrize(("figure", "shown", "holds"), [(550_000, "0.55", True), (556_000, "0.56", False), (0, "0.00", True)])
def test_a_figure_is_judged_as_it_is_printed(figure: float, shown: str, holds: bool) -> None:  # noqa: FBT001  # a case
    """No reader meets a figure above its target that is called met."""
    measure = Measure("chat.bytes_sent", "MB", most=0.55)
    assert (measure.show({"chat.bytes_sent": figure}), measure.holds({"chat.bytes_sent": figure})) == (shown, holds)


def test_what_a_saver_cannot_do_is_said() -> None:
    """A workload without a figure reads `fails`, and misses its target; the service's lines have no peer to compare with."""
    table = markdown(figures_at(1), {}, ["A note."])
    assert table.count(FAILS) == sum(line.is_of_savers for line in LINES)
    assert table.endswith("\n\nA note.\n")
    assert missed({}) == [line.label for line in LINES if any(measure.target for measure in line.measures)]
    assert rich_table(figures_at(1), {}).row_count == len(LINES)
