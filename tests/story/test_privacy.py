"""What leaves the process beside emails holds ids and counts, never a person's data."""

import asyncio

import pytest
import structlog
from langsmith import Client, tracing_context  # pyright: ignore[reportUnknownVariableType]  # its types are partly open
from langsmith.utils import get_env_var

from backend.wiring import open_service
from tests.fakes.langsmith import langsmith_on_loopback
from tests.northwind import EMAIL, SCRIPT
from tests.story.fleet import Fleet, open_fleet

SECRETS = ("ada@northwind.example", "Ada Ngata", "northwind.example", EMAIL["body"], "month-end close takes three days")


async def live_a_touch(fleet: Fleet) -> None:
    """One composed, approved and sent touch."""
    await fleet.enrol()
    await fleet.touch()
    assert fleet.mailer.delivered


async def test_the_log_names_threads_and_no_person() -> None:
    """Every line of a touch's log is free of address, name, company and text."""
    with structlog.testing.capture_logs() as lines:
        async with open_fleet(SCRIPT, coach=True) as fleet:
            await live_a_touch(fleet)
    assert {line["event"] for line in lines} == {"run.committed"}
    assert [secret for secret in SECRETS if secret in str(lines)] == []


async def test_a_failed_run_is_logged_without_its_message() -> None:
    """An error's text may quote a person; the log has its class, the database its text."""
    broken = {**SCRIPT, "email:compose": RuntimeError("cannot write to ada@northwind.example")}
    with structlog.testing.capture_logs() as lines:
        async with open_fleet(broken) as fleet:
            await fleet.enrol()
            await fleet.resume()
    assert {line["event"] for line in lines} >= {"run.failed", "run.committed"}
    assert "RuntimeError" in str(lines)
    assert [secret for secret in SECRETS if secret in str(lines)] == []


async def traced(monkeypatch: pytest.MonkeyPatch, hide: str | None) -> bytes:
    """What LangSmith is sent of a touch, with its two variables set to this or not at all."""
    for name in ("LANGSMITH_HIDE_INPUTS", "LANGSMITH_HIDE_OUTPUTS"):
        monkeypatch.setenv(name, hide or "")
        if hide is None:
            monkeypatch.delenv(name)
    get_env_var.cache_clear()  # type: ignore[attr-defined]  # an lru_cache, typed as the function it wraps
    async with langsmith_on_loopback() as langsmith, open_service({"d1_url": "sqlite:///:memory:"}):
        client = Client(api_url=langsmith.url, api_key="key", info={})
        with tracing_context(enabled=True, client=client):
            async with open_fleet(SCRIPT, coach=True) as fleet:
                await live_a_touch(fleet)
        await asyncio.to_thread(client.flush)
        await asyncio.to_thread(client.cleanup)
    get_env_var.cache_clear()  # type: ignore[attr-defined]  # an lru_cache, typed as the function it wraps
    return b"".join(langsmith.received)


@pytest.mark.req("MODEL-R19")
@pytest.mark.parametrize("hide", [None, "", " ", "true", "TRUE", "1", "yes", "False", "0", "hush"])
async def test_a_trace_hides_what_goes_in_and_out(monkeypatch: pytest.MonkeyPatch, hide: str | None) -> None:
    """With tracing on, LangSmith learns the graph's nodes and not one word of a contact, whatever the variables hold."""
    received = await traced(monkeypatch, hide)
    assert b"compose_touch" in received
    assert [secret for secret in SECRETS if secret.encode() in received] == []


@pytest.mark.req("MODEL-R19")
async def test_a_trace_shows_when_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exact word `false` shows the state of the graph: the test above looks where there would be something to see."""
    received = await traced(monkeypatch, "false")
    assert b"Ada Ngata" in received
    assert b"month-end close takes three days" in received
