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
        """Deliver `email`, unless its key is remembered."""
        key = self.folder / f"{email.idempotency_key}.key"
        if self.replay_window and key.exists() and self.clock.now() - from_text(key.read_text("utf-8")) >= self.replay_window:
            key.unlink()
        self._note("attempts", email)
        if not self.replay_window:
            self._note("deliveries", email)
            return email.message_id
        with suppress(FileExistsError), key.open("x") as remembered:
            remembered.write(to_text(self.clock.now()))
            remembered.flush()
            self._note("deliveries", email)
        return email.message_id

    def deliveries(self) -> Counter[str]:
        """How many emails each address got."""
        return self._count("deliveries")

    def attempts(self) -> Counter[str]:
        """How often an email to each address was handed in."""
        return self._count("attempts")

    def _note(self, what: str, email: OutgoingEmail) -> None:
        with (self.folder / what).open("a") as lines:
            lines.write(f"{email.recipient_address}\n")

    def _count(self, what: str) -> Counter[str]:
        lines = self.folder / what
        return Counter(lines.read_text("utf-8").split() if lines.exists() else [])


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
    name: str = "fated"

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
