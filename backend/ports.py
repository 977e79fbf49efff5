"""The fleet needs these Protocols from outside; each has one adapter per technology and one fake that passes its contract."""

import json
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from backend.domain.access import EVERYWHERE, Principal, Reach, Role, TokenRecord
from backend.domain.campaign import Campaign, Case, DecisionRequest, Dossier, Draft, HeldDraft, Memory, Thread, ThreadStatus
from backend.domain.flags import Flags
from backend.domain.incoming import IntakeCounts, NewContact
from backend.domain.suppression import ContactFlag
from backend.errors import ModelAnswerUnusable

# Time


class Clock(Protocol):
    """Tells what time it is; the only source of instants."""

    def now(self) -> datetime:
        """Return the present instant, aware and in UTC."""
        ...


# The model

Tier = Literal["standard", "deep"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question to the model: `name` is its prompt path, `system` the rules, `user` the data."""

    name: str
    system: str
    user: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON object the model answered with, unchecked, and what it took. `cost_usd` is US dollars."""

    content: dict[str, Any]
    model: str
    input_tokens: int
    output_tokens: int
    cost_usd: float

    def refused(self, why: str, *, words: str | None = None) -> ModelAnswerUnusable:
        """Make the failure to raise when this is not what was asked for; `why` quotes nothing of it.

        `words` is what the model said where that is not `content`.
        """
        return ModelAnswerUnusable(
            why,
            words=json.dumps(self.content, ensure_ascii=False) if words is None else words,
            model=self.model,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cost_usd=self.cost_usd,
        )


class Model(Protocol):
    """Answers a prompt with one JSON object."""

    async def ask(self, prompt: Prompt) -> Answer:
        """Make at most one request, within a total deadline.

        Raises:
            ModelUnavailable: no usable answer; its subclass and sentence say why. No retry is under way.
        """
        ...


class MakeLLM(Protocol):
    """Makes the model of a tier; making one costs nothing and asks nothing."""

    def __call__(self, *, tier: Tier) -> Model:
        """Return the model for `tier`."""
        ...


# Mail


@dataclass(frozen=True, slots=True)
class OutgoingEmail:
    """One email, whole, as it is frozen in the ledger: equal values render to equal bytes. `sent_at` becomes its Date."""

    message_id: str
    idempotency_key: str
    sender_name: str
    sender_address: str
    recipient_name: str
    recipient_address: str
    subject: str
    body: str
    sent_at: str
    headers: dict[str, str] = field(default_factory=dict[str, str])


class Mailer(Protocol):
    """Hands one email to a provider."""

    @property
    def name(self) -> str:
        """Return the provider's name, for people."""
        ...

    @property
    def replay_window(self) -> timedelta:
        """Return for how long the same idempotency key may be posted again without a second delivery; zero where never."""
        ...

    async def send(self, email: OutgoingEmail) -> str:
        """Deliver `email` at most once per idempotency key within the window, and return the provider's id for it.

        Raises:
            MailRefused: a definite no; nothing was delivered.
            MailPostponed: not now; nothing was delivered, and it may be handed over again.
            MailOutcomeUnknown: it may have been delivered.
        """
        ...


# Threads, runs and the send ledger


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

    async def reserve(self, lease: Lease, *, step: int, version: int, email: OutgoingEmail, provider: str) -> Reservation:
        """Claim the touch for `provider` in one conditional statement, or find the claim made before; asked again, look again.

        The claim holds only while the lease is held with this fence, the draft is approved with exactly this text for this
        recipient and sender, and the address may be written to. The lease is renewed where it would end soon.

        Raises:
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

    def hold(self, interrupt_id: str, held: HeldDraft, draft: Draft) -> None:
        """Keep a new draft row that waits for a person, and let the thread wait with it."""
        ...

    def ask_again(self, why: str) -> None:
        """Let the decided draft wait for a person once more, as it was; what the graph did is not stored."""
        ...

    def schedule(self, status: ThreadStatus, *, step: int, next_touch_at: str | None, reason: str = "") -> None:
        """Set where the thread stands after this run; `next_touch_at` is None unless a sweep should take it up."""
        ...

    def defer(self, until: datetime, why: str) -> None:
        """Let the thread stand as it did, due again at `until`; attempts are kept, and what the graph did is not stored."""
        ...

    def fail(self, error: str, *, retry_after: timedelta | None, keep_state: bool) -> None:
        """Count a failed attempt; the thread is tried again after a while, or parked when `retry_after` is None.

        `keep_state` stores what the nodes before the failure did, so that a plan made is not made again.
        """
        ...

    async def commit(self, *, principal: str, action: str) -> None:
        """Write everything the run collected and the lease's release, in one fenced batch.

        Raises:
            LeaseLost: the thread has a newer holder; nothing was written but a send's definite yes.
            StatementFailed, StatementRefused: the database will not take it, now or later; nothing was written, and the run is
                open still.
        """
        ...


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The one thread of a pair; `is_new` says whether this call made it."""

    thread: Thread
    is_new: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """A sweep took these; `seen` counts the due threads it chose among, so 0 says that nothing is due."""

    leases: list[Lease]
    seen: int


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

    async def claim_due(self, *, owner: str, lease: timedelta, limit: int, spread: bool = False) -> Claim:
        """Take the lease on at most `limit` due threads nobody holds and read their cases, in two requests.

        The longest due come first; with `spread` they are drawn among some more, so that sweeps that collided part.
        """
        ...

    async def decide(self, draft_id: str, request: DecisionRequest, *, owner: str, lease: timedelta) -> Lease:
        """Make a person's decision durable with a compare-and-set, and take the thread's lease, in one request.

        A draft outside the reach of the request is unknown.

        Raises:
            UnknownDraft, DraftAlreadyDecided, DraftVersionStale, DraftNoLongerWaits, DraftWithdrawn, AddresseeChanged,
            DraftNotReady, TooManyVersions: nothing was decided.
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


# The single email


class Records(Protocol):
    """The records of one contact, for a run that has no thread."""

    async def brief(self, campaign_id: str, contact_id: str, *, reach: Reach = EVERYWHERE) -> tuple[Campaign, Dossier]:
        """Read the campaign, the contact, company, best facts, what was sent and learned, and the suppression, in one request.

        Raises:
            UnknownCampaign, UnknownContact: there is none with this id within `reach`.
        """
        ...

    async def flags(self) -> Flags:
        """Read the flags: the environment's defaults with the stored ones laid over them."""
        ...

    async def remember(self, contact_id: str, memories: Sequence[Memory]) -> None:
        """Add what a run learned; what is known already is not written again."""
        ...


# What comes in, who may ask, and the schema


class IntakeRecords(Protocol):
    """The place where contacts and campaigns are kept."""

    async def add_contacts(self, contacts: Sequence[NewContact]) -> IntakeCounts:
        """Create or update contacts with their companies and facts in one batch; see `backend.intake.Intake.add`."""
        ...

    async def add_campaign(self, campaign: Campaign) -> bool:
        """Create the campaign, or find it with this very content; says whether this call made it.

        Raises:
            CampaignDiffers: the id is taken by another content; nothing was written.
        """
        ...

    async def mark(self, contact_id: str, flag: ContactFlag, *, evidence: str, principal: str) -> bool:
        """Raise a flag of a contact with an audit row that holds the evidence; says whether it was down before.

        Raises:
            UnknownContact: nothing was written.
        """
        ...


class Tokens(Protocol):
    """Bearer tokens; only the hash of one is kept."""

    async def create(self, name: str, role: Role, *, now: datetime, expires_in: timedelta, reach: Reach = EVERYWHERE) -> str:
        """Make a token and return its text, which is shown this once. The name of a revoked or expired token is free again.

        Raises:
            BadRequest: the name, the lifetime or the limit is not allowed; nothing was written.
            UnknownCampaign: it would be limited to one that does not exist; no token was made.
            TokenNameTaken: a live token has this name; nothing was written.
        """
        ...

    async def list(self) -> Sequence[TokenRecord]:
        """Return every token ever made under a name still in use, by name."""
        ...

    async def revoke(self, name: str, *, now: datetime) -> None:
        """End a token at once; a second time changes nothing.

        Raises:
            UnknownToken: no token has this name.
        """
        ...

    async def find(self, token_text: str, now: datetime) -> Principal | None:
        """Return who holds this token, or None when it is unknown, expired or revoked."""
        ...


class Schema(Protocol):
    """The tables of this version."""

    async def pending(self) -> Sequence[str]:
        """Return the names of the migrations the database lacks, in order; changes nothing."""
        ...

    async def migrate(self) -> Sequence[str]:
        """Apply what is pending and return the names this call applied."""
        ...

    async def probe(self) -> datetime:
        """Write one row over with what it holds, now and then, and return the database's instant.

        Raises:
            DatabaseUnwritable: there is no room or no right to write.
        """
        ...
