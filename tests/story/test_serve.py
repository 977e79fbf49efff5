"""`agentic-sales serve` in a process of its own: it says where to go, ticks by itself, and ends in order."""

import asyncio
import json
import os
import re
import signal
from collections.abc import Generator
from contextlib import contextmanager
from http import HTTPStatus
from itertools import takewhile
from pathlib import Path

import httpx
import pytest

from backend.demo.scripted_model import Reply, ScriptedModelServer
from backend.wiring import open_service
from tests.northwind import CAMPAIGN_BODY, CONTACT, CONTACT_BODY, EMAIL
from tests.processes import running
from tests.rows import Rows
from tests.serving import Served

ADDRESS, NAME = CONTACT["address"], CONTACT["name"]


@contextmanager
def serving(*arguments: str, **variables: str) -> Generator[Served]:
    """Start the service on a free port and wait until it says where to go; kill it if it is still there at the end."""
    with running(["serve", "--port", "0", *arguments], {**os.environ, **variables}) as command:
        said = "".join(takewhile(lambda line: "  try  " not in line, command.stdout))
        url, token = re.search(r"reference +(\S+)/docs", said), re.search(r"token +(\S+)", said)
        assert url, command.stderr.read()
        assert token
        with httpx.Client(base_url=url[1], headers={"Authorization": f"Bearer {token[1]}"}) as client:
            yield Served(command, client, said)


async def tokens_that_live() -> list[bool]:
    """Of each token in the database of the service that ended, whether it still opens anything."""
    async with open_service({}) as service:
        return [token.revoked_at is None for token in await service.tokens.list()]


@pytest.mark.req("SERVE-R1", "SERVE-R2", "SERVE-R4")
def test_it_says_where_to_go_and_a_signal_ends_it_in_order() -> None:
    """The printed token opens the API; SIGTERM ends the process with exit code 0, and the token with it."""
    with serving("--no-ticker") as served:
        for place in (".data/agentic-sales.db", ".data/outbox"):
            assert str(Path(place).absolute()) in served.said
        assert served.ask("GET", "/healthz") == {"status": "ok"}
        assert served.ask("GET", "/readyz") == {"status": "ready", "reasons": []}
        assert served.ask("GET", "/drafts")["drafts"] == []
        stranger = served.client.get("/drafts", headers={"Authorization": "Bearer as_operator_guess"})
        assert stranger.status_code == HTTPStatus.UNAUTHORIZED
        assert served.end(signal.SIGTERM) == 0
    assert asyncio.run(tokens_that_live()) == [False]


@pytest.mark.req("SERVE-R1")
@pytest.mark.parametrize(
    ("variables", "model"),
    [
        ({"LLM_KILL_SWITCH": "true", "DEEPSEEK_API_KEY": "k"}, "none, LLM_KILL_SWITCH is on"),
        ({"DEEPSEEK_BASE_URL": "http://127.0.0.1:9", "DEEPSEEK_API_KEY": "k"}, "what listens on 127.0.0.1:9"),
        ({"DEEPSEEK_API_KEY": "k"}, "DeepSeek"),
        ({}, "none, for want of DEEPSEEK_API_KEY"),
    ],
)
def test_it_says_which_model_writes(variables: dict[str, str], model: str) -> None:
    """A model of this machine is told by its address, and that none is asked by why."""
    with serving("--no-ticker", **({"LLM_KILL_SWITCH": "false"} | variables)) as served:
        assert f"model      {model}" in served.said


@pytest.mark.req("SERVE-R3")
def test_its_ticker_stands_in_for_cron_and_its_log_names_nobody() -> None:
    """A contact enrolled over HTTP has a draft after a tick, with nobody calling the cron route; the log has ids and paths."""
    with serving("--tick-seconds", "0.1") as served:
        served.ask("POST", "/contacts", {"contacts": [CONTACT_BODY]})
        served.ask("POST", "/campaigns", CAMPAIGN_BODY)
        served.ask("POST", "/campaigns/close/enrolments", {"contact_id": "ada"})
        served.read_log_until("run.committed")
        (draft,) = served.ask("GET", f"/drafts?status=pending&limit=1&for={ADDRESS}")["drafts"]
        served.ask("POST", f"/drafts/{draft['draft_id']}/approve", {})
        assert len(list(Path(".data/outbox").glob("*.eml"))) == 1
        assert served.end(signal.SIGINT) == 0
    log = "\n".join(served.log)
    assert '"path": "/drafts"' in log
    assert [secret for secret in (ADDRESS, NAME, "as_operator_", "127.0.0.1") if secret in log] == []


def children_of(served: Served) -> dict[int, str]:
    """The processes the service has started and not ended: their command lines by their ids."""
    pid = served.command.process.pid
    ids = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()
    return {int(child): Path(f"/proc/{child}/cmdline").read_text("utf-8").replace("\0", " ") for child in ids}


@pytest.mark.req("SERVE-R4", "SERVE-R8")
async def test_a_signal_claims_nothing_more_and_finishes_what_runs() -> None:
    """Sent to every process while a model is asked, it lets the draft be written; the exit code is 0, and no lease is held."""
    asked = asyncio.Event()

    def answer(_name: str, _system: str, _user: str) -> Reply:
        asked.set()
        return Reply(json.dumps(EMAIL), delay_s=0.5)

    async with ScriptedModelServer(answer) as model:
        variables = {"LLM_KILL_SWITCH": "false", "DEEPSEEK_API_KEY": "k", "DEEPSEEK_BASE_URL": model.base_url}
        with serving("--no-ticker", **variables) as served:
            served.ask("POST", "/contacts", {"contacts": [CONTACT_BODY]})
            served.ask("POST", "/campaigns", CAMPAIGN_BODY)
            served.ask("POST", "/campaigns/close/enrolments", {"contact_id": "ada"})
            served.ask("POST", "/cron/resume")
            await asked.wait()
            ((sweeper, command),) = children_of(served).items()
            assert "backend.cli.sweeper" in command
            os.kill(sweeper, signal.SIGTERM)
            assert await asyncio.to_thread(served.end, signal.SIGTERM) == 0
    async with open_service({}) as service:
        thread = await Rows(service.database).thread()
    assert (thread["status"], thread["lease_owner"]) == ("awaiting_approval", None)
