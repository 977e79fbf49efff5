"""Ends the process, as kill -9 would, at a chosen request: what was sent before is durable, what comes after never happens."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from backend.d1.statements import Result, Statement
from backend.errors import MailError
from backend.ports import Mailer, OutgoingEmail
from tests.fakes.passing_database import PassingDatabase

Moment = Literal["before", "after"]


class Killed(BaseException):
    """The process is gone; no handler of the code under test may see it."""


@dataclass
class KillingDatabase(PassingDatabase):
    """Passes requests on, and dies before or after the one numbered `at` (from 1)."""

    at: int
    moment: Moment
    requests: int = 0

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """See `ports.Database.batch`."""
        self.requests += 1
        if self.requests == self.at and self.moment == "before":
            raise Killed
        results = await self.database.batch(statements)
        if self.requests == self.at:
            raise Killed
        return results


@dataclass
class KillingMailer:
    """Dies before the first email, or when it has heard from the provider or heard that it will hear nothing."""

    mailer: Mailer
    moment: Moment

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
        if self.moment == "after":
            with suppress(MailError):
                await self.mailer.send(email)
        raise Killed
