"""Pages of campaigns, of the contacts enrolled in one, and of its threads, and an email as readers are shown them."""

from dataclasses import dataclass
from typing import Final, Protocol

from backend.domain.access import EVERYWHERE, Reach
from backend.domain.campaign import ThreadStatus
from backend.domain.stops import Scope, StopAction
from backend.ports import LedgerState, OutgoingEmail

LOOKED_AT: Final = 10
"""Threads that a page of one status looks at for each it may show; no index by status, which would cost a row a touch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignSummary:
    """A campaign, as a line of a list."""

    campaign_id: str
    name: str
    sender_name: str
    sender_address: str
    created_at: str


@dataclass(frozen=True, slots=True)
class CampaignPage:
    """A page of campaigns; `next_cursor` asks for the page after it and is None on the last."""

    campaigns: list[CampaignSummary]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactSummary:
    """A contact, as a line of a list, with what was heard of it."""

    contact_id: str
    name: str
    address: str
    title: str
    company_name: str | None
    do_not_contact: bool
    bounced: bool
    unsubscribed: bool
    replied: bool


@dataclass(frozen=True, slots=True)
class ContactPage:
    """A page of contacts; `next_cursor` is None on the last."""

    contacts: list[ContactSummary]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadSummary:
    """A thread, as a line of a list: where it stands, why, and when a sweep takes it up."""

    thread_id: str
    campaign_id: str
    contact_id: str
    status: ThreadStatus
    status_reason: str
    step: int
    attempts: int
    next_touch_at: str | None


@dataclass(frozen=True, slots=True)
class ThreadPage:
    """A page of threads; it may hold few or none of a status before the last, where `next_cursor` is None."""

    threads: list[ThreadSummary]
    next_cursor: str | None


class Lists(Protocol):
    """Lists by id, a page in one request that reads what it looks at, whatever the tables hold."""

    async def campaigns(self, *, cursor: str | None = None, limit: int = 50, reach: Reach = EVERYWHERE) -> CampaignPage:
        """Read a page of the campaigns within `reach`."""
        ...

    async def contacts(
        self, campaign_id: str, *, cursor: str | None = None, limit: int = 50, reach: Reach = EVERYWHERE
    ) -> ContactPage:
        """Read a page of the contacts that are enrolled in the campaign.

        Raises:
            UnknownCampaign: there is none with this id within `reach`.
        """
        ...

    async def threads(
        self,
        campaign_id: str,
        *,
        status: ThreadStatus | None = None,
        cursor: str | None = None,
        limit: int = 50,
        reach: Reach = EVERYWHERE,
    ) -> ThreadPage:
        """Read a page of the campaign's threads, all or those of one status; of these it looks at `limit` times `LOOKED_AT`.

        Raises:
            UnknownCampaign: there is none with this id within `reach`.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSummary:
    """An email of which nobody knows whether it left, as a line of a list; `error` says how that came about."""

    send_id: str
    thread_id: str
    campaign_id: str
    contact_id: str
    thread_status: ThreadStatus
    step: int
    subject: str
    provider: str
    message_id: str
    reserved_at: str
    settled_at: str | None
    error: str


@dataclass(frozen=True, slots=True)
class SendPage:
    """A page of sends; `next_cursor` is None on the last."""

    sends: list[SendSummary]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class SendOutcome:
    """The send as it stands after a person's word, and its thread: `next_touch_at` is when a sweep takes it up."""

    send_id: str
    state: LedgerState
    thread_status: ThreadStatus
    next_touch_at: str | None


class Sends(Protocol):
    """A person's word on emails that may have left."""

    async def unknown(self, *, cursor: str | None = None, limit: int = 50) -> SendPage:
        """Read a page of the sends nobody knows the outcome of, by thread; it costs what it shows.

        Raises:
            UnknownSend: the cursor is not the id of a send.
        """
        ...

    async def resolve(self, send_id: str, *, delivered: bool, principal: str) -> SendOutcome:
        """Say what became of one: delivered, its thread goes on as sent; not delivered, the touch is sent under a new claim.

        A thread that has ended stays ended.

        Raises:
            UnknownSend: there is no such attempt, or a later one took its place.
            SendNotUnknown: its outcome is known; nothing was written.
        """
        ...


class Previews(Protocol):
    """A draft as its recipient would have it."""

    async def email(self, draft_id: str, *, reach: Reach = EVERYWHERE) -> OutgoingEmail:
        """Make the email that the draft would be if it left now, without asking a provider; its Date is when it was written.

        Once its send was claimed, it is the email that was frozen then.

        Raises:
            UnknownDraft: there is none with this id within `reach`.
        """
        ...


@dataclass(frozen=True, slots=True)
class StopView:
    """A pause in force: its scope, who said so, when and why, and how many threads it has set aside so far."""

    scope: str
    said_by: str
    said_at: str
    why: str
    threads: int


@dataclass(frozen=True, slots=True)
class StopPage:
    """A page of the pauses in force, by scope; `next_cursor` is None on the last."""

    stops: list[StopView]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopSaid:
    """Somebody said this of a scope; `threads` is how many a pause set aside, a resume brought back or a cancel ended."""

    scope: str
    action: StopAction
    said_by: str
    said_at: str
    why: str
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldThread:
    """A thread that waits for a person because a colleague replied; resume it to let it go on, or stop it."""

    thread_id: str
    campaign_id: str
    contact_id: str
    status: ThreadStatus
    step: int
    status_reason: str


@dataclass(frozen=True, slots=True)
class HeldPage:
    """A page of the threads that a colleague's reply holds; `next_cursor` is None on the last."""

    threads: list[HeldThread]
    next_cursor: str | None


class Stops(Protocol):
    """A person's word that stops what should not leave: in force at the next claim of a thread, and of a send."""

    async def say(self, scope: Scope, action: StopAction, *, by: str, why: str, reach: Reach = EVERYWHERE) -> StopSaid:
        """Pause a scope, resume it, or cancel what is enrolled in it, with an audit row in the same batch.

        A pause sets aside what would be composed or sent, and keeps what was decided; a resume brings it back, many of them
        spread over up to an hour. A cancel ends the threads that are enrolled by now and withdraws their drafts, at once. A
        resume of one thread lets it go on after a colleague's reply too.

        Raises:
            UnknownCampaign, UnknownContact, UnknownThread: the scope does not exist within `reach`; nothing was written.
            StopContested: somebody said something else at the same instant; nothing was written.
        """
        ...

    async def page(self, *, cursor: str | None = None, limit: int = 50, reach: Reach = EVERYWHERE) -> StopPage:
        """Read a page of the pauses in force, by scope; with a limited reach, those of its campaigns and their threads."""
        ...

    async def held(self, *, cursor: str | None = None, limit: int = 50, reach: Reach = EVERYWHERE) -> HeldPage:
        """Read a page of the threads within `reach` that a colleague's reply holds, by id."""
        ...
