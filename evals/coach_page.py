"""The comparison of coach and flat sequence for people: a page of Markdown, and two pictures."""

from evals.coach import Comparison, Finding
from evals.drawing import picture, words
from evals.statistics import Bounds
from evals.trials import ARMS

CLAIM = "A sequence planned once keeps its argument and its tone, and repeats itself less, for one more model call a thread."
_COLOURS = {"off": "#6e7781", "on": "#0969da"}
_WORDS = {"less": "#1a7f37", "more": "#cf222e", "no difference shown": "#6e7781"}
_WIDTH, _LEFT, _RIGHT, _ROW = 760, 330, 700, 40
_HEAD = ["| | flat | with the coach | difference | one-sided 95 % bounds | |", "|---|---:|---:|---:|---:|---|"]


def to_markdown(of: Comparison) -> str:
    """The report; the pictures lie beside it."""
    source = f"`{of.source['file']}` (SHA-256 `{of.source['sha256'][:12]}`)"
    lines = [
        "# The coach against the flat sequence",
        "",
        f"The claim: *{CLAIM}*",
        "",
        f"**{headline(of)}**",
        "",
        *_HEAD,
        *(_row(finding) for finding in of.findings),
        "",
        "![Both arms](coach-arms.svg)",
        "",
        "![The difference that the coach makes](coach-differences.svg)",
        "",
        "## Measured, and how",
        "",
        f"- {of.threads} threads of {source}; repetitions: {of.repetitions}.",
        "- Each ran through the whole campaign graph, every draft approved as it stood, until the thread had ended.",
        f"- Models: {', '.join(of.models) or 'none'}. A model's plan governed {of.treated:.0%} of the coached threads.",
        f"- Trials that came to no draft: {of.failed['off']} flat, {of.failed['on']} with the coach.",
        "- A share is of a thread's touches. A thread counts where every trial of it came back in both arms. Bounds are over",
        "  clusters, as the gate's; a difference is shown when they leave zero out.",
        "- The rules are the gate's (`specs/EVALS-golden-datasets.md`). They read words and not minds: what is said again in",
        "  other words escapes them. A shorter sequence has less to repeat, so read repetition beside emails a thread.",
        *([] if of.models else ["- Latency is not told: without a model it is this machine's and nothing else."]),
        "",
        "Made by `agentic-sales evals coach-report`.",
    ]
    return "\n".join(lines) + "\n"


def headline(of: Comparison) -> str:
    """Say in a sentence or two whether the claim holds, or that nobody can tell."""
    if not of.models:
        return "Not tested: no model is configured, so both arms are the same texts by rule, and what follows is about those."
    if not of.tested:
        return f"Not tested: a model's plan governed {of.treated:.0%} of the coached threads, and the defaults the others."
    drift, repetition = of.find("drift").word, of.find("repetition").word
    found = f"drift: {drift}; repetition: {repetition}"
    calls = f"It made {of.find('calls').difference.mean:+.1f} model calls a thread."
    if drift == repetition == "less":
        return f"It holds here: less drift and less repetition. {calls}"
    if "more" in {drift, repetition}:
        return f"It does not hold here. With the coach, {found}. {calls}"
    if "less" in {drift, repetition}:
        return f"It holds in part. With the coach, {found}. {calls}"
    return f"It does not show here: neither drift nor repetition differ by more than chance. {calls}"


def arms_svg(of: Comparison) -> str:
    """Draw each measure in both arms, from nothing to the most there can be, or to the most there was."""
    rows: list[str] = []
    for place, finding in enumerate(of.findings):
        y = 60 + place * _ROW
        most = 1.0 if _is_share(finding) else max(bounds.upper for bounds in finding.arms.values()) or 1.0
        rows += [_label(y, finding), f'<line x1="{_LEFT}" y1="{y}" x2="{_RIGHT}" y2="{y}" stroke="#d0d7de"/>']
        rows.append(words(_RIGHT + 8, y + 4, _tell(most, finding), size=10))
        for arm, shift in zip(ARMS, (-6, 6), strict=True):
            rows += _bar(y + shift, finding.arms[arm], (0, most), _COLOURS[arm])
    legend = "".join(words(_LEFT + 90 * at, 28, name, fill=_COLOURS[arm]) for at, (arm, name) in enumerate(_LEGEND))
    return picture(_WIDTH, 60 + len(of.findings) * _ROW, [words(16, 28, "Both arms", size=16), legend, *rows])


def differences_svg(of: Comparison) -> str:
    """Draw the differences of the shares, in points of a hundred, around zero."""
    shares = [finding for finding in of.findings if _is_share(finding)]
    reach = max((abs(end) for each in shares for end in (each.difference.lower, each.difference.upper)), default=0) or 0.1
    middle = (_LEFT + _RIGHT) // 2
    rows = [f'<line x1="{middle}" y1="40" x2="{middle}" y2="{40 + len(shares) * _ROW}" stroke="#cf222e"/>']
    for place, finding in enumerate(shares):
        y = 60 + place * _ROW
        rows += [_label(y, finding), *_bar(y, finding.difference, (-reach, reach), _WORDS[finding.word])]
    ends = words(_LEFT - 20, 28, f"{-reach:+.1%}") + words(_RIGHT - 20, 28, f"{reach:+.1%}")
    title = words(16, 28, "With the coach minus flat", size=16)
    return picture(_WIDTH, 60 + len(shares) * _ROW, [title, ends, *rows])


_LEGEND = (("off", "flat"), ("on", "with the coach"))


def _is_share(finding: Finding) -> bool:
    return finding.measure.most == 1


def _row(finding: Finding) -> str:
    measure, difference = finding.measure, finding.difference
    cells = [
        f"{measure.name}: {measure.says}",
        *(_tell(finding.arms[arm].mean, finding) for arm in ARMS),
        _tell(difference.mean, finding, signed=True),
        f"{_tell(difference.lower, finding, signed=True)} to {_tell(difference.upper, finding, signed=True)}",
        finding.word,
    ]
    return f"| {' | '.join(cells)} |"


def _tell(value: float, finding: Finding, *, signed: bool = False) -> str:
    value, sign = value + 0.0, "+" if signed else ""  # no minus zero
    if _is_share(finding):
        return f"{value:{sign}.1%}"
    digits = 4 if finding.measure.unit == "$" else 2
    return f"{value:{sign}.{digits}f}{f' {finding.measure.unit}' if finding.measure.unit else ''}"


def _label(y: int, finding: Finding) -> str:
    return words(16, y + 4, finding.measure.name) + words(106, y + 4, finding.measure.says, size=10)


def _bar(y: int, bounds: Bounds, ends: tuple[float, float], colour: str) -> list[str]:
    low, mean, high = (_place(value, ends) for value in (bounds.lower, bounds.mean, bounds.upper))
    return [
        f'<line x1="{low}" y1="{y}" x2="{high}" y2="{y}" stroke="{colour}" stroke-width="4"/>',
        f'<circle cx="{mean}" cy="{y}" r="4" fill="{colour}"/>',
    ]


def _place(value: float, ends: tuple[float, float]) -> float:
    share = (min(max(value, ends[0]), ends[1]) - ends[0]) / (ends[1] - ends[0])
    return round(_LEFT + share * (_RIGHT - _LEFT), 1)
