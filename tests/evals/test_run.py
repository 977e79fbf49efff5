"""A paired run through LangSmith's SDK: scripted treatments come to the decisions they should, and not a byte leaves."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.graph import StateGraph

from evals import run as runs
from evals.examples import Arm, Example, Output
from evals.gate import Conditions, Verdict, decide
from evals.journal import open_journal
from evals.run import Limits, Outcome, PairedRun
from tests.evals.actors import FLAG, Actor, CannedModel, examples
from tests.fakes.langsmith import langsmith_on_loopback

JOURNAL = Path("run.jsonl")


class Body(TypedDict):
    """The state of a graph that says one thing."""

    body: str


async def measure(
    actor: Actor, of: Sequence[Example] = (), *, journal_file: Path = JOURNAL, **limits: Any
) -> tuple[Verdict, Outcome]:
    """Run an actor, three times over each example, and decide."""
    with open_journal(journal_file, {"flag": FLAG}) as journal:
        paired = PairedRun([(actor.subject(), of or examples())], CannedModel(), journal, Limits(**limits))
        outcome = await paired.run()
    conditions = Conditions(deadline_passed=outcome.deadline_passed, budget_spent=outcome.budget_spent)
    return decide(FLAG, paired.designs, outcome.trials, conditions), outcome


@pytest.mark.req("MEASURE-R1")
@pytest.mark.parametrize(
    ("actor", "exit_code", "reason"),
    [
        (Actor(), 0, "every criterion is met"),
        (Actor(harm=1), 20, "on_upper_bound"),
        (Actor(leaks="e7"), 20, "critical_check_failed leak"),
        (Actor(fails_open=True), 30, "treatment_not_delivered"),
        (Actor(judge_is_down=True), 30, "too_many_missing"),
    ],
    ids=["neutral", "harmful", "leaking", "failing open", "judge down"],
)
async def test_a_scripted_treatment_comes_to_its_decision(actor: Actor, exit_code: int, reason: str) -> None:
    """The arms run together, and every trial has its cost, its models and the hash of its prompt."""
    number = 50 if exit_code == 0 else 8
    verdict, outcome = await measure(actor, examples(number))
    assert (verdict.exit_code, reason in verdict.reasons[0]) == (exit_code, True)
    assert len(outcome.trials) == number * 6
    first = outcome.trials[0]
    assert (first.cost_usd, first.models, len(first.prompts["campaign:coach_plan"])) == (0.001, ("canned",), 64)
    assert {trial.arm for trial in outcome.trials[:20]} == {"off", "on"}


@pytest.mark.req("MEASURE-R2")
async def test_not_one_byte_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """With tracing switched on, a key and an endpoint that records, and a graph inside the subject."""

    def say(state: Body) -> Body:
        return Body(body=f"{state['body']}!")

    graph = StateGraph(Body).add_node(say).add_edge("__start__", "say").compile()
    actor = Actor()

    async def run(example: Example, arm: Arm, make_llm: Any) -> Output:
        await graph.ainvoke(Body(body="Ada's number"))
        return await actor.run(example, arm, make_llm)

    async with langsmith_on_loopback() as recorder:
        for name, value in {"TRACING": "true", "ENDPOINT": recorder.url, "API_KEY": "key"}.items():
            monkeypatch.setenv(f"LANGSMITH_{name}", value)
        monkeypatch.setattr(runs, "NOWHERE", recorder.url)
        with open_journal(JOURNAL, {}) as journal:
            subject = replace(actor.subject(), run=run)
            outcome = await PairedRun([(subject, examples(3, 3))], CannedModel(), journal, Limits()).run()
        await asyncio.sleep(0.2)
        assert len(outcome.trials) == 18
        assert recorder.received == []


@pytest.mark.req("MEASURE-R11")
async def test_standard_output_is_as_before(capsys: pytest.CaptureFixture[str]) -> None:
    """The SDK's own lines are kept off it in both arms, and what is printed afterwards is seen."""
    before = sys.stdout
    await measure(Actor(slow_control=True), examples(2))
    assert sys.stdout is before
    assert capsys.readouterr().out == ""


@pytest.mark.req("MEASURE-R3")
async def test_what_is_lost_is_missing_and_what_crashes_is_a_failure() -> None:
    """A trial the surroundings lose is tried twice and not recorded; one the product broke is, with no score."""
    verdict, outcome = await measure(Actor(lost="e1", crashes="e2"), examples(4, 4))
    assert {trial.example_id for trial in outcome.trials if trial.arm == "on"} == {"e0", "e2", "e3"}
    assert [trial.scores for trial in outcome.trials if trial.failed] == [{}] * 3
    assert (verdict.paths[0].missing, verdict.paths[0].arms["on"].failed) == (9, 3)


@pytest.mark.req("MEASURE-R4")
async def test_a_run_keeps_its_deadline_and_its_budget() -> None:
    """A subject that hangs is left at the deadline, and nothing is asked once the money is spent; both hold the flag."""
    verdict, outcome = await measure(Actor(hangs=True), examples(2, 2), deadline_s=0.3)
    assert outcome.deadline_passed
    assert "deadline_passed" in verdict.paths[0].invalid
    other = Path("other.jsonl")
    verdict, outcome = await measure(Actor(), examples(20), journal_file=other, budget_usd=0.05, at_once=1)
    assert 50 <= len(outcome.trials) <= 52
    assert "budget_spent" in verdict.paths[0].invalid
