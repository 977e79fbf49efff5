"""A mailer that delivers into a list, and fails in each of the ways a provider can."""

import asyncio
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, TypeAlias

from backend.errors import MailOutcomeUnknown, MailPostponed, MailRefused
from backend.mail.message import render
from backend.ports import OutgoingEmail

_Fault: TypeAlias = tuple[Literal["refuse", "postpone", "lose answer"], str]


@dataclass
class RecordingMailer:
    """Keeps what it delivered, once an idempotency key; faults are told in advance and each befalls one send."""

    name: str = "recording"
    replay_window: timedelta = timedelta(hours=24)
    delivered: list[OutgoingEmail] = field(default_factory=list[OutgoingEmail])
    attempts: Counter[str] = field(default_factory=Counter[str])
    _faults: deque[_Fault] = field(default_factory=deque[_Fault])
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _rendered: dict[str, bytes] = field(default_factory=dict[str, bytes])

    def __post_init__(self) -> None:
        self._open.set()

    async def send(self, email: OutgoingEmail) -> str:
        """Deliver `email` unless its key was delivered before; meet the next fault."""
        key = email.idempotency_key
        self.attempts[key] += 1
        await self._open.wait()
        rendered = render(email)
        fault, why = self._faults.popleft() if self._faults else ("", "")
        if fault == "refuse":
            raise MailRefused(self.name, why)
        if fault == "postpone":
            raise MailPostponed(self.name, why)
        if self._rendered.setdefault(key, rendered) != rendered:
            raise MailRefused(self.name, "its key was used before, for another email")
        if self.deliveries[key] == 0:
            self.delivered.append(email)
        if fault:
            raise MailOutcomeUnknown(self.name, why)
        return f"recording:{key}"

    @property
    def deliveries(self) -> Counter[str]:
        """How often each idempotency key was delivered; never more than once."""
        return Counter(email.idempotency_key for email in self.delivered)

    def refuse(self, why: str = "the mailbox does not exist") -> None:
        """Let the next send be refused; nothing is delivered."""
        self._faults.append(("refuse", why))

    def postpone(self, why: str = "it is busy") -> None:
        """Let the next send be put off; nothing is delivered."""
        self._faults.append(("postpone", why))

    def lose_answer(self, why: str = "the connection ended") -> None:
        """Let the next send be delivered without its answer coming back."""
        self._faults.append(("lose answer", why))

    def hold(self) -> None:
        """Let sends wait until `release`, as with a provider that is slow."""
        self._open.clear()

    def release(self) -> None:
        """Let the waiting sends go on."""
        self._open.set()
