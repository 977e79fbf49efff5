"""A reader is shown these of threads and drafts. Instants are text of `domain.instants.to_text`.

A `step` counts from 0, for programs; a sentence calls the same touch by its number from 1, for people.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from backend.domain.access import EVERYWHERE, Reach
from backend.domain.campaign import Decision, ThreadStatus, TouchOutcome
from backend.domain.provenance import Source
from backend.domain.release import GateDecision, GateRecord, Judgement
from backend.ports import LedgerState

DraftStatus = Literal["pending", "decided", "withdrawn"]
WaitingCode = Literal[
    "approval", "running", "retry", "gap", "sweep", "decided", "deferred", "window", "cap", "paused", "reply", "parked"
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class ProvenanceView:
    """The source of a word: who says so, how surely from 0 to 1, why, and resting on what."""

    confidence: float
    reason: str
    source: Source
    evidence: list[str]


@dataclass(frozen=True, slots=True)
class PlanView:
    """The coach planned this once; `cadence_days` holds the days before each touch."""

    angle: str
    tone: str
    cadence_days: list[int]
    max_touches: int
    stop_criteria: str
    provenance: ProvenanceView


@dataclass(frozen=True, slots=True)
class EmailView:
    """A subject and a plain-text body."""

    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class DecisionView:
    """A person's decision: who decided what, when and why; `approved` is the exact text that may be sent, if any."""

    decision: Decision
    decided_by: str
    decided_at: str
    feedback: str
    reason: str
    approved: EmailView | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftVersion:
    """One version of a touch's draft, as it was written, and what was decided on it."""

    draft_id: str
    version: int
    status: DraftStatus
    subject: str
    body: str
    provenance: ProvenanceView
    graph_meta: dict[str, Any]
    created_at: str
    decision: DecisionView | None


@dataclass(frozen=True, slots=True)
class SendView:
    """The row of the send ledger: `reserved` before the mailer is asked, then its outcome; `unknown` is never sent blindly."""

    state: LedgerState
    reserved_at: str
    settled_at: str | None
    provider_id: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchView:
    """One touch: its versions, and what became of it. `sent_at` and `message_id` are None unless it was sent."""

    step: int
    outcome: TouchOutcome | None
    versions: list[DraftVersion]
    decision_provenance: ProvenanceView | None = None
    ledger: SendView | None = None
    sent_at: str | None = None
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class WaitingBecause:
    """The reason why nothing happens to a thread just now: a code for machines and a sentence for people.

    `until` is the instant at which it is looked at next; None where a person or a run under way comes first.
    """

    code: WaitingCode
    sentence: str
    until: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadView:
    """One thread, whole. `plan` is what the checkpoint holds; it governs only while `plan_in_force`.

    `damage` is empty unless the checkpoint cannot be read; then there is no plan, and the touches are shown without reasons.
    """

    thread_id: str
    campaign_id: str
    contact_id: str
    status: ThreadStatus
    status_reason: str
    step: int
    attempts: int
    enrolled_at: str
    next_touch_at: str | None
    waiting_draft_id: str | None
    waiting_because: WaitingBecause | None
    plan: PlanView | None
    plan_in_force: bool
    touches: list[TouchView]
    damage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftSummary:
    """A draft that waits, as a line of a list."""

    draft_id: str
    campaign_id: str
    contact_id: str
    contact_name: str
    company_name: str | None
    step: int
    version: int
    subject: str
    created_at: str


@dataclass(frozen=True, slots=True)
class DraftPage:
    """A page of drafts; `next_cursor` asks for the page after it and is None on the last."""

    drafts: list[DraftSummary]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class FactView:
    """One thing somebody found out about a company; `confidence` is from 0 to 1."""

    field: str
    value: str
    confidence: float
    source: str
    observed_at: str


