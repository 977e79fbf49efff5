"""The nouns of a campaign. All are JSON types: they live in checkpoints, rows and prompts alike."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NotRequired, TypedDict, get_args

from backend.domain.access import EVERYWHERE, Reach
from backend.domain.facts import Fact
from backend.domain.flags import Flags
from backend.domain.provenance import Provenance

ThreadStatus = Literal["scheduled", "awaiting_approval", "decided", "completed", "stopped", "parked"]
Decision = Literal["approve", "edit", "regenerate", "reject", "stop"]
TouchOutcome = Literal["sent", "rejected"]
MemoryKind = Literal["objection", "wish", "tried"]

MAX_DRAFT_VERSIONS = 5

_HONORIFICS = frozenset({"dr", "prof", "mr", "mrs", "ms", "herr", "frau"})
_DRAFT_ID = re.compile(r"([^:]+:[^:]+):(0|[1-9][0-9]{0,3}):(0|[1-9][0-9]{0,3})")


def thread_id_of(campaign_id: str, contact_id: str) -> str:
    """The one thread of this campaign and contact; ids hold no colon, so no two pairs share a thread."""
    return f"{campaign_id}:{contact_id}"


def pair_of(thread_id: str) -> tuple[str, str]:
    """The campaign id and the contact id of a thread."""
    campaign_id, _, contact_id = thread_id.partition(":")
    return campaign_id, contact_id


def draft_id_of(thread_id: str, step: int, version: int) -> str:
    """The id of one version of a touch's draft; it says what it names, so no graph and no database gives it."""
    return f"{thread_id}:{step}:{version}"


def touch_of(draft_id: str) -> tuple[str, int, int] | None:
    """The thread, step and version that a draft's id names, or None when it is not one."""
    found = _DRAFT_ID.fullmatch(draft_id)
    return (found[1], int(found[2]), int(found[3])) if found else None


class Contact(TypedDict):
    """A person who may be written to. `address` is the only place a recipient ever comes from."""

    contact_id: str
    company_id: str | None
    address: str
    name: str
    title: str
    time_zone: str | None
    do_not_contact: bool
    bounced: bool
    unsubscribed: bool
    replied: bool


class Company(TypedDict):
    """The firm a contact works for."""

    company_id: str
    name: str
    domain: str | None
    time_zone: NotRequired[str | None]


class Campaign(TypedDict):
    """A campaign says what is offered, by whom, and which links a draft may hold.

    It may say when its emails leave, as `domain.schedule` reads it; what it leaves out, or None, the settings say.
    Answers go to `reply_to`, or without one to the sender; `postal_address` stands below every email.
    """

    campaign_id: str
    name: str
    offer: str
    sender_name: str
    sender_address: str
    allowed_links: list[str]
    send_days: NotRequired[str | None]
    send_hours: NotRequired[str | None]
    time_zone: NotRequired[str | None]
    holiday_country: NotRequired[str | None]
    on_colleague_reply: NotRequired[str | None]
    reply_to: NotRequired[str]
    postal_address: NotRequired[str]


CampaignOption = Literal["send_days", "send_hours", "time_zone", "holiday_country", "on_colleague_reply"]
CAMPAIGN_OPTIONS: tuple[CampaignOption, ...] = get_args(CampaignOption)
"""A campaign may leave these out."""


class Email(TypedDict):
    """A subject and a plain-text body."""

    subject: str
    body: str


class PastTouch(TypedDict):
    """An email that was sent to the contact earlier; `step` counts from 0."""

    step: int
    subject: str
    body: str
    sent_at: str


class Memory(TypedDict):
    """One thing an earlier run learned about the contact."""

    kind: MemoryKind
    text: str


class Dossier(TypedDict):
    """All that is known of one contact, read in one request; `suppressed` says whether the address hash is on the list."""

    contact: Contact
    company: Company | None
    facts: list[Fact]
    history: list[PastTouch]
    memories: list[Memory]
    suppressed: bool


class ModelFailure(TypedDict):
    """One ask whose answer was not used: its prompt path, the error's class, why, and what the model said, cut."""

    prompt: str
    error: str
    why: str
    answer: str


class GraphMeta(TypedDict, total=False):
    """Producing a draft took this, and the reviewer found this. Tokens are counts; `cost_usd` is US dollars.

    `model_calls` counts requests made, whatever came back; `model_failures` is there when one came to nothing. `asked_again`
    says why a text that was approved before waits once more.
    """

    prompt: str
    model: str
    model_calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    model_failures: list[ModelFailure]
    review_passed: bool
    review_notes: list[str]
    unresolved_fields: list[str]
    faults: list[str]
    asked_again: str


class Draft(TypedDict):
    """An email nobody has approved yet, with where it came from."""

    subject: str
    body: str
    provenance: Provenance
    graph_meta: GraphMeta


class PayloadOptions(TypedDict, total=False):
    """A payload holds these only when somebody decided so: without a plan in force there are no keys of one.

    A follow-up's `subject` is that of the conversation it goes on with, whatever its writer finds.
    """

    angle: str
    tone: str
    stop_criteria: str
    roles: list[str]
    subject: str
    feedback: str
    rejected: Email
    incoming: Email


