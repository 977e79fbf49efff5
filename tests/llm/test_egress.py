"""Prompts leave for DeepSeek or stay on this machine; the rule holds at start-up and in the adapter alike."""

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.egress import check_model_url, name_model_server
from backend.errors import SettingRefused
from backend.settings import read_settings
from tests.llm.adapter import deepseek

ALLOWED = [
    "https://api.deepseek.com",
    "https://api.deepseek.com/v1",
    "https://API.DeepSeek.com:443/",
    "http://127.0.0.1:8080",
    "http://127.0.0.2",
    "http://localhost:11434/v1",
    "https://localhost",
    "http://[::1]:8000",
]
REFUSED = [
    "https://api.openai.com/v1",
    "http://api.deepseek.com",
    "https://api.deepseek.com.evil.example",
    "https://api.deepseek.com@evil.example",
    "https://evil.example\\@api.deepseek.com",
    "https://evil.example#api.deepseek.com",
    "https://deepseek.com",
    "http://169.254.169.254/latest",
    "http://0.0.0.0:8000",
    "http://localhost.evil.example",
    "ftp://127.0.0.1",
    "file:///etc/passwd",
    "api.deepseek.com",
    "https://[::1",
    "https://127.0.0.1:port",
    "",
]


@pytest.mark.parametrize("url", ALLOWED)
async def test_deepseek_and_loopback_may_be_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over https to DeepSeek, in any spelling of its name; over http to a server on this machine."""
    monkeypatch.setenv("DEEPSEEK_BASE_URL", url)
    assert read_settings().deepseek_base_url == url
    async with deepseek(url):
        pass


@pytest.mark.parametrize("url", REFUSED)
def test_nothing_else_may_be_asked(url: str) -> None:
    """The adapter cannot be made for another host, and says which variable to correct."""
    with pytest.raises(SettingRefused, match="DEEPSEEK_BASE_URL"):
        deepseek(url)


@pytest.mark.parametrize("url", [url for url in REFUSED if url])
def test_start_up_refuses_the_same_hosts(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings follow the same rule, so `serve` does not start; an empty variable is unset."""
    monkeypatch.setenv("DEEPSEEK_BASE_URL", url)
    with pytest.raises(SettingRefused, match="DEEPSEEK_BASE_URL"):
        read_settings()


@pytest.mark.req("MODEL-R20")
@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://API.DeepSeek.com:443/", "DeepSeek"),
        ("http://localhost:11434/v1", "local model at localhost:11434"),
        ("http://[::1]:8000", "local model at [::1]:8000"),
    ],
)
def test_who_answers_is_named_after_where_it_is(url: str, name: str) -> None:
    """DeepSeek is DeepSeek, and anything on this machine is not."""
    assert name_model_server(url) == name


HOSTS = st.sampled_from(["api.deepseek.com", "127.0.0.1", "localhost", "[::1]", "evil.example", "10.0.0.1"])
GLUE = st.text(alphabet="@:/\\#?. \t\n%[]1a", max_size=4)


@given(st.builds("".join, st.tuples(st.sampled_from(["https://", "http://"]), HOSTS, GLUE, HOSTS, GLUE)))
def test_the_rule_and_the_client_see_the_same_host(url: str) -> None:
    """No spelling passes the rule and is then taken for another host by the client that sends the prompt."""
    try:
        check_model_url(url)
        host = httpx2.URL(url).host
    except (ValueError, httpx2.InvalidURL):
        return
    assert host in {"api.deepseek.com", "127.0.0.1", "localhost", "::1"}


@pytest.mark.parametrize("key", ["sk-ключ", "sk-\n0123", "sk-\x00"])
def test_a_key_no_header_can_carry_is_refused(key: str) -> None:
    """The refusal names the variable and not the key."""
    with pytest.raises(SettingRefused, match="DEEPSEEK_API_KEY") as refused:
        deepseek(ALLOWED[0], api_key=key)
    assert key not in str(refused.value)
