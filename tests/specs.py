"""The plugin that ties specs to tests: a suite with an unproven sentence, or a proof of nothing, does not start.

A spec sentence is a paragraph `**AA02-R7** — sentence.` in `specs/*.md`; a test cites it with `@pytest.mark.req("AA02-R7")`.
A citation of no sentence is refused always; a sentence without a test only when all of `tests` is collected. Deselecting by
`-k` or `-m` happens later and changes nothing here.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

_SENTENCE = re.compile(
    r"""^ (?P<struck> ~~ )? \*\* (?P<id> [A-Z][A-Z0-9]*-R[1-9][0-9]* ) \*\* [ ]—[ ] (?P<text> .+? ) (?= \n\s*\n | \Z )""",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)


class Sentence(NamedTuple):
    """A numbered sentence; a withdrawn one stays in its spec, struck through, and is no longer in force."""

    req: str
    text: str
    in_force: bool


def numbered_sentences(markdown: str) -> list[Sentence]:
    """The sentences of one spec in the order they stand, each on one line."""
    found = _SENTENCE.finditer(markdown)
    return [Sentence(match["id"], " ".join(match["text"].split()), match["struck"] is None) for match in found]


def read_sentences(folder: Path) -> list[Sentence]:
    """The sentences of every spec in `folder`."""
    return [sentence for path in sorted(folder.glob("*.md")) for sentence in numbered_sentences(path.read_text("utf-8"))]


def cited_sentences(items: Iterable[pytest.Item]) -> dict[str, str]:
    """Every id the collected tests cite, with the first test that cites it."""
    cited: dict[str, str] = {}
    for item in items:
        for marker in item.iter_markers("req"):
            for req in marker.args:
                cited.setdefault(str(req), item.nodeid)
    return cited


def refusals(sentences: Sequence[Sentence], cited: Mapping[str, str], *, whole_suite: bool) -> list[str]:
    """What keeps the suite from starting, as sentences; empty when specs and tests agree."""
    numbered = Counter(sentence.req for sentence in sentences)
    in_force = {sentence.req for sentence in sentences if sentence.in_force}
    reused = [req for req, count in numbered.items() if count > 1]
    unknown = [f"{req} ({cited[req]})" for req in sorted(cited.keys() - in_force, key=_by_number)]
    unproven = sorted(in_force - cited.keys(), key=_by_number) if whole_suite else []
    findings = {
        "These spec ids number more than one sentence": reused,
        "No spec has the sentences these tests cite": unknown,
        "No test is the evidence for these spec sentences": unproven,
    }
    return [f"{finding}: {', '.join(found)}." for finding, found in findings.items() if found]


def covers_whole_suite(config: pytest.Config) -> bool:
    """Whether this run was asked for all of `tests`, rather than for some of its folders, files or tests."""
    if config.option.ignore or config.option.ignore_glob:
        return False
    suite = config.rootpath / "tests"
    asked = [(config.invocation_params.dir / argument).resolve() for argument in config.args]
    return any(suite.is_relative_to(path) for path in asked)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse to start, as a failed collection of nothing: so xdist's workers can report it, and have nothing to run."""
    whole_suite = covers_whole_suite(config) and not session.testsfailed
    found = refusals(read_sentences(config.rootpath / "specs"), cited_sentences(items), whole_suite=whole_suite)
    if found:
        report = pytest.CollectReport(nodeid="specs", outcome="failed", longrepr="\n".join(found), result=[])
        config.hook.pytest_collectreport(report=report)
        items.clear()


def _by_number(req: str) -> tuple[str, int]:
    spec, _, number = req.partition("-R")
    return spec, int(number) if number.isdigit() else 0
