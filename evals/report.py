"""A verdict for people: a page of Markdown, and a picture of its bounds against their bars."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evals.drawing import picture, words
from evals.evidence import Evidence

_WIDTH, _LEFT, _ROW = 760, 250, 34
_COLOURS = {"PROMOTE": "#1a7f37", "HOLD": "#9a6700", "ROLLBACK": "#cf222e"}
_DIGESTS = {"policy": "policy_sha256", "data sets": "dataset_sha256", "seal": "seal"}
_MET = {True: "yes", False: "**no**"}
_SENTENCES = {
    "PROMOTE": "The flag may be turned on.",
    "HOLD": "The flag stays as it is.",
    "ROLLBACK": "The flag is to be off.",
}


def to_markdown(evidence: Evidence) -> str:
    """The report of a verdict."""
    verdict, commit = evidence["verdict"], evidence["commit"][:12] or "none"
    asked = [
        f"- `{arm}`: {facts['trials']} trials, asked of {', '.join(facts['models']) or 'no model'}"
        for arm, facts in evidence["arms"].items()
    ]
    digests = ", ".join(f"{name} `{evidence[key][:12]}`" for name, key in _DIGESTS.items())
    lines = [
        f"# {verdict['decision']}: {evidence['flag']}",
        "",
        f"{_SENTENCES[verdict['decision']]} Exit code {verdict['exit_code']}.",
        f"Decided at {evidence['decided_at']} on commit `{commit}`.",
        f"Attempt {evidence['conditions']['attempt']}, with a one-sided error of {evidence['alpha']:g}.",
        "",
        *(f"- {reason}" for reason in verdict["reasons"]),
        *(line for path in verdict["paths"] for line in _path(path)),
        "",
        "## Asked, and with what",
        "",
        *asked,
        *(f"- `{path}`: {_tell_source(source)}" for path, source in sorted(evidence["sources"].items())),
        f"- {digests}",
        f"- {', '.join(f'{name} {number}' for name, number in sorted(evidence['tools'].items()))}",
    ]
    return "\n".join(lines)


def to_svg(evidence: Evidence) -> str:
    """Draw each path's bounds of score and difference, and the bars they are held against."""
    verdict, policy = evidence["verdict"], evidence["policy"]
    parts = [words(16, 28, f"{verdict['decision']} {evidence['flag']}", size=18, fill=_COLOURS[verdict["decision"]])]
    y = 64
    for path in verdict["paths"]:
        parts.append(words(16, y, f"{path['path']} ({path['decision']}, binding: {path['binding']})"))
        for name, key, bar, scale in (
            ("score", "on", policy["bar"], (0.5, 1.0)),
            ("difference", "difference", -policy["margin"], (-0.25, 0.25)),
        ):
            y += _ROW
            parts += _interval(y, name, path[key], path[f"{key}_for_rollback"]["upper"], _Axis(bar, *scale))
        y += _ROW + 12
    return picture(_WIDTH, y, parts)


def _path(path: dict[str, Any]) -> Sequence[str]:
    """One path: its bounds, its criteria, its slices."""
    more = path["more_examples"]
    would = "No number of examples" if more is None else f"{more} more examples"
    return [
        "",
        f"## {path['path']}: {path['decision']}",
        "",
        f"{path['examples']} examples of {path['clusters']} clusters.",
        f"{path['missing']} of {path['cells']} verdicts are missing.",
        f"{would} would do at these rates. What binds: **{path['binding']}**.",
        "",
        "| criterion | found | bar | met |",
        "|---|---:|---:|---|",
        *(_row(each["code"], f"{each['value']:.4g}", f"{each['bar']:.4g}", _MET[each["met"]]) for each in path["criteria"]),
        "",
        "| | mean | lower bound | upper bound |",
        "|---|---:|---:|---:|",
        *(
            _row(name, *(f"{path[key][end]:.3f}" for end in ("mean", "lower", "upper")))
            for name, key in (("score with the flag", "on"), ("difference", "difference"))
        ),
        "",
        "| slice | examples | off | on |",
        "|---|---:|---:|---:|",
        *(_row(each["slice"], f"{each['examples']}", f"{each['off']:.3f}", f"{each['on']:.3f}") for each in path["slices"]),
    ]


def _tell_source(source: dict[str, str]) -> str:
    if "langsmith" in source:
        return f"`{source['langsmith']}` of LangSmith, tag {source['tag']}, version {source['version']}"
    return f"the file {source['file']}, SHA-256 `{source['sha256'][:12]}`"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


@dataclass(frozen=True, slots=True)
class _Axis:
    """The scale of one line, and the bar on it."""

    bar: float
    left: float
    right: float

    def at(self, value: float) -> float:
        """The place of a value, in pixels."""
        share = (min(max(value, self.left), self.right) - self.left) / (self.right - self.left)
        return round(_LEFT + share * (_WIDTH - _LEFT - 60), 1)


def _interval(y: int, name: str, bounds: dict[str, float], upper: float, axis: _Axis) -> list[str]:
    """One line with its ends, its mean and its bar."""
    bar = axis.at(axis.bar)
    return [
        words(32, y + 4, f"{name} {bounds['mean']:.3f} [{bounds['lower']:.3f}, {upper:.3f}]"),
        f'<line x1="{axis.at(axis.left)}" y1="{y}" x2="{axis.at(axis.right)}" y2="{y}" stroke="#d0d7de"/>',
        f'<line x1="{axis.at(bounds["lower"])}" y1="{y}" x2="{axis.at(upper)}" y2="{y}" stroke="#0969da" stroke-width="4"/>',
        f'<circle cx="{axis.at(bounds["mean"])}" cy="{y}" r="5" fill="#0969da"/>',
        f'<line x1="{bar}" y1="{y - 11}" x2="{bar}" y2="{y + 11}" stroke="#cf222e" stroke-width="2"/>',
        words(int(bar) + 5, y - 5, f"bar {axis.bar:g}", size=10, fill="#cf222e"),
    ]
