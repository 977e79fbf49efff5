"""The Worker as its container sees it and is seen: no token needed on the way out, no other host reached, one front door."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.d1.wrangler import running_edge

PROBE = Path(__file__).with_name("probe.js")
TICKS = "SELECT attempts, accepted_at IS NOT NULL AS accepted FROM ticks WHERE cron = ?1"


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[httpx.Client]:
    """The Worker with a stand-in container, a cron secret and no bridge token."""
    folder, variables = tmp_path_factory.mktemp("probe"), {"CRON_SECRET": "a-cron-secret"}
    with (
        running_edge(folder, main=PROBE, variables=variables, migrated=migrated) as edge,
        httpx.Client(base_url=edge.url, timeout=30, trust_env=False) as client,
    ):
        yield client


def from_container(probe: httpx.Client, url: str, sql: str, *params: str) -> httpx.Response:
    """The answer to a statement that the container posts to `url`."""
    return probe.post("/", json={"sql": sql, "params": params}, headers={"x-from-container-to": url})


@pytest.mark.req("EDGE-R4")
def test_without_its_secret_the_bridge_refuses_everything(probe: httpx.Client) -> None:
    """An unset token matches no header: none, an empty one, the word undefined, or the other secret."""
    assert probe.post("/d1/raw", json={"sql": "SELECT 1"}).status_code == 401
    for header in ("", "Bearer", "Bearer undefined", "Bearer null", "Bearer a-cron-secret"):
        response = probe.post("/d1/raw", json={"sql": "SELECT 1"}, headers={"Authorization": header})
        assert response.status_code == 401, header


@pytest.mark.req("EDGE-R14")
def test_the_container_reaches_d1_by_name_without_a_token(probe: httpx.Client) -> None:
    """The bridge answers the container as it answers a caller with the token, refusals included."""
    read = from_container(probe, "http://d1.internal/d1/raw", "SELECT count(*) AS n FROM ticks WHERE cron = ?1", "none")
    assert (read.status_code, read.json()["result"][0]["results"]) == (200, {"columns": ["n"], "rows": [[0]]})
    assert from_container(probe, "http://d1.internal/d1/raw", "SELEC 1").json()["errors"][0]["code"] == 7500
    assert from_container(probe, "http://d1.internal/elsewhere", "SELECT 1").status_code == 404


@pytest.mark.req("EDGE-R18")
@pytest.mark.parametrize("host", ["example.com", "d1.internal.example.com", "127.0.0.1", "api.deepseek.com.example.com"])
def test_the_container_reaches_no_other_host(probe: httpx.Client, host: str) -> None:
    """The platform's own refusal, before any connection is made."""
    refused = from_container(probe, f"http://{host}/d1/raw", "SELECT 1")
    assert (refused.status_code, refused.text) == (520, "Origin is disallowed")


@pytest.mark.req("EDGE-R15")
def test_the_container_is_sent_every_request_but_the_bridges(probe: httpx.Client) -> None:
    """Its answer is the Worker's answer; the bridge's path never reaches it."""
    passed_on = probe.put("/drafts/7?version=2", content=b"text")
    assert (passed_on.status_code, passed_on.json()["method"]) == (418, "PUT")
    assert passed_on.json()["url"].endswith("/drafts/7?version=2")
    one_click = probe.post("/u/a-token", content=b"List-Unsubscribe=One-Click").json()
    assert (one_click["method"], one_click["body"]) == ("POST", "List-Unsubscribe=One-Click")
    assert one_click["url"].endswith("/u/a-token")
    assert probe.post("/d1/raw").status_code == 401


@pytest.mark.req("EDGE-R21")
@pytest.mark.parametrize("header", ["cf-container-target-port", "CF-Container-Target-Port", "cf-container-anything"])
def test_nobody_outside_chooses_the_containers_port(probe: httpx.Client, header: str) -> None:
    """The header by which a Worker does is taken off, whatever its case, and all others arrive with the body."""
    passed_on = probe.post(
        "/drafts", content=b"text", headers={header: "22", "Authorization": "Bearer t", "X-Mine": "kept"}
    ).json()
    assert [name for name in passed_on["headers"] if name.startswith("cf-container-")] == []
    assert (passed_on["headers"]["authorization"], passed_on["headers"]["x-mine"], passed_on["body"]) == (
        "Bearer t",
        "kept",
        "text",
    )


@pytest.mark.req("EDGE-R15")
def test_the_container_is_sent_the_ticks(probe: httpx.Client) -> None:
    """Without an address the tick goes to the container, with the cron secret."""
    firing = {"cron": "0 9 * * 2", "time": "1795341600000"}
    assert probe.get("/cdn-cgi/handler/scheduled", params=firing).status_code == 200
    recorded = from_container(probe, "http://d1.internal/d1/raw", TICKS, firing["cron"])
    assert recorded.json()["result"][0]["results"]["rows"] == [[1, 1]]
