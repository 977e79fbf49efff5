"""Cron through the Worker's own `scheduled()`: a firing is one tick, delivered until the service accepts it, and loud."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest

from tests.d1.wrangler import Edge
from tests.edge.firing import FIRED_AT, FIRED_AT_MS, fire, own_cron, ticks

MONTH_MS = 30 * 24 * 60 * 60 * 1000


class StandInService(ThreadingHTTPServer):
    """Stands in for the service: answers every request with one status and keeps what it was asked."""

    def __init__(self, port: int, status: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.status = status
        self.asked: list[tuple[str, str, str | None]] = []


class _Handler(BaseHTTPRequestHandler):
    def _answer(self) -> None:
        service = cast("StandInService", self.server)
        service.asked.append((self.command, self.path, self.headers["Authorization"]))
        self.send_response(service.status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = _answer  # noqa: N815  # the names http.server looks for

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's own name
        """Say nothing."""


@contextmanager
def standing_in(port: int, status: int = 202) -> Generator[StandInService]:
    """A service on `port` that answers with `status`, until the block ends."""
    with StandInService(port, status) as service:
        thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield service
        finally:
            service.shutdown()
            thread.join()


@pytest.fixture
def cron() -> str:
    """A cron expression of this test's own, so that its rows are too."""
    return own_cron()


@pytest.mark.req("EDGE-R9")
def test_a_firing_is_recorded_and_forwarded(edge: Edge, service_port: int, cron: str) -> None:
    """The service gets one POST with the cron secret; the row says when the firing was due and that it was accepted."""
    with standing_in(service_port) as service:
        assert fire(edge, cron) == 200
    assert service.asked == [("POST", "/cron/resume", f"Bearer {edge.cron_secret}")]
    assert ticks(edge, cron) == [[FIRED_AT, 1, 1, ""]]


@pytest.mark.req("EDGE-R10")
def test_the_same_firing_twice_is_one_tick(edge: Edge, service_port: int, cron: str) -> None:
    """A repeat succeeds, adds no row and does not reach the service; the next firing does."""
    with standing_in(service_port) as service:
        assert [fire(edge, cron), fire(edge, cron)] == [200, 200]
        assert (len(service.asked), len(ticks(edge, cron))) == (1, 1)
        assert fire(edge, cron, FIRED_AT_MS + 300_000) == 200
    assert (len(service.asked), len(ticks(edge, cron))) == (2, 2)


@pytest.mark.req("EDGE-R11", "EDGE-R19")
def test_a_dead_service_fails_the_tick_and_a_repeat_delivers_it(edge: Edge, service_port: int, cron: str) -> None:
    """Nobody listens: the handler fails and the row keeps why; the repeat is delivered on the same row."""
    assert fire(edge, cron) == 500
    assert ticks(edge, cron) == [[FIRED_AT, 1, 0, "Network connection lost."]]
    with standing_in(service_port) as service:
        assert fire(edge, cron) == 200
    assert len(service.asked) == 1
    assert ticks(edge, cron) == [[FIRED_AT, 2, 1, ""]]


@pytest.mark.req("EDGE-R11")
@pytest.mark.parametrize("status", [307, 401, 404, 500, 503])
def test_a_service_that_does_not_accept_fails_the_tick(edge: Edge, service_port: int, cron: str, status: int) -> None:
    """Anything but 2xx is a failure with its status kept, a redirect too: the secret goes nowhere else."""
    with standing_in(service_port, status) as service:
        assert fire(edge, cron) == 500
    assert len(service.asked) == 1
    assert ticks(edge, cron) == [[FIRED_AT, 1, 0, f"the service answered {status} to /cron/resume"]]


@pytest.mark.req("EDGE-R12")
def test_a_firing_without_a_cron_is_refused(edge: Edge, service_port: int) -> None:
    """An empty expression fails the handler; nothing is recorded and nothing forwarded."""
    with standing_in(service_port) as service:
        assert fire(edge, "") == 500
    assert (service.asked, ticks(edge, "")) == ([], [])


@pytest.mark.req("EDGE-R13")
def test_ticks_older_than_a_month_are_forgotten(edge: Edge, service_port: int, cron: str) -> None:
    """A firing forgets those of its own cron that are more than 30 days older, and keeps the rest."""
    with standing_in(service_port):
        for fired_at_ms in (FIRED_AT_MS - MONTH_MS - 1, FIRED_AT_MS - MONTH_MS, FIRED_AT_MS):
            assert fire(edge, cron, fired_at_ms) == 200
    assert [row[0] for row in ticks(edge, cron)] == ["2026-10-23T10:00:00.000Z", FIRED_AT]
