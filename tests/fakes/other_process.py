"""What several processes share with their test, in one folder: the time, and a provider that counts; and how a process ends.

A process is ended, or stopped, by itself at a chosen moment, by the signal that leaves no handler and no `finally` a chance.
"""

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from uuid import uuid4

from backend.d1.statements import Result, Statement
from backend.domain.instants import from_text, to_text
from backend.ports import Clock, Mailer, OutgoingEmail
from tests.fakes.passing_database import PassingDatabase

Moment = Literal["before", "within", "after"]


class FileClock:
    """Tells the instant that its file holds."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> datetime:
        """See `ports.Clock.now`."""
        return from_text(self._path.read_text("utf-8"))

    def set(self, at: datetime) -> None:
        """Stand at `at`, for every process."""
        staged = self._path.with_suffix(".new")
        staged.write_text(to_text(at), "utf-8")
        staged.replace(self._path)

    def advance(self, by: timedelta) -> None:
        """Stand `by` later."""
        self.set(self.now() + by)


@dataclass(frozen=True)
class FolderProvider:
    """Delivers once an idempotency key within `replay_window`, and forgets the key after it, as providers do."""

    folder: Path
    clock: Clock
    replay_window: timedelta
    name: str = "folder"

    async def send(self, email: OutgoingEmail) -> str:
        """Deliver `email`, unless its key is remembered; a delivery is one file, there or not whenever a process dies."""
        self._file("attempt", email).replace(self.folder / f"attempt-{uuid4().hex}")
        key = self.folder / f"delivery-{email.idempotency_key}"
        if not self.replay_window:
            key = self.folder / f"delivery-{uuid4().hex}"
        elif key.exists() and self._age(key) >= self.replay_window:
            key.rename(self.folder / f"delivery-{uuid4().hex}")
        with suppress(FileExistsError):
            key.hardlink_to(self._file("new", email))
        return email.message_id

    def deliveries(self) -> Counter[str]:
        """How many emails each address got."""
        return self._count("delivery-*")

    def attempts(self) -> Counter[str]:
        """How often an email to each address was handed in."""
        return self._count("attempt-*")

    def _file(self, what: str, email: OutgoingEmail) -> Path:
        """Write a file of its own that says when, and to whom."""
        path = self.folder / f"{what}.{uuid4().hex}"
        path.write_text(f"{to_text(self.clock.now())} {email.recipient_address}", "utf-8")
        return path

    def _age(self, path: Path) -> timedelta:
        return self.clock.now() - from_text(path.read_text("utf-8").split()[0])

    def _count(self, names: str) -> Counter[str]:
        return Counter(path.read_text("utf-8").split()[1] for path in self.folder.glob(names))


def kill_nine() -> None:
    """End this process at once."""
    os.kill(os.getpid(), signal.SIGKILL)


def freeze() -> None:
    """Stop this process until somebody lets it go on."""
    os.kill(os.getpid(), signal.SIGSTOP)


@dataclass(frozen=True, slots=True)
class Fate:
    """Where a process meets `signal`: at its request, or its email, numbered `number` from 1.

    Within a request it comes `delay_s` after the request was begun, on whatever line the process then is.
    """

    at: Literal["request", "email"]
    number: int
    moment: Moment
    delay_s: float = 0.0


@dataclass
class FatedDatabase(PassingDatabase):
    """Passes requests on, and calls `end` where fate has it."""

    fate: Fate
    end: Callable[[], None]
    requests: int = 0

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """See `ports.Database.batch`."""
        self.requests += 1
        moment = self.fate.moment if self.fate.at == "request" and self.requests == self.fate.number else None
        if moment == "before":
            self.end()
        if moment == "within":
            threading.Timer(self.fate.delay_s, self.end).start()
        results = await self.database.batch(statements)
        if moment == "after":
            self.end()
        return results


@dataclass
class FatedMailer:
    """Passes emails on, and calls `end` where fate has it."""

    mailer: Mailer
    fate: Fate
    end: Callable[[], None]
    emails: int = 0

    @property
    def name(self) -> str:
        """See `ports.Mailer.name`."""
        return self.mailer.name

    @property
    def replay_window(self) -> timedelta:
        """See `ports.Mailer.replay_window`."""
        return self.mailer.replay_window

    async def send(self, email: OutgoingEmail) -> str:
        """See `ports.Mailer.send`."""
        self.emails += 1
        moment = self.fate.moment if self.fate.at == "email" and self.emails == self.fate.number else None
        if moment == "before":
            self.end()
        provider_id = await self.mailer.send(email)
        if moment == "after":
            self.end()
        return provider_id
