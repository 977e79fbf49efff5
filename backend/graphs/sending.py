"""An approved touch is claimed in the ledger, confirmed right before the provider is asked, and settled with its outcome.

`address` makes an email of an approved text, for the send and for its preview.

Only `send_touch` calls `deliver`. A claim another run made was perhaps posted, so it is repeated only at its own provider and
within that provider's memory; a claim of this run was certainly not.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial

from backend.domain.approval import why_outdated
from backend.domain.campaign import Addressee, Campaign, Case, DecisionRecord, Draft, Email, addressee_of
from backend.domain.closing import footer_of
from backend.domain.conversation import name_earlier
from backend.domain.instants import MAX_CLOCK_DIFFERENCE, to_text
from backend.domain.schedule import UNRESTRICTED, Calendar, SendLimits, SendRules, calendar_of, capped_domain, fraction_of
from backend.domain.suppression import normalise_address, reason_blocked
from backend.domain.unsubscribe import NO_LINKS, UnsubscribeLinks, key_of_touch, offer_unsubscribe
from backend.errors import (
    AskedAgain,
    MailOutcomeUnknown,
    MailPostponed,
    MailRefused,
    SendDeferred,
    SendNeedsPerson,
    TouchHeldBack,
)
from backend.ports import Clock, Lease, Mailer, OutgoingEmail, Reservation, SendLedger

LOOKS_BEFORE_A_SEND = 3
DEFERRED_FOR = timedelta(minutes=1)
APPROVAL_MAX_AGE_DAYS = 7


@dataclass(frozen=True, slots=True)
class Sending:
    """Sending needs these from outside; an approval older than `approval_max_age` is asked for again."""

    ledger: SendLedger
    mailer: Mailer
    clock: Clock
    approval_max_age: timedelta = timedelta(days=APPROVAL_MAX_AGE_DAYS)
    rules: SendRules = UNRESTRICTED
    links: UnsubscribeLinks = NO_LINKS


@dataclass(frozen=True, slots=True)
class Place:
    """A touch's place: its thread and step, and the Message-IDs of what was sent there before it, the oldest first."""

    thread_id: str
    step: int
    earlier: Sequence[str]


async def deliver(  # noqa: PLR0913  # what a send rests on, each thing named
    outside: Sending, case: Case, lease: Lease, decision: DecisionRecord, place: Place, *, draft: Draft
) -> OutgoingEmail:
    """Send what was approved, unless it was sent before, and return the email as it left; `draft` is what the person saw.

    Raises:
        SendRefused, ApprovalMissing, LeaseLost: as `SendLedger.reserve` says; nothing was handed to the mailer.
        AskedAgain: what was approved is not what stands now; nothing was handed to the mailer, and nothing stays claimed.
        SendDeferred: the hour has not come, no place is free, this host's clock is off, or the provider takes nothing just now;
            nothing left, and nothing stays claimed.
        SendNeedsPerson: an earlier attempt may have left; nothing was handed to the mailer.
        MailRefused, MailOutcomeUnknown: what the provider said, settled in the run.
    """
    may_be_asked = not (case.attempted or reason_blocked(case.dossier))
    if may_be_asked and (why := why_outdated(case, decision, draft, outside.approval_max_age)):
        raise AskedAgain(why)
    reservation = await _claim(outside, case, lease, decision, place)
    if reservation.state == "sent":
        return reservation.email
    if reservation.state == "failed":
        raise MailRefused(reservation.provider, "an earlier attempt at this touch was refused")
    if not _may_be_posted(reservation, outside.mailer):
        outside.ledger.settle(reservation, "unknown", error="another attempt may have left, and cannot be repeated safely")
        raise SendNeedsPerson(reservation.thread_id, place.step, reservation.provider)
    try:
        provider_id = await outside.mailer.send(reservation.email)
    except MailRefused as refusal:
        outside.ledger.settle(reservation, "failed", error=str(refusal))
        raise
    except MailPostponed as delay:
        if reservation.mine:
            outside.ledger.release(reservation)
        wait = max(DEFERRED_FOR, delay.retry_after or DEFERRED_FOR)
        raise SendDeferred(case.now + wait, str(delay).removesuffix(".")) from delay
    except MailOutcomeUnknown as loss:
        outside.ledger.settle(reservation, "unknown", error=str(loss))
        raise
    outside.ledger.settle(reservation, "sent", provider_id=provider_id)
    return reservation.email


async def _claim(outside: Sending, case: Case, lease: Lease, decision: DecisionRecord, place: Place) -> Reservation:
    """Claim the touch when its hour has come, which the ledger decides; a touch that was attempted has its place already."""
    calendar = calendar_of(outside.rules, case.campaign, case.dossier)
    if not (case.attempted or calendar.is_open(case.now)):
        raise _wait_for_hour(calendar, case, case.now)
    try:
        return await _reserve(outside, case, lease, decision, place, limits=_limits(outside.rules, calendar, case))
    except TouchHeldBack as held:
        raise _wait_in_turn(outside.rules, calendar, case, held) from held


