"""LangSmith as far as it answers: data sets are read from it and verdicts shown on it, within a deadline.

A call runs in a thread that nobody joins, because the SDK waits and tries again for longer than a gate may take.
"""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any, TypeVar
from uuid import UUID, uuid4

from langsmith import Client
from langsmith.utils import (
    LangSmithAPIError,
    LangSmithAuthError,
    LangSmithConflictError,
    LangSmithConnectionError,
    LangSmithNotFoundError,
    LangSmithRateLimitError,
)
from requests import Timeout
from urllib3 import Retry

from evals.evidence import Evidence
from evals.examples import Dataset, Example
from evals.shape import ExampleLine
from evals.trials import ARMS, Trial

PREFIX = "agentic-sales"
TAG = "golden"
"""The version of a data set that was pushed last, and whole; no other is read."""
METADATA = ("example_id", "cluster", "slice", "language")
"""An example is described by these; LangSmith adds a word of its own, and keeps inputs and what is expected apart."""
_RUNS_A_REQUEST = 100
_REASONS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (LangSmithAuthError, "it refuses the key (401)"),
    (LangSmithNotFoundError, "it has no such thing (404)"),
    (LangSmithConflictError, "somebody else writes there too (409)"),
    (LangSmithRateLimitError, "it takes no more requests now (429)"),
    (LangSmithAPIError, "it failed (500)"),
    ((LangSmithConnectionError, Timeout), "it cannot be reached, or did not answer in time"),
    (ValueError, "it holds what was not pushed there"),
)

T = TypeVar("T")


class HubSilent(RuntimeError):
    """LangSmith refused, failed or did not answer in time; the message says which, and quotes nothing."""


@dataclass(frozen=True, slots=True)
class Hub:
    """A client of LangSmith that gives up: a timeout on each request, a deadline on each call."""

    client: Client
    unsent: list[Exception]

    @classmethod
    def from_environment(cls, *, timeout_s: float = 10) -> "Hub | None":
        """Open LangSmith as its variables say; None without a key."""
        key = os.environ.get("LANGSMITH_API_KEY", "").strip()
        if not key:
            return None
        url = os.environ.get("LANGSMITH_ENDPOINT", "").strip() or None
        timeout = int(timeout_s * 1000)
        unsent: list[Exception] = []
        client = Client(
            api_url=url,
            api_key=key,
            timeout_ms=(timeout, timeout),
            retry_config=Retry(0),
            auto_batch_tracing=False,
            tracing_error_callback=unsent.append,  # the SDK raises nothing when runs are refused
        )
        return cls(client, unsent)

    def read(self, path: str, *, within_s: float) -> Dataset:
        """Read the examples of a path's data set, by its name, as they were pushed last.

        Raises:
            HubSilent: it could not be read, or is not what `evals push` writes.
        """

        def read() -> Dataset:
            dataset = self.client.read_dataset(dataset_name=name_of(path))
            as_of = self.client.read_dataset_version(dataset_id=dataset.id, tag=TAG).as_of
            found = [example_of(path, each) for each in self.client.list_examples(dataset_id=dataset.id, as_of=as_of)]
            if not found:
                raise ValueError
            source = {"langsmith": name_of(path), "tag": TAG, "version": as_of.isoformat()}
            return Dataset(sorted(found, key=lambda example: example.example_id), source)

        return within(within_s, read)

    def show(self, evidence: Evidence, trials: Sequence[Trial], *, within_s: float) -> None:
        """Make an experiment of every path and arm, its runs the trials and their scores.

        Raises:
            HubSilent: it was not shown whole; the verdict is on file all the same.
        """

        def show() -> None:
            for path in sorted({trial.path for trial in trials}):
                dataset = self.client.read_dataset(dataset_name=name_of(path))
                held = self.client.list_examples(dataset_id=dataset.id)
                known = {str((each.metadata or {}).get("example_id")): each.id for each in held}
                for arm in ARMS:
                    chosen = [trial for trial in trials if (trial.path, trial.arm) == (path, arm)]
                    self._show_arm(evidence, dataset.id, f"{path}:{arm}", chosen, known)

        within(within_s, show)

    def _show_arm(
        self, evidence: Evidence, dataset_id: UUID, name: str, trials: Sequence[Trial], known: Mapping[str, UUID]
    ) -> None:
        said = {key: evidence[key] for key in ("flag", "commit", "decided_at", "seal")} | {
            "decision": evidence["verdict"]["decision"]
        }
        project = self.client.create_project(
            f"{PREFIX}:{name}:{evidence['seal'][:12]}", reference_dataset_id=dataset_id, metadata=said, upsert=True
        )
        runs = [_run(trial, str(project.name), known.get(trial.example_id)) for trial in trials]
        for start in range(0, len(runs), _RUNS_A_REQUEST):
            self.client.multipart_ingest(create=runs[start : start + _RUNS_A_REQUEST])
            if self.unsent:
                raise self.unsent[0]
        for metric, score in _means(trials):
            self.client.create_feedback(project_id=project.id, key=metric, score=score, stop_after_attempt=1)
        self.client.update_project(project.id, end_time=datetime.now(UTC))


