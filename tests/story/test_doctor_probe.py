"""The examination's one question to the model: made when it is asked for, and told whatever comes of it."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import count

import pytest
from typer.testing import CliRunner

from backend.cli.commands import app
from backend.demo.scripted_model import Reply, ScriptedModelServer
from backend.doctor import Finding, examine
from tests.fakes import model_replies
from tests.fakes.clock import FixedClock
from tests.fakes.unlike_d1 import BlankDatabase
from tests.llm.adapter import KEY

READY = '{"ready": true}'


def stopwatch() -> Iterator[float]:
    """A watch on which each look is half a second after the last."""
    return count(0.0, 0.5)


async def probed(reply: str | Reply, **settings: object) -> tuple[Finding, int]:
    """The finding on a model that says this, and how often it was asked."""
    async with ScriptedModelServer(lambda _name, _system, _user: reply) as server:
        overrides = {"deepseek_base_url": server.base_url, "deepseek_api_key": KEY, **settings}
        ticks = stopwatch()
        report = await examine(
            overrides, opening=nullcontext(BlankDatabase()), clock=FixedClock(), stopwatch=lambda: next(ticks), probe=True
        )
    return report["model"], len(server.requests)


@pytest.mark.req("MODEL-R21")
@pytest.mark.usefixtures("models_allowed")
async def test_a_model_that_answers_is_told_of() -> None:
    """Who, how fast, how many tokens, for how much; one question was asked."""
    finding, asked = await probed(Reply(READY, model="deepseek-flash"))
    assert (finding.state, asked) == ("ok", 1)
    assert finding.found == "deepseek-flash answered as it was asked to, in 0.5 s, 29 + 3 tokens, $0.000012"


@pytest.mark.req("MODEL-R21")
@pytest.mark.usefixtures("models_allowed")
@pytest.mark.parametrize(
    ("reply", "state", "words"),
    [
        (Reply('{"mood": "fine"}'), "note", "scripted answered in 0.5 s"),
        (model_replies.prose, "wrong", "it is not JSON. It took 0.5 s."),
        (Reply(status=401), "wrong", "HTTP 401. It took 0.5 s."),
        (Reply(status=402), "wrong", "HTTP 402"),
        (model_replies.no_completion, "wrong", "no chat completion"),
    ],
)
async def test_a_model_that_does_not_is_told_of_too(reply: Reply, state: str, words: str) -> None:
    """What came back instead, and what to look at."""
    finding, asked = await probed(reply)
    assert (finding.state, asked) == (state, 1)
    assert words in finding.found
    assert finding.advice


@pytest.mark.req("MODEL-R21")
async def test_a_model_that_is_off_is_not_asked() -> None:
    """The switch holds here too, and the finding names it; a missing key does as well."""
    finding, asked = await probed(READY)
    assert (finding.state, finding.found, asked) == ("note", "No model was asked: LLM_KILL_SWITCH is on.", 0)


@pytest.mark.req("DOCTOR-R3", "MODEL-R21")
@pytest.mark.usefixtures("models_allowed")
@pytest.mark.parametrize("state", ["ok", "wrong"])
async def test_no_finding_holds_the_key(state: str) -> None:
    """Even when the server repeats it wherever it can."""
    said = READY if state == "ok" else f"{KEY} is your key"
    finding, _ = await probed(Reply(said, model=f"echo of {KEY}"))
    assert finding.state == state
    assert KEY not in f"{finding.found} {finding.advice}"


@pytest.mark.req("DOCTOR-R12", "MODEL-R21")
@pytest.mark.usefixtures("models_allowed")
@pytest.mark.parametrize(("arguments", "asked"), [("", 0), (" --probe", 1)])
async def test_the_command_asks_only_when_told_to(monkeypatch: pytest.MonkeyPatch, arguments: str, asked: int) -> None:
    """Without --probe there is no finding on the model, because nobody asked it."""
    async with ScriptedModelServer(lambda _name, _system, _user: READY) as server:
        monkeypatch.setenv("DEEPSEEK_BASE_URL", server.base_url)
        monkeypatch.setenv("DEEPSEEK_API_KEY", KEY)
        answered = await asyncio.to_thread(CliRunner().invoke, app, ["doctor", "--json", *arguments.split()])
    checks = {check["check"]: check for check in json.loads(answered.stdout)["checks"]}
    assert (len(server.requests), "model" in checks) == (asked, bool(asked))
