"""The D1 bridge over real local D1: shapes, statuses, one transaction, and a token that is never told."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.d1.wrangler import Edge
from tests.strategies import examples

MAX_BODY_BYTES = 16 * 1024 * 1024
INSERT = "INSERT INTO memories (contact_id, kind, text, created_at) VALUES (?1, ?2, ?3, ?4)"
SELECT = "SELECT kind, text FROM memories WHERE contact_id = ?1 ORDER BY kind"


@pytest.fixture
def stranger(edge: Edge) -> Iterator[httpx.Client]:
    """A client that knows where the bridge is, and no token."""
    with httpx.Client(base_url=edge.url, timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture
def caller(edge: Edge, stranger: httpx.Client) -> httpx.Client:
    """A client that carries the bridge's token."""
    stranger.headers["Authorization"] = f"Bearer {edge.token}"
    return stranger


@pytest.fixture
def contact_id() -> str:
    """A key no other test writes under."""
    return uuid.uuid4().hex


def insert(contact_id: str, kind: str) -> dict[str, Any]:
    """A statement that writes one row of the contact's."""
    return {"sql": INSERT, "params": [contact_id, kind, "text", "2026-11-22T09:30:00.000Z"]}


def select(contact_id: str) -> dict[str, Any]:
    """A statement that reads the contact's rows."""
    return {"sql": SELECT, "params": [contact_id]}


def rows_of(caller: httpx.Client, contact_id: str) -> Any:
    """What the database holds of the contact."""
    return caller.post("/d1/raw", json=select(contact_id)).json()["result"][0]["results"]["rows"]


def code_of(response: httpx.Response) -> Any:
    """The one error code of a refusal, whose envelope is checked on the way."""
    body = response.json()
    assert (body["success"], body["messages"], body["result"], len(body["errors"])) == (False, [], [], 1)
    return body["errors"][0]["code"]


@pytest.mark.req("EDGE-R1")
def test_one_statement_answers_in_the_shape_of_raw(caller: httpx.Client) -> None:
    """Rows are arrays beside their column names; NULL, numbers and text come back as JSON has them."""
    response = caller.post("/d1/raw", json={"sql": "SELECT ?1 AS a, ?2 AS b, ?3 AS c", "params": ["x", None, 1.5]})
    body = response.json()
    assert (response.status_code, body["success"], body["errors"], body["messages"]) == (200, True, [], [])
    [statement] = body["result"]
    assert statement["success"] is True
    assert statement["results"] == {"columns": ["a", "b", "c"], "rows": [["x", None, 1.5]]}


@pytest.mark.req("EDGE-R1")
def test_a_batch_answers_one_result_a_statement_with_its_figures(caller: httpx.Client, contact_id: str) -> None:
    """Results stand in the statements' order, each with D1's own count of rows read, written and changed."""
    batch = [insert(contact_id, "a"), insert(contact_id, "b"), select(contact_id)]
    first, second, read = caller.post("/d1/raw", json={"batch": batch}).json()["result"]
    assert [(one["meta"]["changes"], one["meta"]["rows_written"]) for one in (first, second)] == [
        (1, 2),
        (1, 2),
    ]  # with an entry of the index
    assert first["results"] == {"columns": [], "rows": []}
    assert read["results"] == {"columns": ["kind", "text"], "rows": [["a", "text"], ["b", "text"]]}
    assert read["meta"]["rows_read"] >= 2


@pytest.mark.req("EDGE-R2")
@pytest.mark.parametrize(
    ("failing", "reason"),
    [
        ({"sql": "INSERT INTO guards (lease_held) VALUES (0)"}, "CHECK constraint failed: lease_held: SQLITE_CONSTRAINT"),
        ({"sql": "SELEC 1"}, 'near "SELEC": syntax error'),
        ({"sql": "SELECT 1 FROM nowhere"}, "no such table: nowhere: SQLITE_ERROR"),
        ({"sql": "SELECT ?1", "params": [{"an": "object"}]}, "Type 'object' not supported"),
        ({"sql": "SELECT 1", "params": list(range(101))}, "Wrong number of parameter bindings"),
    ],
)
def test_a_failure_in_the_middle_of_a_batch_writes_nothing(
    caller: httpx.Client, contact_id: str, failing: dict[str, Any], reason: str
) -> None:
    """The answer is 400 with code 7500 and D1's own sentence; what stood before the failure is not there either."""
    response = caller.post("/d1/raw", json={"batch": [insert(contact_id, "a"), failing, insert(contact_id, "b")]})
    assert (response.status_code, code_of(response)) == (400, 7500)
    assert response.json()["errors"][0]["message"].startswith(reason)
    assert rows_of(caller, contact_id) == []


@pytest.mark.req("EDGE-R3")
def test_a_wrong_token_is_refused_whatever_it_looks_like(edge: Edge, caller: httpx.Client, contact_id: str) -> None:
    """No header, another scheme, a part of the token, more than the token: 401, and nothing is written."""
    headers = ["", "Bearer", f"Basic {edge.token}", edge.token, f"Bearer {edge.token[:-1]}", f"Bearer {edge.token}x"]
    for header in headers:
        response = caller.post("/d1/raw", json=insert(contact_id, "a"), headers={"Authorization": header})
        assert (response.status_code, code_of(response)) == (401, 10000), header
    assert rows_of(caller, contact_id) == []