async def _reserve(  # noqa: PLR0913  # one argument a fact
    outside: Sending, case: Case, lease: Lease, decision: DecisionRecord, place: Place, *, limits: SendLimits
) -> Reservation:
    """Claim the touch, and look again as long as what the ledger said is old: a process may be frozen at any await."""
    if not _is_recent(outside, case.now):
        raise _clock_differs(outside, case.now)
    addressee = addressee_of(case.campaign, case.dossier["contact"])
    email = address(case.campaign, addressee, decision["approved"], place, outside.links, at=case.now)
    reserve = partial(
        outside.ledger.reserve,
        lease,
        step=place.step,
        version=decision["version"],
        email=email,
        provider=outside.mailer.name,
        limits=limits,
    )
    reservation = await reserve()
    for _ in range(LOOKS_BEFORE_A_SEND):
        if reservation.state in {"sent", "failed"} or _is_recent(outside, reservation.checked_at):
            return reservation
        reservation = await reserve()
    if reservation.mine:
        outside.ledger.release(reservation)
    raise _clock_differs(outside, reservation.checked_at)


def address(  # noqa: PLR0913  # what an email is made of, each thing named
    campaign: Campaign, addressee: Addressee, text: Email, place: Place, links: UnsubscribeLinks, *, at: datetime
) -> OutgoingEmail:
    """The text as it will be frozen: ids fixed by thread and step, the thread's earlier emails named, the footer below it.

    `at` becomes its Date.
    """
    key = key_of_touch(place.thread_id, place.step)
    link = links.link_of(key)
    sender_host = normalise_address(addressee.sender_address).rpartition("@")[2]
    return OutgoingEmail(
        message_id=f"<{key}@{sender_host}>",
        idempotency_key=f"touch-{key}",
        **asdict(addressee),
        subject=text["subject"],
        body=text["body"],
        sent_at=to_text(at),
        headers={**name_earlier(place.earlier), **offer_unsubscribe(link)},
        reply_to=campaign.get("reply_to", ""),
        footer=footer_of(text["body"], campaign.get("postal_address", ""), link),
    )


def _limits(rules: SendRules, calendar: Calendar, case: Case) -> SendLimits:
    """The ledger checks these by the database's clock."""
    window = calendar.window(case.now)
    domain = capped_domain(normalise_address(case.dossier["contact"]["address"])) if rules.domain_cap_a_day else None
    return SendLimits(
        opens_at=to_text(window.opens_at),
        closes_at=to_text(window.closes_at),
        gap_s=rules.min_gap.total_seconds(),
        mailbox_a_day=rules.mailbox_cap_a_day,
        mailbox_an_hour=rules.mailbox_cap_an_hour,
        domain=domain,
        domain_a_day=rules.domain_cap_a_day if domain else None,
    )


def _wait_for_hour(calendar: Calendar, case: Case, now: datetime) -> SendDeferred:
    """The touch waits at its own place in the next window; one that opened just now is that."""
    window = calendar.window(now)
    until = max(window.at(fraction_of(case.thread.thread_id, case.thread.step)), now + DEFERRED_FOR)
    return SendDeferred(until, f"emails to this contact leave {calendar}", cause="window")


def _wait_in_turn(rules: SendRules, calendar: Calendar, case: Case, held: TouchHeldBack) -> SendDeferred:
    """The touch waits for its hour, or for the place under a cap that is its turn; who waited before has had a turn."""
    if held.cause == "window":
        return _wait_for_hour(calendar, case, held.free_at)
    if held.cause == "gap":
        hours = rules.min_gap.total_seconds() / 3600
        why = f"another email went to this address less than {hours:g} hours before"
        return SendDeferred(calendar.next_opening(held.free_at), why, cause="gap")
    is_of_domain = (held.queue or "").startswith("cap:@")
    until = calendar.place(
        held.free_at,
        ahead=0 if case.thread.waiting_for == held.queue else held.ahead,
        a_window=(rules.domain_cap_a_day or 1) if is_of_domain else rules.a_window(calendar.hours),
        fraction=fraction_of(case.thread.thread_id, case.thread.step),
    )
    whose = "the recipient's domain was sent" if is_of_domain else f"{case.campaign['sender_address']} has sent"
    return SendDeferred(until, f"{whose} all that its cap allows for now", cause="cap", queue=held.queue)


def _may_be_posted(reservation: Reservation, mailer: Mailer) -> bool:
    """Tell that posting cannot deliver twice; a window of zero holds nothing, for a provider that remembers no key."""
    if reservation.mine:
        return True
    return reservation.provider == mailer.name and 0 <= reservation.age_s < mailer.replay_window.total_seconds()


def _is_recent(outside: Sending, database_now: datetime) -> bool:
    """Tell whether the database said it just now; what it said longer ago is asked again."""
    return abs(outside.clock.now() - database_now) <= MAX_CLOCK_DIFFERENCE


def _clock_differs(outside: Sending, database_now: datetime) -> SendDeferred:
    off_s = (outside.clock.now() - database_now).total_seconds()
    why = f"this host's clock and the database's differ by {abs(off_s):.0f} s, and a host further off than 30 s sends nothing"
    return SendDeferred(database_now + DEFERRED_FOR, why)
