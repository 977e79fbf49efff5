"""The HTTP client when the network or D1 does not do what it should: what is tried again, what never, and what is an error."""

import json
from collections.abc import AsyncGenerator

import pytest

from backend.d1.database import open_database
from backend.d1.failures import TRANSIENT
from backend.d1.limits import MAX_REQUEST_BYTES, MAX_VALUE_BYTES
from backend.d1.meter import MeteredDatabase
from backend.d1.remote import HttpPolicy
from backend.d1.statements import Statement
from backend.errors import DatabaseUnreachable, RequestNotTaken, SettingRefused, StatementFailed, StatementRefused
from tests.d1.conftest import NO_WAITING
from tests.fakes.loopback_d1 import Answered, LoopbackD1, refused

ONE = [Statement("SELECT 1 AS one")]
REMEMBER = Statement(
    "INSERT INTO memories (contact_id, kind, text, created_at) VALUES ('c', 'k', 't', 'now') ON CONFLICT DO NOTHING"
)
REMEMBERED = Statement("SELECT count(*) AS n FROM memories")


@pytest.fixture
async def client(server: LoopbackD1) -> AsyncGenerator[MeteredDatabase, None]:
    """The bridge's client, which waits for nothing between tries."""
    async with open_database(server.url, "a-token", policy=NO_WAITING) as database:
        yield database


MAY_PASS = {
    **{text[:32]: refused(f"D1_ERROR: {text}.") for text in TRANSIENT},
    "too many requests": refused("Too many requests", 429, **{"retry-after": "0"}),
    "overloaded": refused("D1 DB is overloaded. Too many requests queued."),
    "time-out": refused("D1 DB storage operation exceeded timeout which caused object to be reset."),
    "memory": refused("D1 DB exceeded its memory limit and was reset."),
    "500 without JSON": Answered(500, "<html>oops</html>"),
    "503": refused("Service unavailable", 503),
    "200 without JSON": Answered(200, "<html>welcome</html>"),
    "200 without success": Answered(200, json.dumps({"success": False, "errors": []})),
    "200 without results": Answered(200, json.dumps({"success": True, "result": []})),
    "200 with a failed result": Answered(200, json.dumps({"success": True, "result": [{"success": False}]})),
    "200 with infinite rows read": Answered(
        200, '{"success": true, "result": [{"success": true, "results": [], "meta": {"rows_read": Infinity}}]}'
    ),
    "200 with a list": Answered(200, "[]"),
    "200 cut short": Answered(200, '{"success": true, "result": [{"succ'),
    "an answer lost": "answer lost",
}


@pytest.mark.req("D1-R4", "D1-R5")
@pytest.mark.parametrize("fault", MAY_PASS.values(), ids=list(MAY_PASS))
async def test_what_may_pass_is_tried_again(client: MeteredDatabase, server: LoopbackD1, fault: Answered) -> None:
    """One failure is not told to the caller, who gets the answer of the second try."""
    server.faults.append(fault)
    [result] = await client.batch(ONE)
    assert result.rows == [{"one": 1}]
    assert (len(server.requests), client.meter.requests) == (2, 2)


@pytest.mark.req("D1-R4", "D1-R5")
@pytest.mark.parametrize("fault", MAY_PASS.values(), ids=list(MAY_PASS))
async def test_five_tries_are_enough(client: MeteredDatabase, server: LoopbackD1, fault: Answered) -> None:
    """What never passes is an error that counts the tries, and never an empty result."""
    server.faults.extend([fault] * 9)
    with pytest.raises(DatabaseUnreachable, match="in 5 tries"):
        await client.batch(ONE)
    assert len(server.requests) == 5


NEVER = {
    "constraint": "UNIQUE constraint failed: memories.contact_id: SQLITE_CONSTRAINT (overloaded?)",
    "syntax": 'near "SELEC": syntax error at offset 0: SQLITE_ERROR',
    "too big": "string or blob too big: SQLITE_TOOBIG",
    "missing": "no such table: missing: SQLITE_ERROR",
}


