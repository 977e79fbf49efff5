"""LangSmith well and sick, over real HTTP and the real SDK: the gate ends in time and decides as it would without."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evals.evidence import Evidence
from evals.hub import Hub
from evals.release import Order, measure
from evals.run import Limits
from tests.evals.actors import FLAG, PATH, Actor, CannedModel, examples
from tests.fakes.langsmith_api import LangSmithApi, langsmith_api

NAME = f"agentic-sales:{PATH}"
READING = ["GET /datasets", "GET /examples"]
SHOWING = ["POST /sessions", "POST /runs/multipart", "POST /feedback", "PATCH /sessions/{id}"]


@pytest.fixture(scope="module", params=["0.8.5", "0.9.0"], ids=["old", "new"])
def shared(request: pytest.FixtureRequest) -> Iterator[LangSmithApi]:
    """One server of each profile for the whole file, with a data set of two examples."""
    with langsmith_api(request.param) as api:
        api.add_dataset(NAME)
        for each in examples(2):
            metadata = {"example_id": each.example_id, "cluster": each.cluster, "slice": each.slice, "language": "en"}
            api.add_example(NAME, each.inputs, {"expected": each.expected}, metadata)
        yield api


@pytest.fixture
def api(shared: LangSmithApi, monkeypatch: pytest.MonkeyPatch) -> LangSmithApi:
    """The server, well, and named by the environment."""
    shared.sick.clear()
    shared.asked.clear()
    monkeypatch.setenv("LANGSMITH_API_KEY", "key")
    monkeypatch.setenv("LANGSMITH_ENDPOINT", shared.url)
    monkeypatch.setenv("LLM_KILL_SWITCH", "false")
    return shared


def run(said: list[str] | None = None) -> tuple[Evidence, float]:
    """Run a gate on two examples with LangSmith as the environment names it; its verdict, and how long it took."""
    hub = Hub.from_environment(timeout_s=0.3)
    order = Order(FLAG, None, Limits(deadline_s=20), Path("verdicts"), lambda _: examples(3), hub, hub_within_s=1.5)
    began = time.monotonic()
    say = (said if said is not None else []).append
    _, evidence = asyncio.run(measure(order, [Actor().subject()], CannedModel(), say=say))
    return evidence, time.monotonic() - began


def sizes(evidence: Evidence) -> tuple[Any, ...]:
    """The decision, and how many examples it rests on."""
    return evidence["verdict"]["exit_code"] in {10, 30}, evidence["verdict"]["paths"][0]["examples"], evidence["cells"]["lines"]


@pytest.mark.req("GATE-R28")
def test_examples_are_read_by_name_and_the_verdict_is_shown(api: LangSmithApi) -> None:
    """Two experiments of six runs each, by their means; no example's text goes back."""
    said: list[str] = []
    evidence, _ = run(said)
    assert (sizes(evidence), said) == ((True, 2, 12), [])
    assert [api.asked[route] for route in SHOWING] == [2, 2, 6, 2]


@pytest.mark.req("GATE-R29")
@pytest.mark.parametrize("status", [401, 404, 429, 500, 0], ids=["401", "404", "429", "500", "hang"])
@pytest.mark.parametrize("route", READING)
def test_a_sick_langsmith_gives_no_examples_and_those_on_file_are_used(api: LangSmithApi, route: str, status: int) -> None:
    """Each failure of each route that is read: three examples on file instead of two, in time."""
    api.sick[route] = status
    said: list[str] = []
    evidence, took_s = run(said)
    assert sizes(evidence) == (True, 3, 18)
    assert said[0].startswith("The examples of campaign:coach_plan are those on file")
    assert took_s < 4


@pytest.mark.req("GATE-R29")
@pytest.mark.parametrize("status", [401, 404, 429, 500, 0], ids=["401", "404", "429", "500", "hang"])
@pytest.mark.parametrize("route", SHOWING)
def test_a_sick_langsmith_shows_nothing_and_the_verdict_is_on_file(api: LangSmithApi, route: str, status: int) -> None:
    """Each failure of each route that is written: the decision is the one there is, in time."""
    api.sick[route] = status
    said: list[str] = []
    evidence, took_s = run(said)
    assert sizes(evidence) == (True, 2, 12)
    assert said[0].startswith("LangSmith does not show the verdict")
    assert took_s < 4


@pytest.mark.req("GATE-R30")
def test_attempts_are_counted_and_a_finished_run_leaves_no_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second run on the same commit and data is attempt 2, and the fourth is unfit."""
    monkeypatch.setenv("LANGSMITH_API_KEY", "")
    attempts = [run()[0] for _ in range(4)]
    assert [each["conditions"]["attempt"] for each in attempts] == [1, 2, 3, 4]
    assert "too_many_attempts" in attempts[3]["verdict"]["paths"][0]["invalid"]
    assert list(Path("verdicts/.running").iterdir()) == []
    assert len(list(Path("verdicts").glob("*.svg"))) == len(list(Path("verdicts").glob("*.md"))) == 4


def test_without_a_key_there_is_no_langsmith(monkeypatch: pytest.MonkeyPatch) -> None:
    """A blank key counts as none."""
    monkeypatch.setenv("LANGSMITH_API_KEY", " ")
    assert Hub.from_environment() is None
    assert replace(Order(FLAG, 1, Limits(), Path())).hub is None
