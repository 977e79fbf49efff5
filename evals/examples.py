"""One example of a golden dataset, what a graph made of it, and what a check says of that: the words every eval shares."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict

from backend.domain.campaign import GraphMeta
from backend.ports import MakeLLM
from evals.shape import ExampleLine

Arm = Literal["off", "on"]
CheckKind = Literal["critical", "scored", "judged"]

DATASETS = Path(__file__).parent / "datasets"
# Each prompt path, and the flag whose release it decides about.
PATHS: dict[str, str] = {
    "campaign:coach_plan": "CAMPAIGN_COACH_ENABLED",
    "campaign:final_response": "CAMPAIGN_COACH_ENABLED",
    "email:role_plan": "ORCHESTRATOR_ROLE_PLAN",
    "email:compose": "ORCHESTRATOR_ROLE_PLAN",
    "email:reply": "ORCHESTRATOR_ROLE_PLAN",
}


@dataclass(frozen=True, slots=True)
class Example:
    """One case of a path: what goes in, what a good answer must and must not hold, and the groups it is counted in."""

    example_id: str
    path: str
    inputs: dict[str, Any]
    expected: dict[str, Any]
    cluster: str
    slice: str
    language: str


class Touch(TypedDict):
    """One email a graph held for approval; `step` counts from 0, `due_day` from the enrolment."""

    step: int
    due_day: int
    subject: str
    body: str


class Output(TypedDict):
    """One arm made this of one example; `plan` and `roles` are None in a path or arm without them.

    `treated` says that the treatment was delivered: a plan or roles by a model were in force. `failure` is the sentence of the
    product's own failure, or empty.
    """

    touches: list[Touch]
    plan: dict[str, Any] | None
    roles: list[str] | None
    treated: bool
    failure: str
    meta: GraphMeta


@dataclass(frozen=True, slots=True)
class Score:
    """One check says this of one output: 0 to 1 and why, or None when it could not be asked."""

    value: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Check:
    """One metric of a path; `fingerprint` changes with whatever could change a score."""

    metric: str
    kind: CheckKind
    fingerprint: str
    score: Callable[[Example, Output], Awaitable[Score]]


@dataclass(frozen=True, slots=True)
class Subject:
    """One prompt path as it is measured: the checks of its outputs, and the run of one example in one arm."""

    path: str
    checks: tuple[Check, ...]
    run: Callable[[Example, Arm, MakeLLM], Awaitable[Output]]


def dataset_file(path: str, folder: Path = DATASETS) -> Path:
    """The file a path's examples are kept in: `campaign:coach_plan` is `campaign.coach_plan.jsonl`."""
    return folder / f"{path.replace(':', '.')}.jsonl"


def read_examples(path: str, folder: Path = DATASETS) -> list[Example]:
    """Read a path's examples in the file's order; a line that is not an example raises `ValueError` naming file and line."""
    file = dataset_file(path, folder)
    found: list[Example] = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            fields = ExampleLine.model_validate_json(line).model_dump()
            found.append(Example(path=path, **fields))
        except ValueError as error:
            problem = f"{file.name}, line {number}: {error}"
            raise ValueError(problem) from error
    return found
