"""The suite's own environment: nothing leaves this machine, and nothing of a developer's comes in."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from backend.demo.hours import AT_ANY_HOUR
from backend.settings import Settings, kill_switch_is_on, read_settings
from tests.loopback import BeyondLoopback

ROOT = Path(__file__).parents[2]

ELSEWHERE = "192.0.2.1"  # RFC 5737: documentation, nobody's machine


def test_a_connection_beyond_loopback_is_refused_and_remembered(refused_hosts: list[str]) -> None:
    """A plain socket cannot leave, by name or by number, with or without a connection."""
    with pytest.raises(BeyondLoopback), socket.socket() as stream:
        stream.connect((ELSEWHERE, 80))
    with pytest.raises(BeyondLoopback), socket.socket() as stream:
        stream.connect_ex((ELSEWHERE, 80))
    with pytest.raises(BeyondLoopback), socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        datagrams.sendto(b"", (ELSEWHERE, 53))
    with pytest.raises(BeyondLoopback):
        socket.getaddrinfo("example.com", 443)
    assert refused_hosts == [ELSEWHERE, ELSEWHERE, ELSEWHERE, "example.com"]
    refused_hosts.clear()


async def test_asyncio_and_httpx_are_refused_alike(refused_hosts: list[str]) -> None:
    """An event loop's connections pass the same guard; a client takes the refusal for a network that is down."""
    with pytest.raises(BeyondLoopback):
        await asyncio.open_connection(ELSEWHERE, 443)
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("https://api.deepseek.com/")
    assert refused_hosts == [ELSEWHERE, "api.deepseek.com"]
    refused_hosts.clear()


def test_a_thread_is_refused_alike(refused_hosts: list[str]) -> None:
    """A library's background thread passes the same guard."""
    seen: list[BaseException] = []

    def connect() -> None:
        try:
            socket.create_connection((ELSEWHERE, 443))
        except OSError as error:
            seen.append(error)

    thread = threading.Thread(target=connect)
    thread.start()
    thread.join()
    assert [type(error) for error in seen] == [BeyondLoopback]
    refused_hosts.clear()


async def test_loopback_is_open() -> None:
    """A server on this machine answers, by number and by name, over IPv4."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        for host in ("127.0.0.1", "localhost"):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            await writer.wait_closed()


def test_a_refusal_the_code_swallows_still_fails_the_test(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that fails open cannot hide an attempt to leave."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(f"""
        import contextlib, socket

        def test_it():
            with contextlib.suppress(OSError), socket.socket() as stream:
                stream.connect(("{ELSEWHERE}", 80))
    """)
    result = pytester.runpytest_subprocess("-p", "tests.loopback")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([f"*This test tried to reach {ELSEWHERE}; the suite reaches loopback only.*"])


def test_settings_are_the_defaults_with_models_off() -> None:
    """No variable and no `.env` of a developer reaches a test; only the kill switch is set, and emails leave at any hour."""
    assert not Path(".env").exists()
    assert read_settings() == Settings.model_construct(llm_kill_switch=True, **AT_ANY_HOUR)
    assert kill_switch_is_on(default=False)
    assert os.environ["LANGSMITH_TRACING"] == os.environ["LANGSMITH_TEST_TRACKING"] == "false"


@pytest.mark.usefixtures("models_allowed")
def test_a_test_may_lift_the_kill_switch() -> None:
    """`models_allowed` lifts it for one test, for the start-up settings and for each call."""
    assert not read_settings().llm_kill_switch
    assert not kill_switch_is_on(default=True)


def test_each_test_has_an_empty_folder_of_its_own(own_folder: Path) -> None:
    """Relative paths, such as the default database's, lead nowhere a second test looks."""
    assert Path.cwd() == own_folder
    assert not list(own_folder.iterdir())


@pytest.mark.req("AA06-R22")
def test_the_kill_switch_in_the_env_file_counts_without_a_restart(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that runs sees the file change at its next model call; what is no switch keeps models off."""
    monkeypatch.delenv("LLM_KILL_SWITCH")
    for text, is_on in (("true", True), ("false", False), ("perhaps", True), ("", False)):
        (own_folder / ".env").write_text(f"LLM_KILL_SWITCH={text}\n", "utf-8")
        assert kill_switch_is_on(default=False) is is_on


@pytest.mark.req("D1-R11")
def test_whoever_imports_the_service_gets_strict_checkpoints() -> None:
    """Without the variable in the environment, LangGraph and its serializer are strict as soon as `backend` is imported."""
    environment = {name: value for name, value in os.environ.items() if name != "LANGGRAPH_STRICT_MSGPACK"}
    program = "import backend.d1; from langgraph.checkpoint.serde import _msgpack; print(_msgpack.STRICT_MSGPACK_ENABLED)"
    command = [sys.executable, "-c", program]
    told = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603  # our own
    assert told.stdout == "True\n"
