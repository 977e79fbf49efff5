"""Threads, the runs on them, and the ledger of what they sent."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from backend.domain.access import EVERYWHERE, Reach
from backend.domain.campaign import Case, DecisionRequest, Draft, HeldDraft, Thread, ThreadStatus
from backend.domain.schedule import NO_LIMITS, SendLimits
from backend.errors import AgenticSalesError
from backend.ports.mail import OutgoingEmail


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run one thread for a time; `fence` grows with each claim, so an old holder can be told apart."""

    thread_id: str
    owner: str
    fence: int


LedgerState = Literal["reserved", "sent", "failed", "unknown", "not_delivered"]


@dataclass(frozen=True, slots=True)
class Reservation:
    """A row of the send ledger as it stands after `reserve`.

    `mine` says whether this run made it, `provider` whose touch it is, and `age_s` how long it has stood, in seconds of the
    database's clock at the instant `checked_at`.
    """

    thread_id: str
    step: int
    state: LedgerState
    mine: bool
    attempt_id: str
    provider: str
    age_s: float
    checked_at: datetime
    email: OutgoingEmail


class SendLedger(Protocol):
    """The record of sends, unique on (thread_id, step); it decides whether an email may leave."""

    async def reserve(  # noqa: PLR0913  # one argument a fact
        self,
        lease: Lease,
        *,
        step: int,
        version: int,
        email: OutgoingEmail,
        provider: str,
        limits: SendLimits = NO_LIMITS,
    ) -> Reservation:
        """Claim the touch for `provider` in one conditional statement, or find the claim made before; asked again, look again.

        The claim holds only while the lease is held with this fence, the draft is approved with exactly this text for this
        recipient and sender, the address may be written to, and `limits` let one more email leave. The lease is renewed where
        it would end soon. Of a claim made before by another run the limits are not asked: it has its place.

        Raises:
            TouchHeldBack: the limits let none leave now. Nothing was written.
            SetAside: it is paused, or a colleague's reply holds it. Nothing was written.
            SendRefused: the contact may not be written to; its `why` names the reason. An attempt that may have left is settled
                as unknown with this run.
            AskedAgain: recipient or sender is not what was approved. Nothing was written.
            ApprovalMissing: this text is not what a person approved. Nothing was written.
            LeaseLost: the lease is no longer held. Nothing was written.
        """
        ...

    def settle(self, reservation: Reservation, state: LedgerState, *, provider_id: str = "", error: str = "") -> None:
        """Record the outcome in the open run, to be committed with it; a `sent` is recorded even if the run may not commit.

        Only `sent` may follow `unknown`, and `sent` may follow everything.
        """
        ...

    def release(self, reservation: Reservation) -> None:
        """Give a claim of this run back, with the run's commit: nothing was handed to the provider."""
        ...


class Run(Protocol):
    """One run of a thread as one transaction: what it is told is collected and committed in one batch, or not at all.

    It has four outcomes: it holds a draft, it schedules or ends its thread, it defers, it fails.
    """

    lease: Lease
    case: Case

    def hold(self, interrupt_id: str, held: HeldDraft, draft: Draft, why: str = "") -> None:
        """Keep a new draft row that waits for a person, and let the thread wait with it; `why` it is asked again, if it is."""
        ...

    def ask_again(self, why: str) -> None:
        """Let the decided draft wait for a person once more, as it was; what the graph did is not stored."""
        ...

    def schedule(self, status: ThreadStatus, *, step: int, next_touch_at: str | None, reason: str = "") -> None:
        """Set where the thread stands after this run; `next_touch_at` is None unless a sweep should take it up."""
        ...

    def defer(self, until: datetime, why: str, *, cause: str | None = None, queue: str | None = None) -> None:
        """Let the thread stand as it did, due again at `until`; attempts are kept, and what the graph did is not stored.

        `cause` is a code for what it waits for, and `queue` where others wait for the same.
        """
        ...

    def set_aside(self, why: str) -> None:
        """Let the thread stand as it did until a person lets it go on, or due at once where somebody did meanwhile."""
        ...

    def fail(self, error: str, *, retry_after: timedelta | None, keep_state: bool) -> None:
        """Count a failed attempt; the thread is tried again after a while, or parked when `retry_after` is None.

        `keep_state` stores what the nodes before the failure did, so that a plan made is not made again.
        """
        ...

    async def commit(self, *, principal: str, action: str, answer: str = "") -> None:
        """Write everything the run collected and the lease's release, in one fenced batch.

        `answer` is kept where a person decided under a key, for when they ask again; the first one stays.

        Raises:
            LeaseLost: the thread has a newer holder; nothing was written but a send's definite yes.
            StatementFailed, StatementRefused: the database will not take it, now or later; nothing was written, and the run is
                open still.
        """
        ...


