"""A paired run has a design, and trials that fill it: cells of arm, example, repetition and metric, and no text."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, get_args

from evals.examples import Arm, CheckKind

ARMS: tuple[Arm, ...] = get_args(Arm)


@dataclass(frozen=True, slots=True)
class Pinned:
    """An example as the evidence names it."""

    example_id: str
    cluster: str
    slice: str


@dataclass(frozen=True, slots=True)
class Metric:
    """A check as the evidence names it."""

    name: str
    kind: CheckKind
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Design:
    """One path is to be measured on this: every cell of the grid, before anything has run."""

    path: str
    dataset_sha256: str
    examples: tuple[Pinned, ...]
    metrics: tuple[Metric, ...]
    repetitions: int

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the design; it changes with the data set, the checks and the judge."""
        return sha256(dump(asdict(self)).encode()).hexdigest()

    @property
    def scored(self) -> tuple[str, ...]:
        """The metrics that make the path's score; a critical one is a matter of never, not of how often."""
        return tuple(metric.name for metric in self.metrics if metric.kind != "critical")

    @property
    def critical(self) -> tuple[str, ...]:
        """The metrics with zero tolerance."""
        return tuple(metric.name for metric in self.metrics if metric.kind == "critical")


@dataclass(frozen=True, slots=True)
class Trial:
    """One example run once in one arm: its scores by metric, None where a check could not be asked.

    `measured_by` is the fingerprint of the design it was made under. `failed` says that the product failed: nothing came
    out, so every scored cell is 0 and no critical one is broken. A trial that the surroundings lost is not recorded.
    """

    path: str
    arm: Arm
    example_id: str
    repetition: int
    measured_by: str
    treated: bool
    carries_plan: bool
    failed: bool
    latency_s: float
    cost_usd: float
    models: tuple[str, ...]
    prompts: Mapping[str, str]
    scores: Mapping[str, float | None]

    @property
    def key(self) -> tuple[str, str, str, int]:
        """The place in the grid it stands at."""
        return self.path, self.arm, self.example_id, self.repetition

    def line(self) -> str:
        """The trial as one line of JSON; equal trials give equal lines."""
        return dump(asdict(self))


def read_trial(fields: Mapping[str, Any]) -> Trial:
    """The trial of a parsed line.

    Raises:
        TypeError: the fields are not those of a trial.
    """
    return Trial(**{**fields, "models": tuple(fields["models"])} if "models" in fields else fields)


def dump(value: Any) -> str:
    """JSON in one way only: sorted keys, no space, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
