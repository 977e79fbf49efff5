"""The golden data sets in LangSmith, over real HTTP and the real SDK: whole or not tagged, and never written for nothing."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from backend.cli.commands import app
from evals import operator
from evals.examples import PATHS, Dataset, Example, read_dataset, read_examples
from evals.hub import TAG, Hub, HubSilent, name_of, within
from evals.operator import push_and_report
from evals.push import EXAMPLES_A_REQUEST, Written, push
from tests.fakes.langsmith_api import LangSmithApi, client_of, langsmith_api

PATH = "email:reply"
NAME = name_of(PATH)
FIRST, SECOND, THIRD, FOURTH = read_examples(PATH)[:4]
CHANGED = replace(SECOND, slice="thin", expected={**SECOND.expected, "words": [9, 99]})
BEFORE, AFTER = [FIRST, SECOND, THIRD], [FIRST, CHANGED, FOURTH]
"""From one to the other an example is changed, one is removed and one comes in."""
ROUTES = {
    "old": ["POST /examples/bulk", "PATCH /examples/bulk"],
    "new": ["POST /v1/platform/datasets/{id}/examples", "PATCH /v1/platform/datasets/{id}/examples"],
}
COMMON = ["GET /datasets", "GET /examples", "DELETE /examples", "GET /datasets/{id}/version", "PUT /datasets/{id}/tags"]
SWALLOWED = ["GET /info", "GET /sessions"]
"""The SDK goes on without them."""
STATUSES = {401: "(401)", 404: "(404)", 429: "(429)", 500: "(500)", 0: "it cannot be reached, or did not answer in time"}


@pytest.fixture(params=["old", "new"])
def api(request: pytest.FixtureRequest) -> Iterator[LangSmithApi]:
    """A server of either profile."""
    with langsmith_api({"old": "0.8.5", "new": "0.9.0"}[request.param]) as server:
        assert server.takes_parts == (request.param == "new")
        yield server


def pushed(
    api: LangSmithApi, examples: Sequence[Example], *, timeout_s: float = 5, steps: list[int] | None = None
) -> tuple[Written, str]:
    """Push once; what was written, and why it ended, if early."""
    written, step = Written(PATH), (steps if steps is not None else []).append
    try:
        within(10, lambda: push(client_of(api, timeout_s=timeout_s), examples, written, step))
    except HubSilent as silent:
        return written, str(silent)
    return written, ""


def held(api: LangSmithApi, version: str | None = TAG) -> list[tuple[str, str]]:
    """Ids and slices of a version, in order."""
    return sorted(
        (each["metadata"]["example_id"], each["metadata"]["slice"]) for each in api.datasets[NAME].at(version).values()
    )


def told(examples: Sequence[Example]) -> list[tuple[str, str]]:
    """The same of examples."""
    return sorted((each.example_id, each.slice) for each in examples)


@pytest.mark.req("PUSH-R1", "PUSH-R2")
def test_a_push_creates_and_a_second_one_writes_nothing(api: LangSmithApi) -> None:
    """What the gate reads afterwards is what is on file."""
    number = EXAMPLES_A_REQUEST + 2
    written, _ = pushed(api, read_examples(PATH)[:number])
    assert str(written) == f"{NAME}: {number} created, 0 changed, 0 removed, tagged golden"
    asked = api.written
    assert pushed(api, read_examples(PATH)[:number]) == (Written(PATH, whole=True), "")
    assert api.written == asked == 4
    hub = Hub(client_of(api), [])
    assert hub.read(PATH, within_s=10).examples == sorted(read_examples(PATH)[:number], key=lambda each: each.example_id)


@pytest.mark.req("PUSH-R3")
def test_only_what_differs_is_written(api: LangSmithApi) -> None:
    """One changed, one removed, one new; a copy and a stranger go; the earlier version keeps what it held."""
    pushed(api, BEFORE)
    dataset = api.datasets[NAME]
    first_version = dataset.tags[TAG]
    copy = next(each for each in dataset.examples.values() if each["metadata"]["example_id"] == FIRST.example_id)
    ids = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(3)]
    strangers: dict[str, dict[str, Any]] = {key: {**copy, "id": key, "metadata": {}} for key in ids[:2]}
    dataset.write({**strangers, ids[2]: {**copy, "id": ids[2]}})
    steps: list[int] = []
    written, why = pushed(api, AFTER, steps=steps)
    assert (str(written), why) == (f"{NAME}: 1 created, 1 changed, 4 removed, tagged golden", "")
    assert sum(steps) == len(AFTER)
    assert Hub(client_of(api), []).read(PATH, within_s=10).examples == sorted(AFTER, key=lambda each: each.example_id)
    assert held(api, first_version) == told(BEFORE)


@pytest.mark.req("PUSH-R4")
@pytest.mark.parametrize("loses_answers", [False, True])
@pytest.mark.parametrize("writes", range(5))
def test_a_push_that_ends_anywhere_is_completed_by_the_next(api: LangSmithApi, writes: int, *, loses_answers: bool) -> None:
    """After each number of requests that write, the next one done or not; until then the version of before is read."""
    pushed(api, BEFORE)
    api.writes_left, api.loses_answers = writes, loses_answers
    written, why = pushed(api, AFTER)
    assert (written.whole, bool(why)) == ((True, False) if writes == 4 else (False, True))
    if not (loses_answers and writes == 3):
        assert held(api) == told(AFTER if writes == 4 else BEFORE)
    api.writes_left = None
    assert pushed(api, AFTER)[0].whole
    assert held(api) == told(AFTER)


@pytest.mark.req("PUSH-R5")
@pytest.mark.parametrize("status", STATUSES)
def test_each_route_may_be_sick(api: LangSmithApi, status: int) -> None:
    """The reason is named in words of our own and in time, no tag moves, and a healthy server completes it."""
    profile = "new" if api.takes_parts else "old"
    pushed(api, BEFORE)
    dataset = api.datasets[NAME]
    before = dataset.versions
    for route in [*COMMON, *ROUTES[profile]]:
        api.sick, dataset.versions = {route: status}, {**before}
        began = time.monotonic()
        written, why = pushed(api, AFTER, timeout_s=5 if status else 0.15)
        assert time.monotonic() - began < 5
        assert why.endswith(STATUSES[status]), route
        assert (written.whole, written.tagged, held(api)) == (False, False, told(BEFORE)), route
    dataset.versions = {**before}
    api.sick = dict.fromkeys(SWALLOWED if status else SWALLOWED[:1], status)
    written, why = pushed(api, AFTER, timeout_s=5 if status else 0.5)
    assert (written.whole, why, held(api)) == (True, "", told(AFTER))


@pytest.mark.req("PUSH-R6")
def test_what_changes_meanwhile_is_not_tagged(api: LangSmithApi) -> None:
    """Somebody removes an example after it was compared and before the version was read."""
    pushed(api, BEFORE)
    dataset = api.datasets[NAME]

    def meddle(_: int) -> None:
        dataset.write({}, [key for key, each in dataset.examples.items() if each["metadata"]["example_id"] == FIRST.example_id])

    with pytest.raises(ValueError, match="changed meanwhile"):
        push(client_of(api), BEFORE, Written(PATH), meddle)
    assert held(api) == told(BEFORE)


@pytest.fixture
def two_paths(api: LangSmithApi, monkeypatch: pytest.MonkeyPatch) -> LangSmithApi:
    """The server in the environment, and files of three examples each."""
    monkeypatch.setenv("LANGSMITH_API_KEY", "key")
    monkeypatch.setenv("LANGSMITH_ENDPOINT", api.url)

    def read_three(path: str) -> Dataset:
        return Dataset(read_examples(path)[:3], {})

    monkeypatch.setattr(operator, "read_dataset", read_three)
    return api


@pytest.mark.req("PUSH-R2", "PUSH-R5")
def test_the_command_says_what_was_written_and_what_was_not(two_paths: LangSmithApi) -> None:
    """A path that failed is told with its counts, those after it as not looked at, and the next push completes them."""
    two_paths.writes_left = 4
    first = CliRunner().invoke(app, ["evals", "push"])
    done, failed = (name_of(path) for path in list(PATHS)[:2])
    assert (first.exit_code, first.stdout) == (1, f"{done}: 3 created, 0 changed, 0 removed, tagged golden\n")
    why = "LangSmith: it failed (500); what it was asked last may have been done."
    assert first.stderr.splitlines() == [
        f"{failed}: 0 created, 0 changed, 0 removed, the tag not moved. {why}",
        *(f"{name_of(path)}: not looked at" for path in list(PATHS)[2:]),
        "The gate goes on with the examples tagged golden before. Push again: it goes on where this ended.",
    ]
    two_paths.writes_left = None
    second, third = (CliRunner().invoke(app, ["evals", "push"]) for _ in range(2))
    assert (second.exit_code, second.stdout.count("3 created")) == (0, 4)
    assert (third.exit_code, third.stdout.count("as it should be, nothing was written")) == (0, 5)


@pytest.mark.req("PUSH-R5")
def test_the_command_keeps_its_deadline(two_paths: LangSmithApi) -> None:
    """A server that hangs is left."""
    two_paths.sick["GET /examples"] = 0
    began = time.monotonic()
    assert push_and_report(0.4) == 1
    assert time.monotonic() - began < 4


@pytest.mark.req("PUSH-R7")
def test_without_a_key_or_a_dataset_nothing_is_written(two_paths: LangSmithApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file and the line are named."""
    Path("email.reply.jsonl").write_text("{}\n", "utf-8")
    monkeypatch.setattr(operator, "read_dataset", partial(read_dataset, folder=Path()))
    monkeypatch.setattr(operator, "PATHS", [PATH])
    spoiled = CliRunner().invoke(app, ["evals", "push"])
    refused = "Nothing was written: email.reply.jsonl, line 1: example_id: Field required; inputs: Field required; "
    assert (spoiled.exit_code, spoiled.stderr.startswith(refused)) == (1, True)
    monkeypatch.setenv("LANGSMITH_API_KEY", "")
    unknown = CliRunner().invoke(app, ["evals", "push"])
    assert (unknown.exit_code, unknown.stderr) == (1, "Nothing was written: LANGSMITH_API_KEY is not set.\n")
    assert not two_paths.asked
