"""The way to D1 over HTTP: whom it trusts, and that nobody of the environment stands in it."""

import json
from pathlib import Path

import pytest

from backend.d1.database import open_database
from backend.d1.statements import Statement
from backend.errors import DatabaseUnreachable, SettingRefused
from tests.d1.conftest import NO_WAITING
from tests.fakes.authority import found_authority
from tests.fakes.loopback_d1 import LoopbackD1
from tests.fakes.loopback_http import LoopbackHttp

ONE = [Statement("SELECT 1 AS one")]
RESULT = {"success": True, "results": {"columns": ["one"], "rows": [[1]]}, "meta": {}}
ANSWER = json.dumps({"success": True, "errors": [], "result": [RESULT]}).encode()
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> LoopbackHttp:
    """A proxy that the environment names once it listens."""
    proxy = LoopbackHttp(ANSWER)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    return proxy


def name_proxy(proxy: LoopbackHttp, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set every proxy variable there is."""
    for variable in PROXIES:
        monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")


@pytest.mark.req("MODEL-R2")
async def test_a_proxy_of_the_environment_is_not_told_the_token(
    server: LoopbackD1, proxied: LoopbackHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D1 is asked itself, and the proxy is not even connected to."""
    async with proxied.listening() as proxy:
        name_proxy(proxy, monkeypatch)
        async with open_database(server.url, "a-token", policy=NO_WAITING) as database:
            [result] = await database.batch(ONE)
        assert (result.rows, len(server.requests), proxy.connections) == ([{"one": 1}], 1, 0)


@pytest.mark.req("MODEL-R2")
async def test_the_containers_own_name_of_d1_is_not_asked_of_a_proxy(
    proxied: LoopbackHttp, monkeypatch: pytest.MonkeyPatch, refused_hosts: list[str]
) -> None:
    """`d1.internal` is looked for by this process, which on this machine finds nothing."""
    async with proxied.listening() as proxy:
        name_proxy(proxy, monkeypatch)
        async with open_database("http://d1.internal", "a-token", policy=NO_WAITING) as database:
            with pytest.raises(DatabaseUnreachable):
                await database.batch(ONE)
        assert (set(refused_hosts), proxy.connections) == ({"d1.internal"}, 0)
    refused_hosts.clear()


@pytest.mark.req("MODEL-R1")
async def test_the_authority_of_the_platform_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named in SSL_CERT_FILE it signs for D1; without the variable its signature is nobody's."""
    authority = found_authority(tmp_path)
    async with LoopbackHttp(ANSWER).listening(authority.server) as bridge:
        url = f"https://127.0.0.1:{bridge.port}"
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
        async with open_database(url, "a-token", policy=NO_WAITING) as database:
            [result] = await database.batch(ONE)
        assert result.rows == [{"one": 1}]
        monkeypatch.delenv("SSL_CERT_FILE")
        async with open_database(url, "a-token", policy=NO_WAITING) as database:
            with pytest.raises(DatabaseUnreachable, match="certificate verify failed"):
                await database.batch(ONE)


@pytest.mark.req("MODEL-R23")
async def test_an_authority_that_cannot_be_read_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the variable."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    with pytest.raises(SettingRefused, match="SSL_CERT_FILE names no file of certificates"):
        async with open_database("http://127.0.0.1:9", "a-token"):
            pass
