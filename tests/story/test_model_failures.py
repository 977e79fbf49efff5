"""A model that fails costs a draft its quality and nothing else: it is counted, kept, logged and reported."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import structlog

from backend.demo.scripted_model import Reply, Script, ScriptedModelServer
from backend.domain.flags import Flags
from backend.errors import ModelCallFailed
from backend.graphs.writing import MAX_REJECTED_CHARS
from backend.store.views import D1Views
from tests.fakes.loopback_http import LoopbackHttp, completion
from tests.graphs.team import team
from tests.llm.adapter import deepseek
from tests.northwind import EMAIL, PLAN, SCRIPT
from tests.story.fleet import Fleet, open_fleet

FAR_TOO_MUCH = {**PLAN, "max_touches": 60}
STRANGE_LINK = {**EMAIL, "body": "Hello Ada, see https://elsewhere.example/now and call me."}


@asynccontextmanager
async def asking(base_url: str, *, coach: bool = False) -> AsyncGenerator[Fleet]:
    """A fleet that asks a server over HTTP, with one enrolled contact."""
    async with open_fleet(coach=coach) as fleet, deepseek(base_url) as make_llm:
        fleet.campaigns = replace(fleet.campaigns, make_llm=make_llm)
        await fleet.enrol()
        yield fleet


async def draft_meta(fleet: Fleet) -> dict[str, Any]:
    """The telemetry of the one draft there is."""
    (row,) = await fleet.rows.drafts()
    return dict(json.loads(row["graph_meta"]))


@pytest.mark.req("MODEL-R8", "MODEL-R9")
@pytest.mark.parametrize(
    "lie",
    [
        {"model": "deepseek\ud800"},
        {"usage": {"prompt_tokens": 2**64, "completion_tokens": 2**64}},
        {"model": "x" * 3_000_000},
    ],
    ids=["half a surrogate", "2^64 tokens", "a name of 3 MB"],
)
async def test_what_a_server_says_of_itself_breaks_no_thread(lie: dict[str, Any]) -> None:
    """The touch is drafted in one run, the draft can be read, and approving it sends it."""
    async with (
        LoopbackHttp(completion(json.dumps(EMAIL), **lie)).listening() as server,
        asking(f"http://127.0.0.1:{server.port}") as fleet,
    ):
        (run,) = (await fleet.resume()).runs
        assert (run.status, run.error) == ("awaiting_approval", "")
        card = await D1Views(fleet.database, fleet.saver, Flags()).draft(await fleet.pending())
        json.dumps(card.graph_meta, ensure_ascii=False).encode()
        assert (await fleet.decide("approve")).sent


def says(coach: Any, email: Any) -> Script:
    """A model of DeepSeek's that plans and writes this."""

    def speak(name: str, _system: str, _user: str) -> Reply:
        said = coach if name == "campaign:coach_plan" else email
        return Reply(said if isinstance(said, str) else json.dumps(said), model="deepseek-flash")

    return speak


@pytest.mark.req("MODEL-R15", "MODEL-R16")
@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("Of course! Here is your email.", "it is not JSON"),
        ({"subject": "Hello"}, "it holds no subject and body"),
        ({"subject": " ", "body": "Hello Ada"}, "its subject or its body is blank"),
        (STRANGE_LINK, "it holds 1 link(s) outside the campaign's allow-list"),
    ],
    ids=["prose", "half", "blank", "link"],
)
async def test_an_answer_that_is_not_used_is_counted_and_kept(said: Any, why: str) -> None:
    """The draft is the default one; its telemetry has the call, its tokens, its dollars, and what the model said."""
    async with ScriptedModelServer(says(PLAN, said)) as server, asking(server.base_url) as fleet:
        await fleet.resume()
        meta = await draft_meta(fleet)
    assert (meta["model"], meta["model_calls"]) == ("deepseek-flash", 1)
    assert min(meta["input_tokens"], meta["output_tokens"], meta["cost_usd"]) > 0
    words = said if isinstance(said, str) else json.dumps(said)
    failure = {"prompt": "email:compose", "error": "ModelAnswerUnusable", "why": why, "answer": words.strip()}
    assert meta["model_failures"] == [failure]


