"""The release of a flag asks for evidence: the bars it is held against, and whether it fits."""

import json
import re
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

from backend.domain.instants import from_text

GateDecision = Literal["PROMOTE", "HOLD", "ROLLBACK"]

MAX_AGE = timedelta(days=7)
"""A verdict counts for so long."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The bars of the release gate. Scores and margins run from 0 to 1; `alpha` is the one-sided error of the first attempt."""

    pass_score: float = 0.7
    bar: float = 0.80
    margin: float = 0.05
    alpha: float = 0.05
    min_examples: int = 50
    min_clusters: int = 20
    min_repetitions: int = 3
    max_missing: float = 0.02
    min_treated: float = 0.95
    max_attempts: int = 3
    latency_factor: float = 1.25
    latency_slack_s: float = 2.0
    max_cost_usd: float = 0.05

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of every bar; evidence that was judged by others has another."""
        return sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def alpha_of(self, attempt: int) -> float:
        """The error that attempt 1, 2 or 3 may make: halved each time, so that trying again buys nothing."""
        return self.alpha / float(2 ** (attempt - 1))


POLICY = Policy()


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRecord:
    """A decision of the gate as it is recorded; `evidence_sha256` is the seal of its file, `author` the change's."""

    flag: str
    commit_sha: str
    dataset_sha256: str
    attempt: int
    evidence_sha256: str
    decision: GateDecision
    policy_sha256: str
    author: str
    decided_at: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """A person's decision on a draft: they let the share `kept` of its words stand; `treated` says the flag was on."""

    thread_id: str
    kept: float
    treated: bool


@dataclass(frozen=True, slots=True)
class Misfit:
    """Evidence that does not count: a code, and a sentence on what was found."""

    code: str
    sentence: str


def find_misfit(record: GateRecord, *, commit: str, now: datetime) -> Misfit | None:
    """Hold a verdict against the bars of today, the commit it should be about, and its age; None when it fits."""
    if record.policy_sha256 != POLICY.fingerprint:
        return Misfit("other_policy", "The verdict was made under other bars than today's.")
    if not commit or record.commit_sha != commit:
        return Misfit("other_commit", f"The verdict is about commit {short(record.commit_sha)}, not {short(commit)}.")
    if abs(now - from_text(record.decided_at)) > MAX_AGE:
        return Misfit("stale", f"The verdict is of {record.decided_at}, and counts for {MAX_AGE.days} days.")
    return None


def refuse_to_turn_on(record: GateRecord | None, *, flag: str, commit: str, by: str, now: datetime) -> str | None:
    """Say why `by` may not turn `flag` on at `commit`, or None; `record` is the newest decision on the two."""
    if not commit:
        return "The service does not know its commit; set RELEASE_COMMIT."
    if record is None or record.flag != flag:
        return f"There is no verdict of the gate on commit {short(commit)}."
    if record.decision != "PROMOTE":
        return f"The newest verdict of the gate on commit {short(commit)} is {record.decision}."
    if misfit := find_misfit(record, commit=commit, now=now):
        return misfit.sentence
    return _refuse_author(record.author, by)


def _refuse_author(author: str, by: str) -> str | None:
    if not author.strip():
        return "The verdict does not say who made the change."
    if by.strip().casefold() in names_of(author):
        return f"'{by}' made the change, and somebody else has to turn it on."
    return None


def names_of(author: str) -> frozenset[str]:
    """The names that an author such as `Ana Ngata <ana@vendor.example>` may go by, in lower case."""
    found = re.fullmatch(r"\s*(?P<name>[^<]*?)\s*(?:<(?P<address>[^<>]*)>)?\s*", author)
    name, address = (found["name"], found["address"] or "") if found else (author, "")
    return frozenset(each.casefold() for each in (author.strip(), name, address, address.partition("@")[0]) if each)


def short(commit: str) -> str:
    """The first twelve digits of a commit, as people read it."""
    return commit[:12] or "none"
