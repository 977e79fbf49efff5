"""One example of a golden dataset, what a graph made of it, and what a check says of that: the words every eval shares."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, TypedDict

from pydantic import ValidationError

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


@dataclass(frozen=True, slots=True)
class Dataset:
    """The examples of a path, and where they were read: LangSmith's name for them with tag and version, or a file's SHA-256."""

    examples: Sequence[Example]
    source: Mapping[str, str]


class DatasetRefused(ValueError):
    """A file of examples is not what a dataset is made of."""


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


def read_dataset(path: str, folder: Path = DATASETS) -> Dataset:
    """Read a path's examples in the file's order, and the file's digest.

    Raises:
        DatasetRefused: a line is not an example, or has the id of an earlier one; it names file and line.
        OSError: the file cannot be read.
    """
    file = dataset_file(path, folder)
    content = file.read_bytes()
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        problem = f"{file.name} is not in UTF-8"
        raise DatasetRefused(problem) from error
    return Dataset(_parse(path, file.name, text), {"file": file.name, "sha256": sha256(content).hexdigest()})


def read_examples(path: str, folder: Path = DATASETS) -> Sequence[Example]:
    """Read a path's examples alone; see `read_dataset`."""
    return read_dataset(path, folder).examples


def _parse(path: str, name: str, text: str) -> list[Example]:
    found: dict[str, Example] = {}
    for number, line in enumerate(text.removesuffix("\n").split("\n"), 1):
        try:
            example = Example(path=path, **ExampleLine.model_validate_json(line).model_dump())
        except ValidationError as error:
            wrong = (f"{'.'.join(map(str, each['loc'])) or 'the line'}: {each['msg']}" for each in error.errors())
            problem = f"{name}, line {number}: {'; '.join(wrong)}"
            raise DatasetRefused(problem) from error
        if example.example_id in found:
            problem = f"{name}, line {number}: {example.example_id} is the id of an earlier line"
            raise DatasetRefused(problem)
        found[example.example_id] = example
    return list(found.values())