@dataclass(frozen=True, slots=True)
class Remembered:
    """A decision was made before by the same request under the same key; `answer` is None while its run is under way."""

    answer: str | None


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The one thread of a pair; `is_new` says whether this call made it."""

    thread: Thread
    is_new: bool


@dataclass(frozen=True, slots=True)
class Due:
    """A due thread that nobody holds, as a look found it; a claim takes it only while its fence is still this one."""

    thread_id: str
    fence: int


@dataclass(frozen=True, slots=True)
class Look:
    """A sweep sees these due threads at the database's instant `at`.

    `number` is that of the last word of a sweep; `swept_s_ago` and `taken_s_ago` are the seconds since a sweep last said that
    it looks, and since the newest sweep began that took all that was due; infinite before the first.
    """

    due: list[Due]
    at: str
    number: int
    swept_s_ago: float
    taken_s_ago: float


@dataclass(frozen=True, slots=True)
class RollCall:
    """A sweep that began at `since` asks who is absent, when it `is_whole`: with this claim it has taken all it could.

    When it `is_told` it leaves its word too, unless another word than `number` was the last one.
    """

    number: int
    since: str
    is_whole: bool
    is_told: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """A sweep took these. `absent` are free threads that were due when a whole sweep began; `number` is the last word's."""

    leases: list[Lease]
    absent: list[str]
    number: int


class Threads(Protocol):
    """The threads table and the claims on it. A lease lasts `lease`, by the database's clock."""

    async def enrol(
        self, campaign_id: str, contact_ids: Sequence[str], *, principal: str, reach: Reach = EVERYWHERE
    ) -> list[Enrolment]:
        """Make the thread of each pair, due at once, or find it, in one request; the answer keeps the order of `contact_ids`.

        Raises:
            UnknownCampaign, UnknownContact: it does not exist or lies outside `reach`; nobody was enrolled.
        """
        ...

    async def look(self, *, limit: int) -> Look:
        """Look which threads are due and held by nobody, the longest due first, at most `limit` of them, in one request."""
        ...

    async def claim(self, due: Sequence[Due], *, owner: str, lease: timedelta, roll: RollCall | None = None) -> Claim:
        """Take the lease on those of these threads that are still as they were seen, and read their cases, in one request.

        The roll is called in the same request, after the claim.
        """
        ...

    async def let_go(self, leases: Sequence[Lease]) -> None:
        """End these leases now, where they are still held: nothing was begun under them, and their threads are due again."""
        ...

    async def decide(self, draft_id: str, request: DecisionRequest, *, owner: str, lease: timedelta) -> Lease | Remembered:
        """Make a person's decision durable with a compare-and-set, and take the thread's lease, in one request.

        A draft outside the reach of the request is unknown.

        Raises:
            UnknownDraft, DraftAlreadyDecided, DraftVersionStale, DraftNoLongerWaits, DraftWithdrawn, AddresseeChanged,
            DraftNotReady, TooManyVersions: nothing was decided.
            KeyReused: another request was made under this key; nothing was decided.
        """
        ...

    async def decide_together(self, asked: Mapping[str, DecisionRequest], *, owner: str) -> dict[str, AgenticSalesError | None]:
        """Make decisions durable in one request, and leave what follows from them to a sweep; say why for each that failed.

        All are asked for by one person, with one reach and under one key: those of the first.

        Raises:
            KeyReused: another request was made under this key; nothing was decided.
        """
        ...

    async def recall(self, draft_id: str, request: DecisionRequest) -> str | None:
        """Read the answer that is kept for the key of `request`, or None as long as there is none.

        Of a thread that was ended before there was one, it is how the thread stands.

        Raises:
            KeyReused: another request was made under this key.
        """
        ...

    async def allowed_links(self, draft_id: str, reach: Reach) -> list[str]:
        """Read which links the campaign of a draft allows.

        Raises:
            UnknownDraft: there is no draft of this id within reach.
        """
        ...

    async def stop(self, campaign_id: str, contact_id: str, *, principal: str, reason: str, reach: Reach = EVERYWHERE) -> None:
        """End a thread wherever it stands, and withdraw the draft it waits with.

        Raises:
            UnknownCampaign, UnknownContact, UnknownThread: it does not exist or lies outside `reach`; nothing was written.
            ThreadEnded: nothing was written.
        """
        ...

    def run(self, lease: Lease) -> AbstractAsyncContextManager[Run]:
        """Open the run of a leased thread on its case and its latest checkpoint, read with the claim.

        Inside the block the checkpointer and the ledger join the run. Leaving it without `commit` writes nothing.
        """
        ...