def name_of(path: str) -> str:
    """The name of a path's data set in LangSmith."""
    return f"{PREFIX}:{path}"


def within(seconds: float, call: Callable[[], T]) -> T:
    """Make a blocking call in a thread, and leave it alone once the time is over.

    Raises:
        HubSilent: the call failed, or is not done.
    """
    answers: SimpleQueue[tuple[T | None, Exception | None]] = SimpleQueue()

    def work() -> None:
        try:
            answers.put((call(), None))
        except Exception as error:  # noqa: BLE001  # whatever it is, the gate goes on without LangSmith
            answers.put((None, error))

    threading.Thread(target=work, daemon=True).start()
    try:
        found, error = answers.get(timeout=seconds)
    except Empty:
        problem = f"no answer within {seconds:g} s"
        raise HubSilent(problem) from None
    if error:
        raise HubSilent(_reason(error)) from None
    return found  # type: ignore[return-value]  # None only beside an error


def example_of(path: str, found: Any) -> Example:
    """The example that LangSmith holds as `found`.

    Raises:
        ValueError: it is none that `evals push` writes.
    """
    metadata: dict[str, Any] = found.metadata or {}
    kept = {key: value for key, value in metadata.items() if key in METADATA}
    line: dict[str, Any] = {**kept, "inputs": found.inputs, "expected": (found.outputs or {}).get("expected")}
    return Example(path=path, **ExampleLine.model_validate(line).model_dump())


def _reason(error: Exception) -> str:
    """Say what went wrong in words of our own, because an error of the SDK may quote a prospect."""
    return next((reason for kind, reason in _REASONS if isinstance(error, kind)), type(error).__name__)


def _run(trial: Trial, project: str, example_id: UUID | None) -> dict[str, Any]:
    """A trial as LangSmith takes a run: ids and scores, and no text."""
    run_id, now = uuid4(), datetime.now(UTC)
    return {
        "id": run_id,
        "trace_id": run_id,
        "dotted_order": f"{now.strftime('%Y%m%dT%H%M%S%fZ')}{run_id}",
        "name": trial.path,
        "run_type": "chain",
        "session_name": project,
        "reference_example_id": example_id,
        "start_time": now,
        "end_time": now,
        "inputs": {"example_id": trial.example_id, "repetition": trial.repetition},
        "outputs": {"scores": dict(trial.scores), "treated": trial.treated, "failed": trial.failed},
    }


def _means(trials: Sequence[Trial]) -> Iterator[tuple[str, float]]:
    for metric in sorted({metric for trial in trials for metric in trial.scores}):
        scores = [score for trial in trials if (score := trial.scores.get(metric)) is not None]
        if scores:
            yield metric, round(sum(scores) / len(scores), 6)
