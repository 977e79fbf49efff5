"""A loopback proxy in front of the Worker: counts what passes and lets every request take longer.

It speaks both forms of Cloudflare's API: `/raw`, which the Worker serves, and `/query`, in which a row is an object.
"""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import httpx

from backend.d1.database import BRIDGE_PATH
from tests.d1.wrangler import Edge

TIMEOUT_S = 120


@dataclass
class Traffic:
    """What has passed: requests, D1's own count of rows, request bodies in bytes, and the size of the database after it."""

    requests: int = 0
    rows_read: int = 0
    rows_written: int = 0
    bytes_sent: int = 0
    database_bytes: int = 0

    def count(self, body: bytes, answer: dict[str, Any]) -> None:
        """Count one request and its answer."""
        self.requests += 1
        self.bytes_sent += len(body)
        for result in answer["result"]:
            self.rows_read += result["meta"]["rows_read"]
            self.rows_written += result["meta"]["rows_written"]
            self.database_bytes = result["meta"]["size_after"]

    def since(self, earlier: "Traffic") -> "Traffic":
        """What passed after `earlier` was copied."""
        return Traffic(
            self.requests - earlier.requests,
            self.rows_read - earlier.rows_read,
            self.rows_written - earlier.rows_written,
            self.bytes_sent - earlier.bytes_sent,
            self.database_bytes - earlier.database_bytes,
        )

    def copy(self) -> "Traffic":
        """The counts as they stand now."""
        return replace(self)


class Proxy(ThreadingHTTPServer):
    """Forwards to one Worker; `latency_s` is added to every request."""

    daemon_threads = True

    def __init__(self, edge: Edge, client: httpx.Client) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.edge = edge
        self.client = client
        self.traffic = Traffic()
        self.latency_s = 0.0
        self.counting = threading.Lock()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def wait(self) -> None:
        """Let the injected latency pass."""
        threading.Event().wait(self.latency_s)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        proxy = cast("Proxy", self.server)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {"Authorization": f"Bearer {proxy.edge.token}", "Content-Type": "application/json"}
        proxy.wait()
        answered = proxy.client.post(proxy.edge.url + BRIDGE_PATH, content=body, headers=headers)
        answer: dict[str, Any] = answered.json()
        with proxy.counting:
            proxy.traffic.count(body, answer)
        content = json.dumps(_with_objects(answer)).encode() if self.path.endswith("/query") else answered.content
        self.send_response(answered.status_code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's own name
        """Say nothing."""


def _with_objects(answer: dict[str, Any]) -> dict[str, Any]:
    results = [{**result, "results": _objects(result["results"])} for result in answer["result"]]
    return {**answer, "result": results}


def _objects(table: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


@contextmanager
def counting_proxy(edge: Edge) -> Generator[Proxy]:
    """A proxy in front of `edge`, until the block ends."""
    with httpx.Client(timeout=TIMEOUT_S, trust_env=False) as client, Proxy(edge, client) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
