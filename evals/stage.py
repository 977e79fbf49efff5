"""A campaign's world in memory: the clock, the records, the ledger and the mailer that one example is played with."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from backend.domain.access import EVERYWHERE, Reach
from backend.domain.campaign import Campaign, Dossier, Memory
from backend.domain.flags import Flags
from backend.domain.schedule import NO_LIMITS, SendLimits
from backend.ports import Lease, LedgerState, OutgoingEmail, Reservation


class StageClock:
    """Tells the instant it was set to."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        """See `ports.Clock.now`."""
        return self.at


@dataclass
class PaperMailer:
    """Keeps what it is handed; nothing leaves."""

    name: str = "paper"
    replay_window: timedelta = timedelta(0)
    sent: list[OutgoingEmail] = field(default_factory=list[OutgoingEmail])

    async def send(self, email: OutgoingEmail) -> str:
        """See `ports.Mailer.send`."""
        self.sent.append(email)
        return f"paper:{len(self.sent)}"


@dataclass(frozen=True)
class PaperLedger:
    """Gives every claim of its one thread, whose touches are played once and in order."""

    clock: StageClock

    async def reserve(  # noqa: PLR0913  # as the port
        self,
        lease: Lease,
        *,
        step: int,
        version: int,
        email: OutgoingEmail,
        provider: str,
        limits: SendLimits = NO_LIMITS,  # noqa: ARG002  # on a stage no hour is kept
    ) -> Reservation:
        """See `ports.SendLedger.reserve`."""
        return Reservation(
            thread_id=lease.thread_id,
            step=step,
            state="reserved",
            mine=True,
            attempt_id=f"{step}:{version}",
            provider=provider,
            age_s=0.0,
            checked_at=self.clock.now(),
            email=email,
        )

    def settle(self, reservation: Reservation, state: LedgerState, *, provider_id: str = "", error: str = "") -> None:
        """See `ports.SendLedger.settle`; the mailer keeps what was sent."""

    def release(self, reservation: Reservation) -> None:
        """See `ports.SendLedger.release`; no claim outlives its run."""


@dataclass(frozen=True)
class PaperRecords:
    """Knows one campaign and one contact."""

    campaign: Campaign
    dossier: Dossier

    async def brief(self, campaign_id: str, contact_id: str, *, reach: Reach = EVERYWHERE) -> tuple[Campaign, Dossier]:
        """See `ports.Records.brief`."""
        del campaign_id, contact_id, reach
        return self.campaign, self.dossier

    async def flags(self) -> Flags:
        """See `ports.Records.flags`."""
        return Flags()

    async def remember(self, contact_id: str, memories: Sequence[Memory]) -> None:
        """See `ports.Records.remember`; an example is played once."""
