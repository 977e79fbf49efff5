"""LangSmith well and sick, over real HTTP and the real SDK: the gate ends in time and decides as it would without."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backend.source import Commit
from evals import release
from evals.evidence import Evidence
from evals.examples import Dataset, Example, read_examples
from evals.hub import Hub
from evals.push import Written, push
from evals.release import Order, measure
from evals.report import to_markdown
from evals.run import Limits
from tests.evals.actors import FLAG, PATH, Actor, CannedModel
from tests.fakes.langsmith_api import LangSmithApi, client_of, langsmith_api

READING = ["GET /info", "GET /sessions", "GET /datasets", "GET /datasets/{id}/version", "GET /examples"]
SHOWING = ["POST /sessions", "POST /runs/multipart", "POST /feedback", "PATCH /sessions/{id}"]
FALLS_BACK = set(READING[2:])
SICK = [
    (profile, route, status)
    for profile in ("new", "old")
    for route in READING + SHOWING
    for status in ((401, 404, 429, 500, 0) if profile == "new" else (429, 500, 0))
]


@pytest.fixture(autouse=True)
def committed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No change is uncommitted, so a verdict on so few examples is a HOLD and nothing else; and git is not asked."""
    monkeypatch.setattr(release, "read_commit", lambda: Commit("a" * 40, "Ana Ngata <ana@vendor.example>", has_changes=False))


def golden(number: int) -> list[Example]:
    """Examples that may be pushed, under the ids that an actor reads."""
    return [replace(each, example_id=f"e{place:03}") for place, each in enumerate(read_examples(PATH)[:number])]


@pytest.fixture(scope="module")
def apis() -> Iterator[dict[str, LangSmithApi]]:
    """A server of each profile for the whole file, with a data set of two examples."""
    with langsmith_api("0.8.5") as old, langsmith_api("0.9.0") as new:
        for api in (old, new):
            push(client_of(api), golden(2), Written(PATH))
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


def run(said: list[str] | None = None, *, hub_within_s: float = 20, on_file: Sequence[Example] = ()) -> tuple[Evidence, float]:
    """Run a gate on two examples with LangSmith as the environment names it; its verdict, and how long it took."""
    hub = Hub.from_environment(timeout_s=min(hub_within_s / 3, 5))
    dataset = Dataset(on_file or golden(3), {"file": "three.jsonl", "sha256": "f" * 64})
    order = Order(FLAG, None, Limits(deadline_s=20), Path("verdicts"), lambda _: dataset, hub, hub_within_s)
    began = time.monotonic()
    say = (said if said is not None else []).append
    _, evidence = asyncio.run(measure(order, [Actor().subject()], CannedModel(), say=say))
    return evidence, time.monotonic() - began


def scores(evidence: Evidence) -> dict[tuple[Any, ...], Any]:
    """The scores of each trial, by its place."""
    trials = map(json.loads, (Path("verdicts") / evidence["cells"]["file"]).read_text("utf-8").splitlines())
    return {(each["arm"], each["example_id"], each["repetition"]): each["scores"] for each in trials}


def sizes(evidence: Evidence) -> tuple[Any, ...]:
    """The decision, and how many examples it rests on."""
    return evidence["verdict"]["exit_code"], evidence["verdict"]["paths"][0]["examples"], evidence["cells"]["lines"]


@pytest.mark.req("MEASURE-R7", "MEASURE-R10")
@pytest.mark.parametrize("profile", ["old", "new"])
def test_examples_are_read_by_name_and_the_verdict_is_shown(use: Callable[[str], LangSmithApi], profile: str) -> None:
    """Two experiments of six runs each, by their means; no example's text goes back, and the evidence names the version."""
    api = use(profile)
    said: list[str] = []
    evidence, _ = run(said)
    assert (sizes(evidence), said) == ((10, 2, 12), [])
    assert [api.asked[route] for route in SHOWING] == [2, 2, 6, 2]
    version = api.datasets[f"agentic-sales:{PATH}"].tags["golden"]
    assert evidence["sources"] == {PATH: {"langsmith": f"agentic-sales:{PATH}", "tag": "golden", "version": version}}
    assert f"`agentic-sales:{PATH}` of LangSmith, tag golden, version {version}" in to_markdown(evidence)


@pytest.mark.req("MEASURE-R7", "MEASURE-R9")
@pytest.mark.parametrize("profile", ["old", "new"])
def test_the_scores_are_those_of_a_run_offline(
    use: Callable[[str], LangSmithApi], profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same examples in another order from a file: the same cells, the same data, and so the attempt after."""
    use(profile)
    online, _ = run()
    monkeypatch.setenv("LANGSMITH_API_KEY", "")
    offline, _ = run(on_file=golden(2)[::-1])
    assert scores(online) == scores(offline)
    assert online["dataset_sha256"] == offline["dataset_sha256"]
    assert [evidence["conditions"]["attempt"] for evidence in (online, offline)] == [1, 2]


@pytest.mark.req("MEASURE-R8", "MEASURE-R10")
@pytest.mark.parametrize(("profile", "route", "status"), SICK)
def test_a_sick_langsmith_changes_no_decision(
    use: Callable[[str], LangSmithApi], profile: str, route: str, status: int
) -> None:
    """Each failure of each route of either profile: in time, on the examples on file where none were read; 0 hangs."""
    use(profile).sick[route] = status
    said: list[str] = []
    evidence, took_s = run(said, hub_within_s=20 if status else 0.6)
    on_file = evidence["sources"] == {PATH: {"file": "three.jsonl", "sha256": "f" * 64}}
    assert sizes(evidence) == ((10, 3, 18) if on_file else (10, 2, 12))
    assert on_file == any(line.startswith(f"The examples of {PATH} are those on file") for line in said)
    assert took_s < 6
    if status:
        shown = not any(line.startswith("LangSmith does not show the verdict") for line in said)
        assert (on_file, shown) == (route in FALLS_BACK, route not in {"GET /datasets", "GET /examples", *SHOWING})


@pytest.mark.req("MEASURE-R8")
def test_what_was_not_pushed_is_not_read(use: Callable[[str], LangSmithApi]) -> None:
    """An example that somebody made by hand, without the fields of one, is no ground for a verdict."""
    held = use("new").datasets[f"agentic-sales:{PATH}"]
    before = {**held.versions}, {**held.tags}
    held.write({"00000000-0000-4000-8000-000000000000": {"inputs": {}, "outputs": {}, "metadata": {"example_id": "e9"}}})
    held.tags["golden"] = max(held.versions)
    said: list[str] = []
    assert sizes(run(said)[0]) == (10, 3, 18)
    assert said[0].endswith("it holds what was not pushed there.")
    held.versions, held.tags = before


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
