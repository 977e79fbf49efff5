"""One paired run of one flag: every example in both arms at the same time, three times over, each trial written down at once.

LangSmith's SDK drives it without a byte leaving: it is given places in the grid rather than prospects, the graphs run
outside its tracing, and the verdict is read from the trials that were recorded, never from what the SDK returns.
"""

import asyncio
import logging
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from hashlib import sha256
from io import StringIO
from uuid import uuid4

from langsmith import (
    Client,
    aevaluate,  # pyright: ignore[reportUnknownVariableType]  # its dicts are of no type
)
from langsmith.run_helpers import tracing_context  # pyright: ignore[reportUnknownVariableType]  # as above
from langsmith.schemas import Example as Place

from backend.errors import ModelUnavailable
from backend.ports import MakeLLM
from evals.examples import Arm, Check, Example, Output, Subject
from evals.journal import Journal
from evals.metered import Metered
from evals.trials import ARMS, Design, Metric, Pinned, Trial, dump

NOWHERE = "http://127.0.0.1:9"
"""The address of the client that asks nobody: this machine's discard port. It samples no run, so none is posted."""


@dataclass(frozen=True, slots=True)
class Limits:
    """A run keeps within these: seconds, US dollars, and trials of one arm at a time."""

    deadline_s: float = 3600
    budget_usd: float = 20
    at_once: int = 8
    tries: int = 2
    repetitions: int = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """The trials of a run, and what cut it short."""

    trials: Sequence[Trial]
    deadline_passed: bool
    budget_spent: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """A run is so far."""

    done: int
    total: int
    cost_usd: float


Report = Callable[[Progress], None]


def design_of(subject: Subject, examples: Sequence[Example], repetitions: int) -> Design:
    """The grid that a path is to be measured on; the order of the examples does not matter."""
    ordered = sorted(examples, key=lambda example: example.example_id)
    contents = [
        {name: getattr(each, name) for name in ("example_id", "inputs", "expected", "cluster", "slice", "language")}
        for each in ordered
    ]
    return Design(
        path=subject.path,
        dataset_sha256=sha256(dump(contents).encode()).hexdigest(),
        examples=tuple(Pinned(each.example_id, each.cluster, each.slice) for each in ordered),
        metrics=tuple(Metric(check.metric, check.kind, check.fingerprint) for check in subject.checks),
        repetitions=repetitions,
    )


class PairedRun:
    """The run of one flag's paths; `journal` may hold trials from before, and `besides_usd` tells what the judge has cost."""

    def __init__(  # noqa: PLR0913  # two have their default
        self,
        subjects: Sequence[tuple[Subject, Sequence[Example]]],
        make_llm: MakeLLM,
        journal: Journal,
        limits: Limits,
        *,
        report: Report = lambda _: None,
        besides_usd: Callable[[], float] | None = None,
    ) -> None:
        self._subjects = subjects
        self._make_llm = make_llm
        self._journal = journal
        self._limits = limits
        self._report = report
        self._besides_usd = besides_usd or float
        self._deadline_passed = self._budget_spent = False
        self._ends_at = 0.0
        self._cost_usd = sum(trial.cost_usd for trial in journal.trials)
        self.designs = [design_of(subject, examples, limits.repetitions) for subject, examples in subjects]
        self._total = sum(len(ARMS) * len(design.examples) * design.repetitions for design in self.designs)

    async def run(self) -> Outcome:
        """Measure what is not measured yet, until it is done, the time is over or the money is spent."""
        self._ends_at = asyncio.get_running_loop().time() + self._limits.deadline_s
        # The SDK prints the names of experiments that nobody will see; both arms share the output that is put in its place.
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.filterwarnings("ignore", message="'upload_results' parameter is in beta")
            for (subject, examples), design in zip(self._subjects, self.designs, strict=True):
                await asyncio.gather(*(self._measure(subject, examples, design, arm) for arm in ARMS))
        return Outcome(list(self._journal.trials), self._deadline_passed, self._budget_spent)

    async def _measure(self, subject: Subject, examples: Sequence[Example], design: Design, arm: Arm) -> None:
        """One arm of one path, through the SDK."""
        done = {trial.key for trial in self._journal.trials}
        by_id = {example.example_id: example for example in examples}
        places = [
            Place(id=uuid4(), inputs={"example_id": example_id, "repetition": repetition})
            for repetition in range(design.repetitions)
            for example_id in by_id
            if (subject.path, arm, example_id, repetition) not in done
        ]

        async def target(inputs: Mapping[str, object]) -> dict[str, object]:
            try:
                async with asyncio.timeout_at(self._ends_at):  # in here, because the SDK itself cannot be cancelled cleanly
                    with tracing_context(enabled=False):
                        example = by_id[str(inputs["example_id"])]
                        await self._try(subject, design, arm, example, int(str(inputs["repetition"])))
            except TimeoutError:
                self._deadline_passed = True
            return {}

        if places:
            client = Client(api_url=NOWHERE, api_key="none", info={}, auto_batch_tracing=False, tracing_sampling_rate=0)
            await aevaluate(target, data=places, client=client, upload_results=False, max_concurrency=self._limits.at_once)

    async def _try(self, subject: Subject, design: Design, arm: Arm, example: Example, repetition: int) -> None:
        """Make one trial; one that the surroundings lose is tried again, and then left missing."""
        for _ in range(self._limits.tries):
            if self._budget_spent or self._cost_usd + self._besides_usd() >= self._limits.budget_usd:
                self._budget_spent = True
                return
            meter = Metered(self._make_llm)
            began = time.monotonic()
            try:
                output = await _play(subject, example, arm, meter)
            except (OSError, ModelUnavailable) as lost:
                self._cost_usd += meter.cost_usd
                logging.getLogger(__name__).debug("a trial was lost: %s", type(lost).__name__)
                continue
            latency_s = round(time.monotonic() - began, 3)
            scores = {check.metric: await _score(check, example, output) for check in subject.checks if not output["failure"]}
            trial = Trial(
                path=subject.path,
                arm=arm,
                example_id=example.example_id,
                repetition=repetition,
                measured_by=design.fingerprint,
                treated=output["treated"],
                carries_plan=output["plan"] is not None or output["roles"] is not None,
                failed=bool(output["failure"]),
                latency_s=latency_s,
                cost_usd=round(meter.cost_usd, 9),
                models=tuple(sorted(meter.models)),
                prompts=meter.prompts,
                scores=scores,
            )
            self._cost_usd += trial.cost_usd
            self._journal.add(trial)
            self._report(Progress(len(self._journal.trials), self._total, self._cost_usd + self._besides_usd()))
            return


async def _play(subject: Subject, example: Example, arm: Arm, meter: Metered) -> Output:
    """Run one example; whatever else than the surroundings' fault is raised is the product's failure."""
    try:
        return await subject.run(example, arm, meter)
    except (OSError, ModelUnavailable):
        raise
    except Exception as error:  # noqa: BLE001  # the product did it, and that is what is measured
        failure = type(error).__name__
        return Output(touches=[], plan=None, roles=None, treated=False, failure=failure, meta={})


async def _score(check: Check, example: Example, output: Output) -> float | None:
    """Ask one check; one that fails has no verdict."""
    try:
        score = await check.score(example, output)
    except Exception:  # noqa: BLE001  # an error is not a score
        return None
    return score.value