@pytest.mark.req("D1-R25")
@pytest.mark.parametrize("message", NEVER.values(), ids=list(NEVER))
@pytest.mark.parametrize("status", [400, 500])
async def test_what_cannot_pass_is_never_tried_again(
    client: MeteredDatabase,
    server: LoopbackD1,
    message: str,
    status: int,
) -> None:
    """The text decides, whatever the status, and the error carries it."""
    server.faults.append(refused(message, status))
    with pytest.raises(StatementFailed) as failed:
        await client.batch(ONE)
    assert failed.value.message == message
    assert len(server.requests) == 1


@pytest.mark.req("D1-R25")
@pytest.mark.parametrize(("status", "why"), [(401, "D1_TOKEN"), (403, "D1_TOKEN"), (404, "D1_URL"), (413, "one request holds")])
async def test_a_refusal_is_final(client: MeteredDatabase, server: LoopbackD1, status: int, why: str) -> None:
    """A wrong token, a wrong address and a body too large do not get better; nothing ran, so nothing was rolled back."""
    server.faults.append(Answered(status, "no"))
    with pytest.raises(RequestNotTaken, match=rf"{why}.*HTTP {status}.*Nothing was run\.") as failed:
        await client.batch(ONE)
    assert "rolled it back" not in str(failed.value)
    assert len(server.requests) == 1


@pytest.mark.req("D1-R2")
async def test_a_batch_over_one_request_is_refused_before_it_is_sent(client: MeteredDatabase, server: LoopbackD1) -> None:
    """The body counts, not its parts: what is just within the bound is sent, a byte more is not."""
    large = [Statement("SELECT ?1", ("x" * MAX_VALUE_BYTES,)) for _ in range(8)]
    room = MAX_REQUEST_BYTES - len(
        json.dumps({"batch": [{"sql": s.sql, "params": s.params} for s in large]}, separators=(",", ":"))
    )
    frame = len(',{"sql":"SELECT ?1","params":[""]}')
    with pytest.raises(StatementRefused, match="16,777,216 bytes a request; found 16,777,217"):
        await client.batch([*large, Statement("SELECT ?1", ("x" * (room - frame + 1),))])
    assert (len(server.requests), client.meter.requests) == (0, 0)
    await client.batch([*large, Statement("SELECT ?1", ("x" * (room - frame),))])
    assert len(server.requests) == 1


@pytest.mark.req("D1-R4")
async def test_a_wait_beyond_the_deadline_is_not_begun(client: MeteredDatabase, server: LoopbackD1) -> None:
    """D1's REST API may ask for five minutes; the caller hears of it at once."""
    server.faults.append(refused("Too many requests", 429, **{"retry-after": "300"}))
    with pytest.raises(DatabaseUnreachable, match="Too many requests"):
        await client.batch(ONE)
    assert len(server.requests) == 1


@pytest.mark.req("D1-R4")
@pytest.mark.parametrize("status", [200, 429, 500, 503])
@pytest.mark.parametrize("asked", ["300", "inf", "Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec 9999 23:59:59 -0000"])
async def test_every_answer_that_may_pass_says_how_long_to_wait(
    client: MeteredDatabase, server: LoopbackD1, status: int, asked: str
) -> None:
    """In seconds or as a date, with whatever status: no try is made sooner, and here none within the deadline."""
    server.faults.append(Answered(status, "later", {"retry-after": asked}))
    with pytest.raises(DatabaseUnreachable, match="in 1 tries"):
        await client.batch(ONE)
    assert len(server.requests) == 1