class EmailPayload(PayloadOptions):
    """A leader hands a worker this: names, facts and history, but no address, no flag and no name of a campaign.

    `version` counts from 1, and `today` is a date like `2026-11-30`.
    """

    contact: dict[str, str]
    company: dict[str, str]
    sender: dict[str, str]
    offer: str
    allowed_links: list[str]
    facts: list[Fact]
    history: list[Email]
    memories: list[Memory]
    step: int
    version: int
    today: str


class Standing(TypedDict):
    """A run leaves its thread here; `next_touch_at` is None unless a sweep should take the thread up again."""

    status: ThreadStatus
    reason: str
    next_touch_at: str | None


class HeldDraft(TypedDict):
    """A thread waits with this: the value of its interrupt. It holds no text, because a trace shows it as an error."""

    thread_id: str
    step: int
    version: int


@dataclass(frozen=True, slots=True)
class DecisionRequest:
    """A person's request. `version` None means the version that waits; `edited` is the text to send instead.

    `recipient` is the address they saw, where it is not the one the draft was written to. With `override` they have seen what
    the gate finds wrong with the text, and `overridden` is what it found in theirs. With `accepts_default` a new version may
    be the deterministic one. `reach` is how far they may reach. Under a `key` the same request is answered as it was first.
    """

    decision: Decision
    principal: str
    version: int | None = None
    edited: Email | None = None
    feedback: str = ""
    reason: str = ""
    recipient: str | None = None
    override: bool = False
    overridden: tuple[str, ...] = ()
    accepts_default: bool = False
    reach: Reach = EVERYWHERE
    key: str = ""


class DecisionRecord(TypedDict):
    """A person's decision as it was made durable, and as the graph is resumed with it: `approved` is what may be sent.

    `override` says that they meant what the gate finds wrong with it.
    """

    decision: Decision
    draft_id: str
    version: int
    decided_by: str
    decided_at: str
    approved: Email
    feedback: str
    reason: str
    accepts_default: bool
    override: NotRequired[bool]


@dataclass(frozen=True, slots=True)
class Addressee:
    """To whom an email goes and from whom, as it is approved."""

    recipient_name: str
    recipient_address: str
    sender_name: str
    sender_address: str


@dataclass(frozen=True, slots=True)
class Thread:
    """One row of `threads`: where a (campaign, contact) pair stands. Instants are text of `instants.to_text`.

    `waiting_code` says what a decided touch waits for beyond its instant, and `waiting_for` names that where others wait too.
    """

    thread_id: str
    campaign_id: str
    contact_id: str
    status: ThreadStatus
    step: int
    enrolled_at: str
    next_touch_at: str | None
    status_reason: str
    attempts: int
    waiting_code: str | None = None
    waiting_for: str | None = None


class TouchRecord(TypedDict):
    """The outcome of one touch, kept in the checkpoint with the reasons: who decided what on which version."""

    step: int
    outcome: TouchOutcome
    draft_id: str
    version: int
    subject: str
    at: str
    message_id: str
    draft_provenance: Provenance
    decision_provenance: Provenance


@dataclass(frozen=True, slots=True)
class Case:
    """Everything a run knows before it thinks, read in one request at its start.

    `now` is the database's instant of that request. Of a decided draft `interrupt_id` names what the graph waits with,
    `addressee` is what was approved, and `answered_under` is the hash of the key under which its person wants to be answered;
    `attempted` says that the ledger has a claim on its touch already. `paused_why` is why the thread is paused, and
    `reply_rule` what its campaign does about a colleague's reply; each is blank where there is none.
    """

    now: datetime
    thread: Thread
    campaign: Campaign
    dossier: Dossier
    flags: Flags
    decision: DecisionRecord | None = None
    interrupt_id: str = ""
    addressee: Addressee | None = None
    answered_under: str = ""
    paused_why: str = ""
    reply_rule: str = ""
    attempted: bool = False


def _first_name(name: str) -> str:
    """The name a person is greeted with; a title before the name is not it."""
    words = name.split()
    return next((word for word in words if word.rstrip(".").casefold() not in _HONORIFICS), name)


def addressee_of(campaign: Campaign, contact: Contact) -> Addressee:
    """The recipient and the sender of an email of this campaign to this contact, as both stand now."""
    return Addressee(
        recipient_name=contact["name"],
        recipient_address=contact["address"],
        sender_name=campaign["sender_name"],
        sender_address=campaign["sender_address"],
    )


def email_payload(  # noqa: PLR0913  # what a worker may know, each thing named
    campaign: Campaign, dossier: Dossier, options: PayloadOptions, *, now: datetime, step: int, version: int = 1
) -> EmailPayload:
    """The worker's view of a contact under a campaign, at the instant `now`."""
    contact, company = dossier["contact"], dossier["company"]
    return {
        "contact": {
            "name": contact["name"],
            "first_name": _first_name(contact["name"]),
            "title": contact["title"],
        },
        "company": {"name": company["name"] if company else "", "domain": (company["domain"] or "") if company else ""},
        "sender": {"name": campaign["sender_name"]},
        "offer": campaign["offer"],
        "allowed_links": campaign["allowed_links"],
        "facts": dossier["facts"],
        "history": [Email(subject=past["subject"], body=past["body"]) for past in dossier["history"]],
        # What was tried stands in the history; a row of that kind may be a draft that nobody sent.
        "memories": [memory for memory in dossier["memories"] if memory["kind"] != "tried"],
        "step": step,
        "version": version,
        "today": now.date().isoformat(),
        **options,
    }
