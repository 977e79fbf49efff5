"""The article's claim, measured: the same threads with the coach and without, over all their touches.

A thread counts when every trial of it came back in both arms. Its values are held against each other thread by thread, and
threads about one firm or person are alike, so the bounds are those of the gate: one-sided, over clusters.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Literal

from backend.domain.release import POLICY
from backend.ports import MakeLLM
from evals.examples import Arm, Check, Example, Output, Score, Subject
from evals.judge import judged_checks
from evals.statistics import Bounds, bound_mean
from evals.subjects import SUBJECTS
from evals.trials import ARMS, Trial

PATH = "campaign:final_response"
MAX_TOUCHES, MAX_CALLS = 6, 40
_SCALE = 10**9
_JUDGED = {"judged_angle", "judged_tone"}

Word = Literal["less", "more", "no difference shown"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that a thread is measured by, of which less is better; it is at most `most`, in `unit`s.

    It is what the checks `metrics` did not let pass, on average, or what `read` finds in a trial.
    """

    name: str
    says: str
    metrics: tuple[str, ...] = ()
    read: Callable[[Trial], float] | None = None
    most: float = 1.0
    unit: str = ""

    def value(self, trial: Trial) -> float | None:
        """The trial's value, None where a check could not be asked; nothing that the product failed to write has passed."""
        if self.read:
            return self.read(trial)
        found = [0.0 if trial.failed else trial.scores.get(metric) for metric in self.metrics]
        passed = [each for each in found if each is not None]
        return 1 - sum(passed) / len(found) if len(passed) == len(found) else None


@dataclass(frozen=True, slots=True)
class Finding:
    """One measure in both arms, and the difference that the coach makes."""

    measure: Measure
    arms: Mapping[Arm, Bounds]
    difference: Bounds
    threads: int

    @property
    def word(self) -> Word:
        """The bounds of the difference allow to say this much."""
        return "less" if self.difference.upper < 0 else "more" if self.difference.lower > 0 else "no difference shown"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that was found. `treated` is the share of the coached threads that a model's plan governed."""

    findings: Sequence[Finding]
    threads: int
    repetitions: int
    treated: float
    models: tuple[str, ...]
    failed: Mapping[Arm, int]
    source: Mapping[str, str]

    def find(self, name: str) -> Finding:
        """The finding of a measure."""
        return next(finding for finding in self.findings if finding.measure.name == name)

    @property
    def tested(self) -> bool:
        """Tell whether the claim was put to the test at all."""
        return bool(self.models) and self.treated >= POLICY.min_treated


def coach_subject(judge: MakeLLM | None) -> Subject:
    """The path of whole threads with what the report counts besides; with a judge, its word on angle and tone."""
    subject = SUBJECTS[PATH]
    judged = [check for check in judged_checks(PATH, judge) if check.metric in _JUDGED] if judge else []
    counted = (
        _counted("touches", lambda output: len(output["touches"]) / MAX_TOUCHES),
        _counted("model_calls", lambda output: output["meta"].get("model_calls", 0) / MAX_CALLS),
    )
    return replace(subject, checks=(*subject.checks, *counted, *judged))


def measures_of(trials: Sequence[Trial]) -> list[Measure]:
    """The measures that these trials can tell; latency is the machine's own where no model was asked."""
    judged = sorted(_JUDGED & {metric for trial in trials for metric in trial.scores})
    listed = [
        Measure("drift", "touches that leave angle or tone", ("angle_kept", "tone_kept")),
        Measure("angle", "touches about something else", ("angle_kept",)),
        Measure("tone", "touches that address the contact otherwise", ("tone_kept",)),
        *(Measure(metric.replace("_", " "), "threads that do not keep it, says the judge", (metric,)) for metric in judged),
        Measure("repetition", "touches that repeat something", ("no_fact_twice", "nothing_twice", "no_near_copy")),
        Measure("facts", "touches that tell a fact again", ("no_fact_twice",)),
        Measure("arguments", "touches that argue something again", ("nothing_twice",)),
        Measure("wording", "touches that are near copies", ("no_near_copy",)),
        Measure("emails", "written a thread", read=_counted_as("touches", MAX_TOUCHES), most=MAX_TOUCHES),
        Measure("calls", "of a model, a thread", read=_counted_as("model_calls", MAX_CALLS), most=MAX_CALLS),
        Measure("cost", "dollars a thread", read=lambda trial: trial.cost_usd, most=100, unit="$"),
    ]
    if any(trial.models for trial in trials):
        listed.append(Measure("latency", "seconds a thread", read=lambda trial: trial.latency_s, most=100_000, unit="s"))
    return listed


def compare(examples: Sequence[Example], trials: Sequence[Trial], repetitions: int, source: Mapping[str, str]) -> Comparison:
    """Hold the arms against each other; the order of the trials does not matter."""
    treated = [trial.treated for trial in trials if trial.arm == "on"]
    findings = [_find(measure, examples, trials, repetitions) for measure in measures_of(trials)]
    return Comparison(
        findings=[finding for finding in findings if finding.threads],
        threads=max((finding.threads for finding in findings), default=0),
        repetitions=repetitions,
        treated=sum(treated) / (len(treated) or 1),
        models=tuple(sorted({model for trial in trials for model in trial.models})),
        failed={arm: sum(trial.failed for trial in trials if trial.arm == arm) for arm in ARMS},
        source=source,
    )


def _find(measure: Measure, examples: Sequence[Example], trials: Sequence[Trial], repetitions: int) -> Finding:
    values: defaultdict[tuple[str, Arm], list[int]] = defaultdict(list)
    for trial in trials:
        if (value := measure.value(trial)) is not None:
            values[trial.example_id, trial.arm].append(round(value / measure.most * _SCALE))
    whole = [each for each in examples if all(len(values[each.example_id, arm]) == repetitions for arm in ARMS)]

    def bound(of: Callable[[Example], int], least: float) -> Bounds:
        clusters: defaultdict[str, list[int]] = defaultdict(list)
        for each in whole:
            clusters[each.cluster].append(of(each))
        found = bound_mean(clusters, per_example=_SCALE * repetitions, alpha=POLICY.alpha, least=least)
        return Bounds(*(getattr(found, end) * measure.most for end in ("mean", "lower", "upper")))

    def total(each: Example, arm: Arm) -> int:
        return sum(values[each.example_id, arm])

    arms: dict[Arm, Bounds] = {"off": bound(lambda each: total(each, "off"), 0), "on": bound(lambda each: total(each, "on"), 0)}
    return Finding(measure, arms, bound(lambda each: total(each, "on") - total(each, "off"), -1), len(whole))


def _counted_as(metric: str, most: float) -> Callable[[Trial], float]:
    return lambda trial: (trial.scores.get(metric) or 0.0) * most


def _counted(metric: str, share: Callable[[Output], float]) -> Check:
    async def score(example: Example, output: Output) -> Score:
        del example
        return Score(min(1.0, share(output)), "")

    return Check(metric=metric, kind="scored", fingerprint=sha256(Path(__file__).read_bytes()).hexdigest(), score=score)