@pytest.mark.req("D1-R4")
@pytest.mark.parametrize("asked", ["nan", "soon", "-1", "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 99999 23:59:59 GMT"])
async def test_a_wait_that_is_none_delays_nothing(client: MeteredDatabase, server: LoopbackD1, asked: str) -> None:
    """What is no number, no date or long past is the client's own wait, or none."""
    server.faults.append(Answered(503, "later", {"retry-after": asked}))
    [result] = await client.batch(ONE)
    assert result.rows == [{"one": 1}]


@pytest.mark.req("D1-R4")
async def test_the_deadline_is_one_for_all_tries(server: LoopbackD1) -> None:
    """A server that never answers costs the deadline once, and the error says what was heard before."""
    server.faults.extend([refused("Network connection lost"), "hung"])
    policy = HttpPolicy(deadline_s=0.2, first_wait_s=0)
    async with open_database(server.url, "a-token", policy=policy) as client:
        with pytest.raises(DatabaseUnreachable, match=r"within 0\.2 s; before that, Network connection lost"):
            await client.batch(ONE)


@pytest.mark.req("D1-R4")
async def test_a_server_that_is_down_is_unreachable() -> None:
    """A refused connection is tried again, and then told."""
    async with open_database("http://127.0.0.1:1", "a-token", policy=NO_WAITING) as client:
        with pytest.raises(DatabaseUnreachable, match="ConnectError"):
            await client.batch(ONE)
        assert client.meter.requests == 5


@pytest.mark.req("D1-R15")
async def test_an_answer_lost_after_the_commit_changes_nothing(client: MeteredDatabase, server: LoopbackD1) -> None:
    """The batch is sent again by the client itself, finds its work done, and leaves it."""
    server.faults.append("answer lost")
    await client.batch([REMEMBER])
    assert len(server.requests) == 2
    [counted] = await server.database.batch([REMEMBERED])
    assert counted.rows == [{"n": 1}]


async def test_one_connection_serves_many_requests(client: MeteredDatabase, server: LoopbackD1) -> None:
    """Requests one after the other share a connection, with the token on each."""
    for _ in range(5):
        await client.batch(ONE)
    assert server.connections == 1
    assert {headers["authorization"] for _, headers, _ in server.requests} == {"Bearer a-token"}


async def test_one_statement_is_sent_alone_and_several_as_a_batch(client: MeteredDatabase, server: LoopbackD1) -> None:
    """The two forms of the protocol; both are one transaction."""
    await client.batch(ONE)
    await client.batch([*ONE, Statement("SELECT ?1", ("x",))])
    assert [body for _, _, body in server.requests] == [
        {"sql": "SELECT 1 AS one", "params": []},
        {"batch": [{"sql": "SELECT 1 AS one", "params": []}, {"sql": "SELECT ?1", "params": ["x"]}]},
    ]


async def test_the_address_is_made_of_the_url(server: LoopbackD1) -> None:
    """A bridge's URL gets its path; d1:// names account and database of the REST API."""
    for url in (f"{server.url}/", "d1://account/database"):
        async with open_database(url, "a-token", cloudflare_api=server.url) as client:
            await client.batch(ONE)
    assert [path for path, _, _ in server.requests] == ["/d1/raw", "/accounts/account/d1/database/database/raw"]


REFUSED_URLS = {
    "sqlite://": "names no file",
    "sqlite:///": "names no file",
    "postgres://host/db": "'postgres'",
    "d1.db": "''",
    "d1://account": "one account and one database",
    "d1://account/a/b": "one account and one database",
}


@pytest.mark.parametrize("url", REFUSED_URLS)
async def test_a_url_that_names_no_transport_opens_nothing(url: str) -> None:
    """The error names the variable and what may stand there."""
    with pytest.raises(SettingRefused, match=f"D1_URL.*{REFUSED_URLS[url]}"):
        async with open_database(url, "a-token"):
            pass


async def test_rest_needs_a_token() -> None:
    """Without D1_TOKEN the REST API is not asked."""
    with pytest.raises(SettingRefused, match="D1_TOKEN"):
        async with open_database("d1://account/database"):
            pass
