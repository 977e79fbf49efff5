"""`agentic-sales evals push`: LangSmith's data sets are made to hold what the files hold, and the version that does is tagged.

The tag is moved last, and only onto a version that was read back whole. So a push that dies in the middle leaves the gate the
version of before, and the next push goes on where it stood.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from langsmith import Client

from evals.examples import Example
from evals.hub import METADATA, TAG, example_of, name_of

EXAMPLES_A_REQUEST = 20

Step = Callable[[int], object]
"""Told how many more examples are as they should be."""


@dataclass(slots=True)
class Written:
    """So much was written of one path; it counts while a push is under way what LangSmith has confirmed.

    `whole` says that the tagged version holds the file's examples.
    """

    path: str
    created: int = 0
    changed: int = 0
    removed: int = 0
    tagged: bool = False
    whole: bool = False

    def __str__(self) -> str:
        counts = f"{self.created} created, {self.changed} changed, {self.removed} removed"
        return f"{name_of(self.path)}: {counts}, {f'tagged {TAG}' if self.tagged else 'the tag not moved'}"

    @property
    def anything(self) -> bool:
        """Tell whether LangSmith holds something else than before."""
        return bool(self.created or self.changed or self.removed or self.tagged)


@dataclass(frozen=True, slots=True)
class _Differences:
    """A data set differs from the file in these; `same` examples are as they should be."""

    missing: Sequence[Example]
    other: Sequence[tuple[UUID, Example]]
    extra: Sequence[UUID]
    same: int

    def __bool__(self) -> bool:
        return bool(self.missing or self.other or self.extra)


def push(client: Client, examples: Sequence[Example], written: Written, step: Step = lambda _: None) -> None:
    """Make the data set of one path hold `examples` and nothing else; what stands there already is not written again.

    Raises:
        ValueError: somebody else changed the data set meanwhile, so no version of it was tagged.
        Exception: what the SDK raises; `written` says what came before it.
    """
    dataset_id = _find_or_create(client, written.path)
    found = _compare(examples, client.list_examples(dataset_id=dataset_id), written.path)
    step(found.same)
    if found:
        _write(client, dataset_id, found, written, step)
    version = client.read_dataset_version(dataset_id=dataset_id, tag="latest")
    if TAG not in (version.tags or []):
        if _compare(examples, client.list_examples(dataset_id=dataset_id, as_of=version.as_of), written.path):
            problem = "the data set changed meanwhile"
            raise ValueError(problem)
        client.update_dataset_tag(dataset_id=dataset_id, as_of=version.as_of, tag=TAG)
        written.tagged = True
    written.whole = True


def _find_or_create(client: Client, path: str) -> UUID:
    name = name_of(path)
    for dataset in client.list_datasets(dataset_name=name, limit=1):  # reading one by name says the same of 404 and of none
        return dataset.id
    return client.create_dataset(name, description=f"Golden examples of the prompt path {path}.").id


def _compare(wanted: Sequence[Example], held: Iterable[Any], path: str) -> _Differences:
    """Hold what is there against what should be; of two copies of an example one is too many."""
    left = {example.example_id: example for example in wanted}
    other: list[tuple[UUID, Example]] = []
    extra: list[UUID] = []
    same = 0
    for each in held:
        metadata: dict[str, Any] = each.metadata or {}
        example = left.pop(str(metadata.get("example_id")), None)
        if example is None:
            extra.append(each.id)
        elif _read(path, each) == example:
            same += 1
        else:
            other.append((each.id, example))
    return _Differences(list(left.values()), other, extra, same)


def _read(path: str, held: Any) -> Example | None:
    try:
        return example_of(path, held)
    except ValueError:
        return None


def _write(client: Client, dataset_id: UUID, found: _Differences, written: Written, step: Step) -> None:
    for some in _parts(found.missing):
        lines = [{"inputs": each.inputs, "reference_outputs": _outputs(each), "metadata": _metadata(each)} for each in some]
        client.create_examples(dataset_id=dataset_id, examples=lines)
        written.created += len(some)
        step(len(some))
    for pairs in _parts(found.other):
        updates = [
            {"id": held, "inputs": each.inputs, "outputs": _outputs(each), "metadata": _metadata(each)} for held, each in pairs
        ]
        client.update_examples(dataset_id=dataset_id, updates=updates)
        written.changed += len(pairs)
        step(len(pairs))
    for ids in _parts(found.extra):
        client.delete_examples(ids)
        written.removed += len(ids)


def _parts(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (items[start : start + EXAMPLES_A_REQUEST] for start in range(0, len(items), EXAMPLES_A_REQUEST))


def _outputs(example: Example) -> dict[str, Any]:
    return {"expected": example.expected}


def _metadata(example: Example) -> dict[str, Any]:
    return {name: getattr(example, name) for name in METADATA}
