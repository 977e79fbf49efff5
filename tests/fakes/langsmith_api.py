"""LangSmith's HTTP API as far as the SDK uses it for data sets and experiments, well or sick in one of its routes."""

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from langsmith import Client
from urllib3 import Retry

AT = "2026-11-25T12:00:00+00:00"
_PLACES = re.compile(r"/[0-9a-f]{8}-[0-9a-f-]{27}")

Examples = dict[str, dict[str, Any]]


@dataclass
class HeldDataset:
    """A data set: what it is, each version of its examples by instant, and the tags of versions."""

    about: dict[str, Any]
    versions: dict[str, Examples] = field(default_factory=dict[str, Examples])
    tags: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def examples(self) -> Examples:
        """The latest version."""
        return self.versions[max(self.versions)] if self.versions else {}

    def write(self, changed: Mapping[str, Mapping[str, Any]], removed: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Make a version that holds `changed` and not `removed`; a field that is None stays as it was."""
        known = {key: example for key, example in self.examples.items() if key not in removed}
        for key, fields in changed.items():
            before = known.get(key, {"id": key, "dataset_id": self.about["id"], "created_at": AT, "modified_at": AT})
            known[key] = before | {name: value for name, value in fields.items() if value is not None}
        as_of = datetime.fromisoformat(AT) + timedelta(seconds=len(self.versions))
        self.versions[as_of.isoformat()] = known
        return [known[key] for key in changed]

    def at(self, version: str | None) -> Examples:
        """The examples of a version, by its instant or tag, or of the latest."""
        return self.versions[self.tags.get(version, version)] if version else self.examples


class LangSmithApi:
    """Holds data sets by name; `sick` maps a route such as `GET /examples` to a status, or to 0 for one that never answers.

    After `writes_left` requests that write, each route is sick with 500; one that `loses_answers` does first what it was asked.
    The newer profile takes examples in several parts.
    """

    def __init__(self, version: str) -> None:
        self.version = version
        self.takes_parts = tuple(map(int, version.split("."))) >= (0, 8, 10)
        self.sick: dict[str, int] = {}
        self.asked: Counter[str] = Counter()
        self.datasets: dict[str, HeldDataset] = {}
        self.writes_left: int | None = None
        self.loses_answers = False
        self.url = ""
        self.release = threading.Event()

    @property
    def written(self) -> int:
        """So many requests asked for a change."""
        return sum(number for route, number in self.asked.items() if not route.startswith("GET "))

    def answer(self, method: str, target: str, kind: str, body: bytes) -> tuple[int, Any]:
        """Answer one request."""
        parts = urlsplit(target)
        route = f"{method} {_PLACES.sub('/{id}', parts.path)}"
        self.asked[route] += 1
        if method != "GET" and self.writes_left is not None:
            self.writes_left -= 1
        status = self.sick.get(route, 500 if (self.writes_left or 0) < 0 else None)
        if status == 0:
            self.release.wait(30)
        answer = (status or 500, {"detail": "sick"})
        if status is None or self.loses_answers:
            done = self._well(route, parts.path, parse_qs(parts.query), kind, body)
            return done if status is None else answer
        return answer

    def _well(self, route: str, path: str, query: dict[str, list[str]], kind: str, body: bytes) -> tuple[int, Any]:
        """Answer as the API does when it is well."""
        sent: Any = json.loads(body) if body[:1] in {b"{", b"["} else None
        session = {"id": str(uuid4()), "name": "experiment", "start_time": AT, "tenant_id": str(uuid4())}
        session["reference_dataset_id"] = None  # type: ignore[assignment]  # as the API has it
        info: dict[str, Any] = {"version": self.version, "batch_ingest_config": {"use_multipart_endpoint": True}}
        info["instance_flags"] = {"dataset_examples_multipart_enabled": self.takes_parts}
        named = self.datasets.get(query.get("name", [""])[0])
        held = next((each for each in self.datasets.values() if each.about["id"] in path + query.get("dataset", [""])[0]), None)
        answers: dict[str, Callable[[], Any]] = {
            "GET /info": lambda: info,
            "GET /sessions": lambda: [session],
            "GET /datasets": lambda: [named.about] if named else [],
            "POST /datasets": lambda: self.add_dataset(sent["name"]),
            "POST /examples/bulk": lambda: self._keep_bulk(sent),
            "PATCH /examples/bulk": lambda: self._keep_bulk(sent),
            "DELETE /examples": lambda: self._remove(query["example_ids"]),
            "POST /sessions": lambda: session,
            "PATCH /sessions/{id}": lambda: session,
            "POST /runs/multipart": dict,
            "POST /feedback": dict,
        }
        if held:
            answers |= {
                "GET /datasets/{id}/version": lambda: _version(held, query["tag"][0]),
                "PUT /datasets/{id}/tags": lambda: held.tags.update({sent["tag"]: sent["as_of"]}),
                "GET /examples": lambda: _page(held, query),
                "POST /v1/platform/datasets/{id}/examples": lambda: _keep_parts(held, kind, body),
                "PATCH /v1/platform/datasets/{id}/examples": lambda: _keep_parts(held, kind, body),
            }
        answer = answers[route]() if route in answers else None
        known = route in answers and (answer is not None or route.startswith("PUT"))
        return (200, answer) if known else (404, {"detail": route})

    def add_dataset(self, name: str) -> dict[str, Any]:
        """Make a data set."""
        about = {"id": str(uuid4()), "name": name, "created_at": AT, "data_type": "kv", "tenant_id": str(uuid4())}
        self.datasets[name] = HeldDataset(about)
        return about

    def _keep_bulk(self, examples: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        ids = [each.get("id") or str(uuid4()) for each in examples]
        held = next(
            each
            for each in self.datasets.values()
            if each.about["id"] == examples[0].get("dataset_id") or ids[0] in each.examples
        )
        return held.write(dict(zip(ids, examples, strict=True)))

    def _remove(self, ids: Sequence[str]) -> dict[str, Any]:
        for held in self.datasets.values():
            if any(each in held.examples for each in ids):
                held.write({}, ids)
        return {}


def _version(held: HeldDataset, tag: str) -> dict[str, Any] | None:
    as_of = max(held.versions, default=None) if tag == "latest" else held.tags.get(tag)
    return {"as_of": as_of, "tags": [name for name, of in held.tags.items() if of == as_of]} if as_of else None


def _page(held: HeldDataset, query: dict[str, list[str]]) -> list[dict[str, Any]]:
    offset, limit = int(query.get("offset", ["0"])[0]), int(query.get("limit", ["100"])[0])
    return list(held.at(query.get("as_of", [None])[0]).values())[offset : offset + limit]


def _keep_parts(held: HeldDataset, kind: str, body: bytes) -> dict[str, Any]:
    """Read `id`, `id.inputs` and `id.outputs` of each example out of a form of many parts."""
    examples: dict[str, dict[str, Any]] = {}
    form: Any = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    for part in form.get_payload():
        example_id, _, field_name = part.get_param("name", header="Content-Disposition").partition(".")
        value = json.loads(part.get_payload(decode=True))
        examples.setdefault(example_id, {}).update({field_name: value} if field_name else value)
    held.write(examples)
    return {"example_ids": list(examples), "count": len(examples), "as_of": max(held.versions)}


def client_of(api: LangSmithApi, *, timeout_s: float = 5) -> Client:
    """The real SDK's client of this server, which tries nothing twice."""
    timeout = int(timeout_s * 1000)
    return Client(
        api_url=api.url, api_key="key", timeout_ms=(timeout, timeout), retry_config=Retry(0), auto_batch_tracing=False
    )


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
            status, answer = api.answer(self.command, self.path, self.headers.get("Content-Type", ""), body)
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