@dataclass(frozen=True, slots=True)
class SenderView:
    """The person who signs and sends."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class AddresseeView:
    """To whom an email would go now and from whom, where that is not whom the draft was written for."""

    recipient_name: str
    recipient_address: str
    sender_name: str
    sender_address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientView:
    """The person a draft is written to. Name and address are part of what is approved."""

    contact_id: str
    name: str
    address: str
    title: str
    company_name: str | None
    company_domain: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftCard(DraftVersion):
    """Everything a person decides on: the draft, from and to whom, the facts on the company, the touch's other versions.

    Answers go to `reply_to`, and `footer` stands below the text.

    Where `addressee_now` is not None, a decision to send must name its `recipient_address`. `stop_criteria` is when the plan in
    force says to stop, which a person sees to; without a plan in force, or one that can be read, it is None.
    """

    thread_id: str
    campaign_id: str
    step: int
    sender: SenderView
    contact: RecipientView
    reply_to: str
    footer: str
    addressee_now: AddresseeView | None = None
    stop_criteria: str | None = None
    facts: list[FactView] = field(default_factory=list[FactView])
    other_versions: list[DraftVersion] = field(default_factory=list[DraftVersion])


@dataclass(frozen=True, slots=True, kw_only=True)
class Requeued:
    """The thread stands here now: `decided` when a decision waits to be acted on, else `scheduled` for a draft."""

    thread_id: str
    campaign_id: str
    contact_id: str
    status: ThreadStatus
    step: int
    next_touch_at: str | None


class Views(Protocol):
    """Reads for people and their screens, each in one request; what lies outside `reach` does not exist for whoever asks."""

    async def thread(self, campaign_id: str, contact_id: str, *, reach: Reach = EVERYWHERE) -> ThreadView:
        """Read one thread with its plan and every touch so far.

        Raises:
            UnknownCampaign, UnknownContact, UnknownThread: there is none for these ids.
        """
        ...

    async def drafts(
        self, *, campaign_id: str | None = None, cursor: str | None = None, limit: int = 50, reach: Reach = EVERYWHERE
    ) -> DraftPage:
        """Read a page of the drafts that wait, the oldest first.

        Raises:
            UnknownCampaign: there is none with this id.
            BadRequest: the cursor is not one this method gave.
        """
        ...

    async def draft(self, draft_id: str, *, reach: Reach = EVERYWHERE) -> DraftCard:
        """Read one draft as a person decides on it.

        Raises:
            UnknownDraft: there is none with this id.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedThread:
    """A thread that was given up at touch `step` after `attempts` failures, and why."""

    thread_id: str
    campaign_id: str
    contact_id: str
    step: int
    attempts: int
    status_reason: str


@dataclass(frozen=True, slots=True)
class ParkedPage:
    """A page of the threads that were given up; `next_cursor` is None on the last."""

    threads: list[ParkedThread]
    next_cursor: str | None


class Requeue(Protocol):
    """An operator's word for threads that were given up."""

    async def page(self, *, cursor: str | None = None, limit: int = 50, reach: Reach = EVERYWHERE) -> ParkedPage:
        """Read a page of the threads within `reach` that were given up, by id.

        It reads `limit` rows and one, whatever the table holds; with a limited reach, twice that of each campaign.
        """
        ...

    async def requeue(self, campaign_id: str, contact_id: str, *, principal: str, reach: Reach = EVERYWHERE) -> Requeued:
        """Let the next sweep take a parked thread up again, its failures forgotten; a send that was refused may be tried anew.

        An attempt that may have left is not forgotten: `send_touch` repeats it under its key, or parks the thread again.

        Raises:
            UnknownCampaign, UnknownContact, UnknownThread: there is none for these ids within `reach`.
            ThreadNotParked: the thread was not given up; nothing was written.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagView:
    """A flag as it stands: `set_by` and `set_at` are None where nobody ever set it, and the environment's default counts.

    `decision` and `decided_at` are those of the gate's newest verdict on the service's commit, `why_not` says what keeps the
    flag from being turned on.
    """

    name: str
    is_on: bool
    set_by: str | None
    set_at: str | None
    decision: GateDecision | None
    decided_at: str | None
    why_not: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagsView:
    """Every flag, and the commit the service is of; blank where it does not know."""

    commit: str
    flags: list[FlagView]


@dataclass(frozen=True, slots=True)
class Flip:
    """A flag was turned on or off; `why` is what was said, or the seal of the evidence."""

    at: str
    by: str
    turned_on: bool
    why: str


@dataclass(frozen=True, slots=True)
class FlagHistory:
    """The newest flips of a flag, the newest first."""

    name: str
    flips: list[Flip]


class Switches(Protocol):
    """The flags in D1, and the decisions of the gate that they are turned on by."""

    async def list(self) -> FlagsView:
        """Read every flag, in one request."""
        ...

    async def set(self, name: str, *, on: bool, by: str, why: str) -> FlagView:
        """Turn a flag on or off with an audit row in the same batch; one that stands so already is left alone.

        Off needs nothing. On needs a fitting PROMOTE, see `backend.domain.release.refuse_to_turn_on`.

        Raises:
            UnknownFlag, FlagNotReleased, FlagFlipped: nothing was written.
        """
        ...

    async def history(self, name: str) -> FlagHistory:
        """Read the newest flips of a flag.

        Raises:
            UnknownFlag: there is none of this name.
        """
        ...

    async def judgements(self, name: str, *, limit: int) -> Sequence[Judgement]:
        """Read the newest decisions of people on drafts, a stop not among them, in `limit` rows whatever the table holds.

        Treated is what was written since the flag is on.

        Raises:
            UnknownFlag: there is none of this name.
        """
        ...

    async def record(self, record: GateRecord, *, by: str) -> bool:
        """Append a decision of the gate; says whether this call did, and the same evidence twice is one row.

        Raises:
            UnknownFlag: nothing was written.
            AttemptTaken: another verdict is on record as this attempt; nothing was written.
        """
        ...