@pytest.mark.req("MODEL-R16")
async def test_what_is_kept_is_cut_and_clean() -> None:
    """No invisible character, no half of a pair, and no more than enough to see what went wrong."""
    said = "Dear\u202e Ada\x00, " + "well " * 3_000
    async with ScriptedModelServer(says(PLAN, said)) as server, asking(server.base_url) as fleet:
        await fleet.resume()
        (failure,) = (await draft_meta(fleet))["model_failures"]
    assert failure["answer"].startswith("Dear Ada, well well")
    assert MAX_REJECTED_CHARS - 5 <= len(failure["answer"]) <= MAX_REJECTED_CHARS


@pytest.mark.req("MODEL-R15", "MODEL-R16", "MODEL-R18")
async def test_a_plan_that_is_not_used_is_counted_and_kept() -> None:
    """Beside the default plan stands what planning took and what the coach said; the sweep counts both failures, once."""
    async with ScriptedModelServer(says(FAR_TOO_MUCH, "no")) as server, asking(server.base_url, coach=True) as fleet:
        report = await fleet.resume()
        meta = (await fleet.state())["coach_meta"]
        assert (meta["model_calls"], report.counts["model_failures"]) == (1, 2)
        assert meta["cost_usd"] > 0
        (failure,) = meta["model_failures"]
        assert (failure["why"], json.loads(failure["answer"])) == ("the plan breaks its bounds", FAR_TOO_MUCH)
        await fleet.decide("approve")
        assert (await fleet.fast_forward()).counts["model_failures"] == 1


@pytest.mark.req("MODEL-R15")
async def test_the_teams_failures_add_up() -> None:
    """The leader's and the writer's answers are both kept with the one draft, and both counted."""
    meta = (await team(role_plan={"roles": ["reviewer"]}, compose="no").write())["graph_meta"]
    assert meta["model_calls"] == 2
    assert [failure["prompt"] for failure in meta["model_failures"]] == ["email:role_plan", "email:compose"]


@pytest.mark.req("MODEL-R16", "MODEL-R18")
async def test_a_call_that_failed_is_counted_too() -> None:
    """It was made; what it was billed nobody knows."""
    async with open_fleet({"email:compose": ModelCallFailed("HTTP 500")}) as fleet:
        await fleet.enrol()
        report = await fleet.resume()
        meta = await draft_meta(fleet)
    assert (report.counts["model_failures"], report.counts["failed"]) == (1, 0)
    assert (meta["model"], meta["model_calls"]) == ("none", 1)
    assert meta["model_failures"][0]["error"] == "ModelCallFailed"


@pytest.mark.req("MODEL-R18")
async def test_a_model_that_is_off_fails_nothing() -> None:
    """Nothing was asked, so nothing is counted, kept or logged."""
    with structlog.testing.capture_logs() as lines:
        async with open_fleet() as fleet:
            await fleet.enrol()
            report = await fleet.resume()
            meta = await draft_meta(fleet)
    assert report.counts["model_failures"] == 0
    assert meta == {"prompt": "email:compose", "model": "none", "model_calls": 0}
    assert "model.failed" not in {line["event"] for line in lines}


@pytest.mark.req("MODEL-R17")
async def test_a_failure_is_one_line_of_the_log_without_a_word_of_anybody() -> None:
    """The prompt path, the class and the reason; not what the prompt held, nor what the model said."""
    script = {**SCRIPT, "campaign:coach_plan": "no plan for Ada Ngata", "email:compose": ModelCallFailed("HTTP 401")}
    with structlog.testing.capture_logs() as lines:
        async with open_fleet(script, coach=True) as fleet:
            await fleet.enrol()
            await fleet.resume()
    said = [line for line in lines if line["event"] == "model.failed"]
    assert [(line["prompt"], line["error"], line["why"]) for line in said] == [
        ("campaign:coach_plan", "ModelAnswerUnusable", "it is not JSON"),
        ("email:compose", "ModelCallFailed", "HTTP 401"),
    ]
    assert {line["log_level"] for line in said} == {"warning"}
    assert [word for word in ("Ada", "Ngata", "Northwind", "close takes") if word in str(lines)] == []
