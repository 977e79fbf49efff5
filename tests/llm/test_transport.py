"""The way to a model: whom it trusts, what leaves and what does not, and how much of a response is read."""

import gzip
import time
import tracemalloc
import zlib
from pathlib import Path

import pytest

from backend.errors import ModelAnswerUnusable, ModelCallFailed, SettingRefused
from backend.llm.transport import MAX_RESPONSE_BYTES
from backend.ports import Answer, Prompt
from tests.fakes.authority import found_authority
from tests.fakes.loopback_http import LoopbackHttp, completion
from tests.llm.adapter import KEY, deepseek

PROMPT = Prompt(name="email:compose", system="Answer with one JSON object.", user="Ada, at Example Forge")
NOWHERE = "http://127.0.0.1:9"
VARIABLES = {
    **dict.fromkeys(["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"], NOWHERE),
    **dict.fromkeys(["OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_PROXY", "LANGSMITH_GATEWAY"], NOWHERE),
    **dict.fromkeys(["OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_ORGANIZATION"], "of-another-service"),
    "OPENAI_PROJECT_ID": "of-another-service",
    "OPENAI_CUSTOM_HEADERS": "Authorization: Bearer other\nHost: elsewhere.example\nX-Note: 1\nTransfer-Encoding: chunked",
    "LC_OUTPUT_VERSION": "responses/v1",
    "LANGCHAIN_OPENAI_TCP_KEEPALIVE": "0",
    "SSL_CERT_DIR": "/nowhere",
}


async def ask(server: LoopbackHttp, *, scheme: str = "http", deadline_s: float = 30) -> Answer:
    """One ask of tier standard."""
    async with deepseek(f"{scheme}://127.0.0.1:{server.port}", deadline_s=deadline_s) as make_llm:
        return await make_llm(tier="standard").ask(PROMPT)


@pytest.mark.req("MODEL-R1")
async def test_the_authority_of_the_platform_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named in SSL_CERT_FILE it signs for the model's server; without the variable its signature is nobody's."""
    authority = found_authority(tmp_path)
    async with LoopbackHttp(completion('{"n": 1}')).listening(authority.server) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
        assert (await ask(server, scheme="https")).content == {"n": 1}
        for elsewhere in ("SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.setenv(elsewhere, str(authority.file))
        monkeypatch.setenv("SSL_CERT_FILE", " ")
        with pytest.raises(ModelCallFailed, match="connection"):
            await ask(server, scheme="https")


@pytest.mark.req("MODEL-R23")
@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_an_authority_that_cannot_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    """A file that is not there, is empty or holds something else refuses to start, and the sentence names the variable."""
    if content is not None:
        (tmp_path / "authority.pem").write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    with pytest.raises(SettingRefused, match="SSL_CERT_FILE names no file of certificates"):
        deepseek(NOWHERE)


@pytest.mark.req("MODEL-R2", "MODEL-R3")
async def test_no_variable_and_no_cookie_changes_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte for byte, before and after another service's variables and this server's cookie: the prompt, the key, no more."""
    async with LoopbackHttp(completion(), {"Set-Cookie": "visitor=ada; Path=/"}).listening() as server:
        await ask(server)
        for variable, value in VARIABLES.items():
            monkeypatch.setenv(variable, value)
        async with deepseek(f"http://127.0.0.1:{server.port}") as make_llm:
            for _ in range(2):
                await make_llm(tier="standard").ask(PROMPT)
    plain, *others = server.requests
    assert others == [plain, plain]
    head, _, _ = plain.partition(b"\r\n\r\n")
    names = [line.partition(b":")[0].decode().lower() for line in head.split(b"\r\n")[1:]]
    assert sorted(names) == [
        "accept",
        "accept-encoding",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "user-agent",
    ]
    assert f"Bearer {KEY}".encode() in head


def bomb(megabytes: int) -> bytes:
    """A completion of this many megabytes, packed a thousandfold."""
    pack = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    packed = [pack.compress(b'{"choices": [{"message": {"role": "assistant", "content": "')]
    packed += [pack.compress(b"a" * 1_000_000) for _ in range(megabytes)]
    return b"".join([*packed, pack.compress(b'"}}]}'), pack.flush()])


@pytest.mark.req("MODEL-R6", "MODEL-R7")
@pytest.mark.parametrize("packed", [True, False], ids=["packed", "plain"])
async def test_a_long_response_is_left_unread(*, packed: bool) -> None:
    """Thirty megabytes, as they are or packed: not used, and not held either."""
    body = bomb(30)
    server = LoopbackHttp(body, {"Content-Encoding": "gzip"}) if packed else LoopbackHttp(gzip.decompress(body))
    async with server.listening(), deepseek(f"http://127.0.0.1:{server.port}", deadline_s=5) as make_llm:
        model = make_llm(tier="standard")
        tracemalloc.start()
        with pytest.raises(ModelAnswerUnusable, match="longer than 1000000 bytes"):
            await model.ask(PROMPT)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 8_000_000


@pytest.mark.req("MODEL-R6")
@pytest.mark.parametrize(("length", "is_used"), [(MAX_RESPONSE_BYTES, True), (MAX_RESPONSE_BYTES + 1, False)])
@pytest.mark.parametrize("packed", [True, False], ids=["packed", "plain"])
async def test_the_bound_is_exact(length: int, *, is_used: bool, packed: bool) -> None:
    """The longest response that is read, and one byte more."""
    body = completion('{"n": 1}').ljust(length)
    server = LoopbackHttp(gzip.compress(body), {"Content-Encoding": "gzip"}) if packed else LoopbackHttp(body)
    async with server.listening():
        if is_used:
            assert (await ask(server)).content == {"n": 1}
            return
        with pytest.raises(ModelAnswerUnusable, match="longer than"):
            await ask(server)


@pytest.mark.req("MODEL-R6", "MODEL-R11")
@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", b"no gzip"),
        ("gzip", gzip.compress(completion())[:-20]),
        ("gzip, gzip", gzip.compress(gzip.compress(completion()))),
        ("br", completion("{}")[::-1]),
    ],
)
async def test_a_response_that_cannot_be_unpacked_is_unusable(coding: str, body: bytes) -> None:
    """Broken, cut off, packed twice or in a way that was not asked for."""
    async with LoopbackHttp(body, {"Content-Encoding": coding}).listening() as server:
        with pytest.raises(ModelAnswerUnusable):
            await ask(server)


@pytest.mark.req("MODEL-R7")
@pytest.mark.parametrize(
    "more", ['{"message": {"content": "a"}}', "{}", "[]", '{"message": {"tool_calls": [{"function": {"arguments": "{}"}}]}}']
)
async def test_a_wide_response_does_not_hold_everybody_up(more: str) -> None:
    """A megabyte of choices costs what its JSON costs; the SDK would take eleven seconds over the worst, in one piece."""
    body = completion('{"n": 1}')
    many = ", ".join([more] * ((MAX_RESPONSE_BYTES - len(body) - 2) // (len(more) + 2)))
    async with LoopbackHttp(body.replace(b"}}]", f"}}}}, {many}]".encode())).listening() as server:
        began = time.process_time()
        assert (await ask(server)).content == {"n": 1}
        assert time.process_time() - began < 4


@pytest.mark.req("MODEL-R11")
async def test_a_server_that_repeats_the_key_does_not_spread_it() -> None:
    """Neither through its name nor through its answer."""
    async with LoopbackHttp(completion(f'{{"said": "{KEY}"}}', model=f"echo {KEY}")).listening() as server:
        answer = await ask(server)
    assert (answer.model, answer.content) == ("echo ***", {"said": "***"})
