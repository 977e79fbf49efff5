"""The evidence of one decision: a sealed JSON file with its cells beside it, from which the decision can be made again.

It holds ids, scores and hashes, and no word of a draft or of a contact.
"""

import json
import platform
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from backend.domain.instants import to_text
from backend.domain.release import POLICY, GateRecord, Misfit, Policy, find_misfit, short
from backend.source import Commit
from evals.gate import EXIT_CODES, Conditions, decide
from evals.trials import ARMS, Design, Metric, Pinned, Trial, dump, read_trial

VERDICTS = Path("evals/verdicts")
"""The folder verdicts are kept in unless another is named."""
_FORMAT = 1
_TOOLS = ("agentic-sales", "langgraph", "langsmith", "langchain-openai")

Evidence = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Everything a decision is made from; `sources` says of each path where its examples were read."""

    flag: str
    designs: Sequence[Design]
    trials: Sequence[Trial]
    conditions: Conditions
    commit: Commit
    decided_at: datetime
    sources: Mapping[str, Mapping[str, str]]


def write_evidence(folder: Path, of: Measurement, policy: Policy = POLICY) -> tuple[Path, Evidence]:
    """Decide, and keep the decision and its cells in `folder`; the file of the decision is written last, and whole."""
    trials = sorted(of.trials, key=lambda trial: trial.key)
    lines = "".join(f"{trial.line()}\n" for trial in trials)
    at = to_text(of.decided_at)
    stem = f"{re.sub('[-:]|[.].*', '', at)}Z-{of.flag}-{short(of.commit.sha)}-{of.conditions.attempt}"
    cells = {"file": f"{stem}.cells.jsonl", "sha256": _sha256(lines), "lines": len(trials)}
    evidence = _describe(of, trials, policy) | {"cells": cells}
    evidence = cast("Evidence", json.loads(dump(evidence)))  # as it will be read: tuples are lists
    evidence["seal"] = seal_of(evidence)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{stem}.cells.jsonl").write_text(lines, encoding="utf-8")
    file = folder / f"{stem}.json"
    half = file.with_suffix(".half")
    half.write_text(f"{json.dumps(evidence, indent=1, sort_keys=True, ensure_ascii=False)}\n", encoding="utf-8")
    half.replace(file)
    return file, evidence


def read_evidence(file: Path) -> Evidence:
    """Read a verdict's file.

    Raises:
        ValueError: it is no JSON object, or of another format.
        OSError: it cannot be read.
    """
    found: Any = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or cast("Evidence", found).get("format") != _FORMAT:
        problem = f"{file.name} is no verdict of format {_FORMAT}"
        raise ValueError(problem)
    return cast("Evidence", found)


def verify(file: Path, *, commit: str, now: datetime) -> tuple[Misfit | None, Evidence]:
    """Make the decision of `file` again from its cells; the misfit says why it cannot be relied on, None that it can.

    `commit` is the one it should be about.
    """
    try:
        evidence = read_evidence(file)
        if evidence["seal"] != seal_of(evidence):
            return Misfit("verdict_edited", "The verdict is not what was sealed."), evidence
        return _misfit(file, evidence, commit, now), evidence
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return Misfit("verdict_unreadable", f"The verdict cannot be read: {type(error).__name__}."), {}


def verified_exit_code(misfit: Misfit | None, evidence: Evidence) -> int:
    """The exit code of a verification: the verdict's own, or 30 for one that cannot be relied on."""
    return EXIT_CODES["INVALID"] if misfit else int(evidence["verdict"]["exit_code"])


def seal_of(evidence: Evidence) -> str:
    """The SHA-256 of everything but the seal."""
    return _sha256(dump({name: value for name, value in evidence.items() if name != "seal"}))


def datasets_sha256(designs: Iterable[Design]) -> str:
    """The SHA-256 of the data sets of all paths: attempts on the same examples are counted together."""
    return _sha256(dump({design.path: design.dataset_sha256 for design in designs}))


def read_designs(evidence: Evidence) -> list[Design]:
    """The designs of a verdict."""
    return [
        Design(
            path=each["path"],
            dataset_sha256=each["dataset_sha256"],
            examples=tuple(Pinned(**pinned) for pinned in each["examples"]),
            metrics=tuple(Metric(**metric) for metric in each["metrics"]),
            repetitions=each["repetitions"],
        )
        for each in evidence["designs"]
    ]


def _misfit(file: Path, evidence: Evidence, commit: str, now: datetime) -> Misfit | None:
    meant = evidence["cells"]
    cells = file.with_name(Path(meant["file"]).name)
    if not cells.exists():
        return Misfit("cells_missing", f"The cells are not beside the verdict: {cells.name}.")
    text = cells.read_text(encoding="utf-8")
    if _sha256(text) != meant["sha256"]:
        found = len(text.splitlines())
        return Misfit("cells_edited", f"The cells are {found} lines, and not the {meant['lines']} of the verdict.")
    own, verdict = Policy(**evidence["policy"]), evidence["verdict"]
    trials = [read_trial(json.loads(line)) for line in text.splitlines()]
    again = decide(evidence["flag"], read_designs(evidence), trials, Conditions(**evidence["conditions"]), own)
    if dump(asdict(again)) != dump(verdict):
        return Misfit("verdict_differs", f"The cells say {again.decision}, and the verdict says {verdict['decision']}.")
    if own.fingerprint != evidence["policy_sha256"]:
        return Misfit("other_policy", "The verdict does not name the bars it was made under.")
    return find_misfit(record_of(evidence), commit=commit, now=now)


def record_of(evidence: Evidence) -> GateRecord:
    """The row that is kept of a verdict."""
    return GateRecord(
        flag=evidence["flag"],
        commit_sha=evidence["commit"],
        dataset_sha256=evidence["dataset_sha256"],
        attempt=evidence["conditions"]["attempt"],
        evidence_sha256=evidence["seal"],
        decision=evidence["verdict"]["decision"],
        policy_sha256=evidence["policy_sha256"],
        author=evidence["author"],
        decided_at=evidence["decided_at"],
    )


def _describe(of: Measurement, trials: Sequence[Trial], policy: Policy) -> Evidence:
    """Everything but the cells and the seal."""
    attempt = min(max(of.conditions.attempt, 1), policy.max_attempts)
    return {
        "format": _FORMAT,
        "flag": of.flag,
        "decided_at": to_text(of.decided_at),
        "commit": of.commit.sha,
        "author": of.commit.author,
        "alpha": policy.alpha_of(attempt),
        "policy": asdict(policy),
        "policy_sha256": policy.fingerprint,
        "dataset_sha256": datasets_sha256(of.designs),
        "sources": of.sources,
        "conditions": asdict(of.conditions),
        "designs": [asdict(design) for design in sorted(of.designs, key=lambda design: design.path)],
        "arms": {arm: _asked([trial for trial in trials if trial.arm == arm]) for arm in ARMS},
        "verdict": asdict(decide(of.flag, of.designs, trials, of.conditions, policy)),
        "tools": {"python": platform.python_version(), **{name: version(name) for name in _TOOLS}},
    }


def _asked(trials: Sequence[Trial]) -> Mapping[str, Any]:
    """The models and prompts that an arm's trials asked."""
    prompts: defaultdict[str, set[str]] = defaultdict(set)
    for trial in trials:
        for name, digest in trial.prompts.items():
            prompts[name].add(digest)
    models = sorted({model for trial in trials for model in trial.models})
    return {"trials": len(trials), "models": models, "prompts": {name: sorted(found) for name, found in prompts.items()}}


def _sha256(text: str) -> str:
    return sha256(text.encode()).hexdigest()
