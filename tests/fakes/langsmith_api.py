"""LangSmith's HTTP API as far as the SDK uses it for data sets and experiments, well or sick in one of its routes."""

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

AT = "2026-11-25T12:00:00+00:00"
_PLACES = re.compile(r"/[0-9a-f]{8}-[0-9a-f-]{27}")


class LangSmithApi:
    """Holds data sets by name; `sick` maps a route such as `GET /examples` to a status, or to 0 for one that never answers."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.sick: dict[str, int] = {}
        self.asked: Counter[str] = Counter()
        self.datasets: dict[str, dict[str, Any]] = {}
        self.examples: dict[str, dict[str, dict[str, Any]]] = {}
        self.tags: list[dict[str, Any]] = []
        self.url = ""
        self.release = threading.Event()

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, Any]:
        """Answer one request."""
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        route = f"{method} {_PLACES.sub('/{id}', parts.path)}"
        self.asked[route] += 1
        if (status := self.sick.get(route)) is not None:
            if not status:
                self.release.wait(30)
            return status or 500, {"detail": "sick"}
        return self._well(route, parts.path, query, body)

    def _well(self, route: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        """Answer as the API does when it is well."""
        sent: Any = json.loads(body) if body[:1] in {b"{", b"["} else None
        session = {"id": str(uuid4()), "name": "experiment", "start_time": AT, "tenant_id": str(uuid4())} | {
            "reference_dataset_id": None
        }
        answers: dict[str, Callable[[], Any]] = {
            "GET /info": lambda: {"version": self.version, "batch_ingest_config": {"use_multipart_endpoint": True}},
            "GET /datasets": lambda: [self.datasets[query["name"]]] if query.get("name") in self.datasets else [],
            "POST /datasets": lambda: self.add_dataset(sent["name"]),
            "GET /datasets/{id}/version": lambda: {"as_of": AT, "tags": ["latest"]},
            "PUT /datasets/{id}/tags": lambda: self._tag(sent),
            "GET /examples": lambda: self._page(query),
            "POST /examples/bulk": lambda: [self._keep(each) for each in sent],
            "PATCH /examples/bulk": lambda: [self._keep(each) for each in sent],
            "DELETE /examples/{id}": lambda: [held.pop(path.rpartition("/")[2], None) for held in self.examples.values()],
            "POST /sessions": lambda: session,
            "PATCH /sessions/{id}": lambda: session,
            "POST /runs/multipart": dict,
            "POST /feedback": dict,
        }
        return (200, answers[route]()) if route in answers else (404, {"detail": route})

    def _tag(self, tag: dict[str, Any]) -> dict[str, Any]:
        self.tags.append(tag)
        return {}

    def _page(self, query: dict[str, str]) -> list[dict[str, Any]]:
        offset, limit = int(query.get("offset", 0)), int(query.get("limit", 100))
        return list(self.examples[query["dataset"]].values())[offset : offset + limit]

    def add_dataset(self, name: str) -> dict[str, Any]:
        """Make a data set."""
        dataset = {"id": str(uuid4()), "name": name, "created_at": AT, "data_type": "kv", "tenant_id": str(uuid4())}
        self.datasets[name] = dataset
        self.examples[dataset["id"]] = {}
        return dataset

    def add_example(self, name: str, inputs: Any, outputs: Any, metadata: Any) -> None:
        """Put an example into a data set."""
        example = {"id": str(uuid4()), "dataset_id": self.datasets[name]["id"], "inputs": inputs, "outputs": outputs}
        self._keep(example | {"metadata": metadata})

    def _keep(self, example: dict[str, Any]) -> dict[str, Any]:
        dataset_id = next(
            key for key, held in self.examples.items() if key == example.get("dataset_id") or example["id"] in held
        )
        before = self.examples[dataset_id].get(example["id"], {"created_at": AT, "modified_at": AT})
        kept = before | {name: value for name, value in example.items() if value is not None} | {"dataset_id": dataset_id}
        self.examples[dataset_id][example["id"]] = kept
        return kept


@contextmanager
def langsmith_api(version: str = "0.9.0") -> Generator[LangSmithApi]:
    """Serve on a free port until the block ends."""
    api = LangSmithApi(version)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body leave together

        def handle_any(self) -> None:
            """Answer one request, whatever its method."""
            if self.headers.get("Transfer-Encoding", "") == "chunked":
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            else:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, answer = api.answer(self.command, self.path, body)
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
            self.wfile.flush()

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any  # noqa: N815  # the names that http.server looks for

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name in http.server
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        api.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield api
        finally:
            api.release.set()
            server.shutdown()
            thread.join()
