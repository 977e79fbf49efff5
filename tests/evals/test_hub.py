"""LangSmith well and sick, over real HTTP and the real SDK: the gate ends in time and decides as it would without."""

import asyncio
import time
from collections.abc import Callable, Iterator
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


# Both profiles where they differ, which is in feedback.
STATUSES = (401, 404, 429, 500, 0)
SICK = [(profile, route) for profile in ("new", "old") for route in SHOWING if profile == "new" or route == "POST /feedback"]


@pytest.fixture(scope="module")
def apis() -> Iterator[dict[str, LangSmithApi]]:
    """A server of each profile for the whole file, with a data set of two examples."""
    with langsmith_api("0.8.5") as old, langsmith_api("0.9.0") as new:
        for api in (old, new):
            api.add_dataset(NAME)
            for each in examples(2):
                metadata = {"example_id": each.example_id, "cluster": each.cluster, "slice": each.slice, "language": "en"}
                api.add_example(NAME, each.inputs, {"expected": each.expected}, metadata)
        yield {"old": old, "new": new}


@pytest.fixture
def use(apis: dict[str, LangSmithApi], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], LangSmithApi]:
    """Name a server, well, in the environment."""

    def named(profile: str) -> LangSmithApi:
        api = apis[profile]
        api.sick.clear()
        api.asked.clear()
        monkeypatch.setenv("LANGSMITH_API_KEY", "key")
        monkeypatch.setenv("LANGSMITH_ENDPOINT", api.url)
        monkeypatch.setenv("LLM_KILL_SWITCH", "false")
        return api

    return named


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


@pytest.mark.req("MEASURE-R7")
@pytest.mark.parametrize("profile", ["old", "new"])
def test_examples_are_read_by_name_and_the_verdict_is_shown(use: Callable[[str], LangSmithApi], profile: str) -> None:
    """Two experiments of six runs each, by their means; no example's text goes back."""
    api = use(profile)
    said: list[str] = []
    evidence, _ = run(said)
    assert (sizes(evidence), said) == ((True, 2, 12), [])
    assert [api.asked[route] for route in SHOWING] == [2, 2, 6, 2]


@pytest.mark.req("MEASURE-R8")
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("route", READING)
def test_a_sick_langsmith_gives_no_examples_and_those_on_file_are_used(
    use: Callable[[str], LangSmithApi], route: str, status: int
) -> None:
    """Each failure of each route that is read: three examples on file instead of two, in time."""
    use("new").sick[route] = status
    said: list[str] = []
    evidence, took_s = run(said)
    assert sizes(evidence) == (True, 3, 18)
    assert said[0].startswith("The examples of campaign:coach_plan are those on file")
    assert took_s < 4


@pytest.mark.req("MEASURE-R8")
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(("profile", "route"), SICK)
def test_a_sick_langsmith_shows_nothing_and_the_verdict_is_on_file(
    use: Callable[[str], LangSmithApi], profile: str, route: str, status: int
) -> None:
    """Each failure of each route that is written: the decision is the one there is, in time; 0 hangs."""
    use(profile).sick[route] = status
    said: list[str] = []
    evidence, took_s = run(said)
    assert sizes(evidence) == (True, 2, 12)
    assert said[0].startswith("LangSmith does not show the verdict")
    assert took_s < 4


@pytest.mark.req("MEASURE-R9")
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
