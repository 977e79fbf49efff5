"""LangSmith as far as it answers: data sets are read from it and verdicts shown on it, within a deadline.

A call runs in a thread that nobody joins, because the SDK waits and tries again for longer than a gate may take.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any, TypeVar
from uuid import UUID, uuid4

from langsmith import Client
from urllib3 import Retry

from evals.evidence import Evidence
from evals.examples import Example
from evals.trials import ARMS, Trial

PREFIX = "agentic-sales"
_RUNS_A_REQUEST = 100

T = TypeVar("T")


class HubSilent(RuntimeError):
    """LangSmith refused, failed or did not answer in time; the message is the kind of failure, and quotes nothing."""


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

    def read(self, path: str, *, within_s: float) -> list[Example]:
        """Read the examples of a path's data set, by its name.

        Raises:
            HubSilent: it could not be read, or is not what `evals push` writes.
        """

        def read() -> list[Example]:
            dataset = self.client.read_dataset(dataset_name=name_of(path))
            found = [_example(path, each) for each in self.client.list_examples(dataset_id=dataset.id)]
            if not found:
                raise LookupError
            return sorted(found, key=lambda example: example.example_id)

        return within(within_s, read)

    def show(self, evidence: Evidence, trials: Sequence[Trial], *, within_s: float) -> None:
        """Make an experiment of every path and arm, its runs the trials and their scores.

        Raises:
            HubSilent: it was not shown whole; the verdict is on file all the same.
        """

        def show() -> None:
            for path in sorted({trial.path for trial in trials}):
                dataset = self.client.read_dataset(dataset_name=name_of(path))
                for arm in ARMS:
                    chosen = [trial for trial in trials if (trial.path, trial.arm) == (path, arm)]
                    self._show_arm(evidence, dataset.id, f"{path}:{arm}", chosen)

        within(within_s, show)

    def _show_arm(self, evidence: Evidence, dataset_id: UUID, name: str, trials: Sequence[Trial]) -> None:
        known = {
            str((each.metadata or {}).get("example_id")): each.id for each in self.client.list_examples(dataset_id=dataset_id)
        }
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
        raise HubSilent(type(error).__name__) from None
    return found  # type: ignore[return-value]  # None only beside an error


def _example(path: str, found: Any) -> Example:
    metadata: dict[str, Any] = found.metadata or {}
    return Example(
        example_id=metadata["example_id"],
        path=path,
        inputs=found.inputs,
        expected=found.outputs["expected"],
        cluster=metadata["cluster"],
        slice=metadata["slice"],
        language=metadata["language"],
    )


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