@pytest.mark.req("EDGE-R3")
def test_no_other_token_is_ever_taken(caller: httpx.Client) -> None:
    """Arbitrary bytes in the header, ASCII or not, never pass and never make the Worker fail."""
    header_bytes = st.sampled_from([*range(0x21, 0x7F), *range(0x80, 0x100)])

    @examples(0.6)
    @given(st.lists(header_bytes, min_size=1, max_size=80))
    def never_passes(token: list[int]) -> None:
        headers = {b"Authorization": b"Bearer " + bytes(token)}
        response = caller.post("/d1/raw", headers=headers, json={"sql": "SELECT 1"})
        assert (response.status_code, code_of(response)) == (401, 10000)

    never_passes()


@pytest.mark.req("EDGE-R5")
@pytest.mark.parametrize("declared", [True, False])
def test_a_body_over_the_bound_is_refused(caller: httpx.Client, contact_id: str, declared: bool) -> None:  # noqa: FBT001  # a case
    """413 with and without a declared length, and nothing is written; the next request is served."""
    body = json.dumps(insert(contact_id, "a")).encode()
    body += b" " * (MAX_BODY_BYTES + 1 - len(body))
    response = caller.post("/d1/raw", content=body if declared else iter([body[:1024], body[1024:]]))
    assert (response.status_code, code_of(response)) == (413, 413)
    assert rows_of(caller, contact_id) == []


@pytest.mark.req("EDGE-R5")
def test_a_body_at_the_bound_is_served(caller: httpx.Client, contact_id: str) -> None:
    """The bound itself still passes."""
    body = json.dumps(insert(contact_id, "a")).encode()
    assert caller.post("/d1/raw", content=body + b" " * (MAX_BODY_BYTES - len(body))).status_code == 200
    assert rows_of(caller, contact_id) == [["a", "text"]]


@pytest.mark.req("EDGE-R6")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"null",
        b"[]",
        b'"SELECT 1"',
        b"{}",
        b'{"sql": 1}',
        b'{"sql": "  "}',
        b'{"sql": "SELECT 1", "params": {}}',
        b'{"batch": []}',
        b'{"batch": {"sql": "SELECT 1"}}',
        b'{"batch": [{"sql": "SELECT 1"}, null]}',
    ],
)
def test_a_malformed_body_is_refused(caller: httpx.Client, body: bytes) -> None:
    """Neither broken JSON nor another shape reaches D1: 400 with code 7400."""
    response = caller.post("/d1/raw", content=body)
    assert (response.status_code, code_of(response)) == (400, 7400)


@pytest.mark.req("EDGE-R6")
def test_no_body_makes_the_worker_fail(caller: httpx.Client) -> None:
    """Arbitrary bytes and arbitrary JSON get an answer of the envelope, never a 500."""
    json_values = st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["sql", "params", "batch", "x"]), inner),
        max_leaves=8,
    )

    @examples(0.8)
    @given(st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
    def always_answers(body: bytes) -> None:
        response = caller.post("/d1/raw", content=body)
        assert (response.status_code, code_of(response)) in {(400, 7400), (400, 7500)}

    always_answers()


@pytest.mark.req("EDGE-R7")
def test_another_path_is_not_found(caller: httpx.Client) -> None:
    """404 in the envelope, whatever is asked."""
    for path in ("/", "/d1", "/d1/raw/", "/d1/query", "/cron/resume"):
        response = caller.post(path, json={"sql": "SELECT 1"})
        assert (response.status_code, code_of(response)) == (404, 7000), path


@pytest.mark.req("EDGE-R17")
def test_another_method_is_not_allowed(caller: httpx.Client) -> None:
    """405 names the one method there is."""
    for method in ("GET", "PUT", "PATCH", "DELETE", "OPTIONS"):
        response = caller.request(method, "/d1/raw")
        assert (response.status_code, code_of(response), response.headers["Allow"]) == (405, 10405, "POST"), method


@pytest.mark.req("EDGE-R8")
def test_no_secret_is_in_an_answer_or_in_the_log(edge: Edge, caller: httpx.Client) -> None:
    """After every kind of refusal and a failed tick neither secret stands anywhere but in the requests."""
    caller.get(f"/cdn-cgi/handler/scheduled?cron={uuid.uuid4().hex}")
    wrong = {"Authorization": f"Bearer {edge.token}x"}
    answers = [
        caller.post("/d1/raw", json={"sql": "SELECT 1"}, headers=wrong),
        caller.post("/d1/raw", content=b"{"),
        caller.post("/d1/raw", json={"sql": "SELEC 1"}),
        caller.get("/d1/raw"),
    ]
    logged_last, log = f"/{uuid.uuid4().hex}", ""
    while logged_last not in log:
        answers.append(caller.get(logged_last))
        log = edge.log.read_text("utf-8")
    told = log + "".join(answer.text + str(answer.headers) for answer in answers)
    assert edge.token not in told
    assert edge.cron_secret not in told
