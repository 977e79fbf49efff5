"""The release of a flag asks for evidence; these are the bars it is held against."""

import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from hashlib import sha256

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
