"""AA06, the team: a leader assigns, workers write, a rule reviews, and the next run remembers."""

import asyncio
import json
from dataclasses import fields
from typing import Any

import pytest

from backend.errors import ModelCallFailed
from backend.graphs import email_orchestrator_graph
from backend.graphs.email_orchestrator_graph import OrchestratorDeps
from backend.ports import MakeLLM
from tests.fakes.scripted_model import Line
from tests.goldens import CheckGolden
from tests.graphs.team import EMAIL, INCOMING, silent_team, team

FACT = "Its close takes three days"


@pytest.mark.req("AA06-R2")
async def test_the_baseline_is_what_it_was(check_golden: CheckGolden) -> None:
    """With the flag off requests, payloads and final states are byte for byte the golden ones, asked or silent."""
    runs: dict[str, Any] = {}
    for name, writers in (("scripted", team()), ("silent", silent_team())):
        states = [await writers.write(led=False), await writers.write(INCOMING, led=False)]
        runs[name] = {"requests": writers.requests(), "payloads": writers.payloads, "states": states}
    check_golden("email_orchestrator_baseline.json", f"{json.dumps(runs, indent=1, ensure_ascii=False)}\n")


@pytest.mark.req("AA06-R2")
async def test_the_roles_are_all_a_led_worker_is_told_beside() -> None:
    """A led payload is the baseline's with the roles added; the baseline's has no such key."""
    baseline, led = team(), team()
    await baseline.write(led=False)
    await led.write()
    told = {**baseline.payloads[0], "roles": ["researcher", "composer", "reviewer"]}
    assert led.payloads == [told, told]  # researcher and writer
    assert "roles" not in baseline.payloads[0]


@pytest.mark.req("AA06-R4")
@pytest.mark.parametrize("led", [True, False])
async def test_an_email_that_came_in_is_answered_and_else_the_next_is_composed(*, led: bool) -> None:
    """The action picks the worker, by a rule whose reason is kept."""
    writers = team()
    composed, replied = await writers.write(led=led), await writers.write(INCOMING, led=led)
    assert [composed["action"], replied["action"]] == ["compose", "reply"]
    assert [request["name"] for request in writers.requests() if "role_plan" not in request["name"]] == [
        "email:compose",
        "email:reply",
    ]
    assert "1 email(s) were sent before" in composed["action_provenance"]["reason"]
    assert "the contact wrote" in replied["action_provenance"]["reason"]


@pytest.mark.req("AA06-R5", "TEXT-R11")
async def test_the_next_run_knows_what_the_last_one_learned() -> None:
    """An objection and a wish out of an email stand in the next prompt; of drafts that nobody sent nothing is kept."""
    learned = [
        {"kind": "objection", "text": "too dear"},
        {"kind": "wish", "text": "ask in May"},
        {"kind": "gossip", "text": "x"},
    ]
    writers = team(reply={**EMAIL, "learned": learned})
    await writers.write(INCOMING)
    await writers.write()
    told = writers.requests("email:compose")[0]["user"]
    assert "<<<DATA remembered\nobjection: too dear\nwish: ask in May\nDATA remembered>>>" in told
    assert [memory["text"] for memory in writers.records.memories_of("ada")] == ["too dear", "ask in May"]


@pytest.mark.req("AA06-R6")
def test_the_orchestrator_has_nothing_to_send_with() -> None:
    """It is given records, a model, a clock and a reach, and its page knows no mailer and no ledger."""
    assert {field.name for field in fields(OrchestratorDeps)} == {"records", "make_llm", "clock", "reach"}
    assert not {"Mailer", "SendLedger", "OutgoingEmail"} & vars(email_orchestrator_graph).keys()
    assert vars(email_orchestrator_graph)["MakeLLM"] is MakeLLM


@pytest.mark.req("AA06-R11", "AA06-R19")
@pytest.mark.parametrize("roles", [["researcher", "composer", "reviewer"], ["composer"]])
async def test_a_led_email_takes_two_standard_calls_and_is_reviewed(roles: list[str]) -> None:
    """One call for the leader, one for the writer, none for the review, which is made whatever the roles say."""
    writers = team(role_plan={"roles": roles})
    state = await writers.write()
    assert [(request["tier"], request["name"]) for request in writers.requests()] == [
        ("standard", "email:role_plan"),
        ("standard", "email:compose"),
    ]
    assert state["role_plan"]["roles"] == roles
    assert state["role_plan"]["provenance"]["source"] == "model"
    assert state["graph_meta"]["review_passed"] is True
    assert state["graph_meta"]["review_notes"] == []
    assert state["graph_meta"]["model_calls"] == 2


async def test_tokens_of_leader_and_writer_are_added_up() -> None:
    """A led email says what all of it took, not its last call alone."""
    alone, led = await team().write(led=False), await team().write()
    assert led["graph_meta"]["input_tokens"] > alone["graph_meta"]["input_tokens"] > 0
    assert alone["graph_meta"]["model_calls"] == 1


