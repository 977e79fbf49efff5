"""The service in a process of its own, as a client and a reader of its log know it."""

from dataclasses import dataclass, field
from itertools import takewhile
from signal import Signals
from typing import Any

import httpx

from tests.processes import Command


@dataclass
class Served:
    """A service that runs, a client with an operator's token, what it `said` first, and what was read of its log so far."""

    command: Command
    client: httpx.Client
    said: str = ""
    log: list[str] = field(default_factory=list[str])

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Ask for something that must succeed."""
        answer = self.client.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def read_log_until(self, *words: str) -> None:
        """Wait until the service has logged a line with all these words."""
        self.log += takewhile(lambda line: any(word not in line for word in words), self.command.stderr)

    def end(self, number: Signals) -> int | None:
        """Send a signal, and return the exit code; the rest of the log is read."""
        code, rest = self.command.end(number)
        self.log += rest.splitlines()
        return code