@pytest.mark.req("AA06-R12", "AA06-R16")
async def test_an_invented_role_is_not_assigned() -> None:
    """Strangers go, order comes back, and what is left is what the worker is told."""
    writers = team(role_plan={"roles": ["closer", "reviewer", "composer", "researcher", "composer"]})
    state = await writers.write()
    assert state["role_plan"]["roles"] == writers.payloads[0]["roles"] == ["researcher", "composer", "reviewer"]


@pytest.mark.req("AA06-R13", "AA06-R15")
@pytest.mark.parametrize(
    ("line", "why"),
    [
        (ModelCallFailed("it answered 500"), "it answered 500"),
        ("Of course! Here is my plan.", "not usable"),
        ({"roles": ["closer"]}, "names no composer"),
        ({"roles": "composer"}, "names no composer"),
        ({}, "names no composer"),
    ],
    ids=str,
)
async def test_a_role_plan_that_cannot_be_had_is_the_default(line: Line, why: str) -> None:
    """The defaults are assigned with the reason why, and the writer writes all the same."""
    writers = team(role_plan=line)
    state = await writers.write()
    assert state["role_plan"]["roles"] == ["researcher", "composer"]
    assert state["role_plan"]["provenance"]["source"] == "default"
    assert state["role_plan"]["provenance"]["confidence"] == 0.0
    assert why in state["role_plan"]["provenance"]["reason"]
    assert state["draft"]["provenance"]["source"] == "model"


@pytest.mark.req("AA06-R15", "AA06-R22")
@pytest.mark.parametrize("led", [True, False])
@pytest.mark.parametrize("incoming", [None, INCOMING])
async def test_a_model_that_may_not_be_asked_costs_quality_alone(incoming: Any, *, led: bool) -> None:
    """Plan and draft are the defaults, both say so, and the draft is whole."""
    writers = silent_team()
    state = await writers.write(incoming, led=led)
    assert writers.requests() == []
    assert state["draft"]["provenance"]["source"] == "default"
    assert "No model was asked" in state["draft"]["provenance"]["reason"]
    assert state["draft"]["body"].startswith("Hello Ada,")
    if led:
        assert state["role_plan"]["roles"] == ["researcher", "composer"]
        assert "No model was asked" in state["role_plan"]["provenance"]["reason"]
        assert state["graph_meta"]["review_passed"] is True


@pytest.mark.req("AA06-R17")
@pytest.mark.parametrize(("roles", "told"), [(["composer"], False), (["researcher", "composer"], True)])
@pytest.mark.parametrize(("incoming", "path"), [(None, "email:compose"), (INCOMING, "email:reply")])
async def test_a_writer_without_a_researcher_rests_on_no_facts(
    roles: list[str], incoming: Any, path: str, *, told: bool
) -> None:
    """Who was not asked to research did not: no fact is in the prompt, and none is named as evidence."""
    writers = team(role_plan={"roles": roles})
    state = await writers.write(incoming)
    assert (FACT in writers.requests(path)[0]["user"]) == told
    assert any(FACT in evidence for evidence in state["draft"]["provenance"]["evidence"]) == told


@pytest.mark.req("AA06-R20")
async def test_a_failed_review_is_stamped_and_blocks_nothing() -> None:
    """The draft comes back with the verdict beside it, and the run ends as any other."""
    writers = team(compose={"subject": "For {{team}}", "body": "Hello {{nickname}}, shall we talk?"})
    state = await writers.write()
    assert "Hello {{nickname}}, shall we talk?" in state["draft"]["body"]
    assert state["graph_meta"]["review_passed"] is False
    assert state["graph_meta"]["review_notes"] == [
        "the subject holds an unresolved {{team}}",
        "the body holds an unresolved {{nickname}}",
    ]


@pytest.mark.req("TEXT-R16")
async def test_the_reviewer_reads_with_the_campaign_in_hand() -> None:
    """A link that slipped past the writer, or a closing that is gone, is noted as in any other email."""
    draft = {"subject": "Hi", "body": "See https://evil.example"}
    state: Any = {"campaign": {"allowed_links": []}, "draft": draft, "graph_meta": {}}
    assert (await email_orchestrator_graph.review_draft(state))["graph_meta"]["review_notes"] == [
        "the body holds a link that the campaign does not allow: https://evil.example",
        "the body has no opt-out line: it does not say how to be left alone",
    ]


@pytest.mark.req("AA06-R19")
async def test_the_baseline_has_no_reviewer() -> None:
    """With the flag off there is no verdict, not even a good one."""
    state = await team().write(led=False)
    assert not {"review_passed", "review_notes"} & state["graph_meta"].keys()


async def test_two_runs_at_once_do_not_meet() -> None:
    """Runs share graphs and nothing else."""
    asked, silent = await asyncio.gather(team().write(), silent_team().write())
    assert [run["draft"]["provenance"]["source"] for run in (asked, silent)] == ["model", "default"]
