"""An approved touch waits for its hour and its place with its approval, and no two sweeps take the last place."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from backend.d1.clock import TimedDatabase
from backend.d1.database import open_database
from backend.desk import holidays_of, rules_of
from backend.domain.campaign import DecisionRequest
from backend.domain.instants import from_text, to_text
from backend.domain.schedule import SendRules, read_days, read_hours, tell_days
from backend.errors import SettingRefused
from backend.ports import Lease
from backend.settings import Settings
from backend.store.intake import D1Intake
from tests.fakes.clock import FixedClock
from tests.northwind import SCRIPT
from tests.story.fleet import Fleet, open_fleet

OFFICE = SendRules(days=read_days("mon-fri"), hours=read_hours("09:00-17:00"))
FRIDAY_EVENING = datetime(2026, 11, 27, 18, 0, tzinfo=ZoneInfo("Pacific/Auckland"))
MONDAY = datetime(2026, 11, 30, 9, 0, tzinfo=ZoneInfo("Pacific/Auckland"))
"""Where Ada works."""


@asynccontextmanager
async def fleet_of(rules: SendRules, number: int = 1, at: datetime = MONDAY, **more: Any) -> AsyncGenerator[Fleet]:
    """A fleet under `rules` whose threads wait with a draft each."""
    contacts = ["ada", *(f"contact{place}" for place in range(1, number))]
    async with open_fleet(SCRIPT, contacts=contacts, clock=FixedClock(at), rules=rules, **more) as fleet:
        await fleet.campaigns.enrol("close", contacts, principal="op")
        await fleet.resume()
        yield fleet


async def approve_all(fleet: Fleet) -> None:
    """Approve what waits, one after the other."""
    for draft_id in await fleet.rows.pending():
        await fleet.decide_on(draft_id, "approve")


async def because(fleet: Fleet) -> tuple[str, str | None]:
    """Why Ada's thread waits, as a code, and until when."""
    waiting = (await fleet.service.views.thread("close", "ada")).waiting_because
    assert waiting
    return waiting.code, waiting.until


@pytest.mark.req("WHEN-R8", "WHEN-R6")
async def test_an_approval_on_friday_evening_leaves_on_monday() -> None:
    """It keeps its approval, no model is asked again, the thread names its hours, and its gap counts from Monday."""
    async with fleet_of(OFFICE, at=FRIDAY_EVENING) as fleet:
        draft_id, requests = await fleet.pending(), fleet.database.meter.requests
        report = await fleet.decide_on(draft_id, "approve")
        assert fleet.database.meter.requests == requests + 2
        assert report.reason == "Not sent yet: emails to this contact leave mon-fri 09:00-17:00 in Pacific/Auckland."
        code, until = await because(fleet)
        assert code == "window"
        assert until == report.next_touch_at
        assert MONDAY <= from_text(until or "") < MONDAY + timedelta(hours=8)
        asked = len(fleet.model.asked)
        fleet.clock.advance(timedelta(days=1))
        await fleet.resume()
        assert not fleet.mailer.delivered
        (run,) = (await fleet.fast_forward()).runs
        assert run.sent
        assert len(fleet.model.asked) == asked
        thread = await fleet.thread()
        assert (thread["attempts"], thread["waiting_code"]) == (0, None)
        assert from_text(thread["next_touch_at"]) == fleet.clock.now() + timedelta(days=4)


@pytest.mark.req("WHEN-R6")
async def test_a_sweep_that_comes_half_an_hour_late_finds_the_window_open() -> None:
    """However late in its window a touch has its place; found closed it would get the same place of the next, for ever."""
    async with fleet_of(replace(OFFICE, hours=read_hours("09:00-10:00")), at=FRIDAY_EVENING) as fleet:
        report = await fleet.decide("approve")
        fleet.clock.set(from_text(report.next_touch_at or "") + timedelta(minutes=29))
        assert [run.sent for run in (await fleet.resume()).runs] == [True]


@pytest.mark.req("WHEN-R4")
async def test_a_campaign_has_hours_of_its_own() -> None:
    """What the settings forbid, a campaign may allow."""
    async with fleet_of(OFFICE, at=FRIDAY_EVENING) as fleet:
        await fleet.rows.set_campaigns(send_days="mon-sun", send_hours="00:00-24:00")
        assert (await fleet.decide("approve")).sent


@pytest.mark.req("WHEN-R9")
@pytest.mark.parametrize(
    ("rules", "free_after"),
    [
        pytest.param(SendRules(mailbox_cap_a_day=2), timedelta(days=1), id="mailbox_day"),
        pytest.param(SendRules(mailbox_cap_an_hour=2), timedelta(hours=1), id="mailbox_hour"),
        pytest.param(SendRules(domain_cap_a_day=2), timedelta(days=1), id="domain_day"),
    ],
)
async def test_over_a_cap_the_touch_waits_for_the_next_place(rules: SendRules, free_after: timedelta) -> None:
    """Two of three leave; the third is due when the first place is free again, and leaves then."""
    async with fleet_of(rules, 3) as fleet:
        first, second, third = await fleet.rows.pending()
        for draft_id in (second, third):
            assert (await fleet.decide_on(draft_id, "approve")).sent
        report = await fleet.decide_on(first, "approve")
        assert not report.sent
        code, until = await because(fleet)
        assert code == "cap"
        assert from_text(until or "") >= fleet.clock.now() + free_after
        fleet.clock.advance(free_after - timedelta(seconds=1))
        assert not (await fleet.resume()).runs
        assert [run.sent for run in (await fleet.fast_forward()).runs] == [True]


@pytest.mark.req("WHEN-R9")
async def test_who_is_stopped_leaves_the_queue() -> None:
    """Three queue behind one; two of them are stopped, and whoever comes then stands second and not fourth."""
    async with fleet_of(SendRules(mailbox_cap_a_day=1), 5) as fleet:
        *early, last = await fleet.rows.pending()
        for draft_id in early:
            await fleet.decide_on(draft_id, "approve")
        for contact_id in ("contact1", "contact2"):
            await fleet.campaigns.stop("close", contact_id, principal="op")
        report = await fleet.decide_on(last, "approve")
        assert from_text(report.next_touch_at or "") < fleet.clock.now() + timedelta(days=3)


@pytest.mark.req("WHEN-R9")
async def test_what_did_not_leave_takes_no_place() -> None:
    """A refused email and one that a person says was not delivered leave their place to others; an unknown one keeps it."""
    async with fleet_of(SendRules(mailbox_cap_a_day=1, domain_cap_a_day=1), 4) as fleet:
        drafts = await fleet.rows.pending()
        fleet.mailer.refuse()
        assert (await fleet.decide_on(drafts[0], "approve")).status == "parked"
        fleet.mailer.lose_answer()
        await fleet.decide_on(drafts[1], "approve")
        assert not (await fleet.decide_on(drafts[2], "approve")).sent
        (send,) = (await fleet.service.sends.unknown()).sends
        await fleet.service.sends.resolve(send.send_id, delivered=False, principal="op")
        await fleet.campaigns.stop("close", drafts[2].split(":")[1], principal="op")
        assert (await fleet.decide_on(drafts[3], "approve")).sent


@pytest.mark.req("WHEN-R15")
async def test_who_comes_later_leaves_the_place_to_who_waits() -> None:
    """The place of the day is free again, and one waits for a later hour of it: who is approved just now stands behind."""
    async with fleet_of(SendRules(mailbox_cap_a_day=1), 3) as fleet:
        first, second, third = await fleet.rows.pending()
        assert (await fleet.decide_on(first, "approve")).sent
        due_at = from_text((await fleet.decide_on(second, "approve")).next_touch_at or "")
        fleet.clock.advance(timedelta(days=1, seconds=1))
        assert fleet.clock.now() < due_at
        behind = await fleet.decide_on(third, "approve")
        assert (behind.sent, from_text(behind.next_touch_at or "") > due_at) == (False, True)
        fleet.clock.set(due_at)
        assert [(run.thread_id, run.sent) for run in (await fleet.resume()).runs] == [(second.removesuffix(":0:1"), True)]
        for _ in range(2):
            await fleet.fast_forward()
        assert len(fleet.mailer.delivered) == 3


@pytest.mark.req("WHEN-R15")
async def test_who_is_asked_again_keeps_its_turn() -> None:
    """The sender's name changed while a touch waited for a place: approved anew it leaves, though others have come to wait."""
    async with fleet_of(SendRules(mailbox_cap_a_day=1), 3) as fleet:
        first, second, third = await fleet.rows.pending()
        for draft_id in (first, second, third):
            await fleet.decide_on(draft_id, "approve")
        await fleet.rows.set_campaigns(sender_name="Benno Ortiz")
        (asked,) = (await fleet.fast_forward()).runs
        assert (asked.status, asked.thread_id) == ("awaiting_approval", second.removesuffix(":0:1"))
        assert (await fleet.decide_on(asked.draft_id or "", "approve")).sent
        assert (await fleet.thread(asked.thread_id))["waiting_for"] is None


@pytest.mark.req("WHEN-R15")
async def test_who_is_asked_again_and_may_not_be_written_to_any_more_leaves_the_queue() -> None:
    """While a person is asked nobody leaves a place to it, and its draft is withdrawn."""
    async with fleet_of(SendRules(mailbox_cap_a_day=1), 3) as fleet:
        *early, last = await fleet.rows.pending()
        for draft_id in early:
            await fleet.decide_on(draft_id, "approve")
        await fleet.rows.set_campaigns(sender_name="Benno Ortiz")
        (asked,) = (await fleet.fast_forward()).runs
        assert (await fleet.thread(asked.thread_id))["waiting_for"] == "cap:ben@vendor.example"
        assert (await fleet.decide_on(last, "approve", recipient="contact2@northwind.example")).sent
        await D1Intake(fleet.database).mark(asked.thread_id.split(":")[1], "unsubscribed", evidence="x", principal="op")
        thread = await fleet.thread(asked.thread_id)
        assert (thread["status"], thread["waiting_for"]) == ("stopped", None)


@pytest.mark.req("WHEN-R10")
async def test_two_emails_to_one_address_keep_their_gap_over_all_campaigns() -> None:
    """The second waits until the first is old enough, whoever of that address it is for."""
    async with fleet_of(SendRules(min_gap=timedelta(hours=20)), 2) as fleet:
        await fleet.rows.set_contacts(address_sha256="the same")
        first, second = await fleet.rows.pending()
        assert (await fleet.decide_on(second, "approve")).sent
        report = await fleet.decide_on(first, "approve")
        assert report.reason.startswith("Not sent yet: another email went to this address less than 20 hours before")
        assert await because(fleet) == ("gap", to_text(fleet.clock.now() + timedelta(hours=20)))
        assert [run.sent for run in (await fleet.fast_forward()).runs] == [True]


@pytest.mark.req("WHEN-R11")
async def test_two_sweeps_at_once_never_take_more_than_the_cap(tmp_path: Path) -> None:
    """Two services over one file release thirty approved touches at the same instant: ten leave, on whichever of them."""
    rules = SendRules(mailbox_cap_a_day=10)
    url = f"sqlite:///{tmp_path}/shared.db"
    async with fleet_of(rules, 30, url=url) as fleet:
        await decide_but_do_not_run(fleet)
        async with open_database(url) as other:
            sweeps = [fleet.on(TimedDatabase(database, fleet.clock.now)) for database in (other, other)]
            reports = await asyncio.gather(fleet.resume(), *(sweep.resume() for sweep in sweeps))
        assert sum(report.counts["sent"] for report in reports) == 10
        assert len(fleet.mailer.delivered) == 10
        waiting = Counter(row["waiting_code"] for row in await fleet.rows.threads())
        assert waiting == {None: 10, "cap": 20}


async def decide_but_do_not_run(fleet: Fleet) -> None:
    """Approve everything as a service that is killed right after."""
    for draft_id in await fleet.rows.pending():
        request = DecisionRequest("approve", "ana")
        await fleet.campaigns.threads.decide(draft_id, request, owner=f"killed {draft_id}", lease=timedelta(0))


@pytest.mark.req("WHEN-R12")
async def test_an_outage_of_three_days_ends_in_no_burst() -> None:
    """Forty touches that were approved before it leave ten an hour in office hours, and none at night."""
    rules = SendRules(days=read_days("mon-fri"), hours=read_hours("09:00-17:00"), mailbox_cap_a_day=25, mailbox_cap_an_hour=10)
    async with fleet_of(rules, 40) as fleet:
        await decide_but_do_not_run(fleet)
        fleet.clock.advance(timedelta(days=3))
        looks = await run_until_sent(fleet, timedelta(days=7))
        sent = sorted(from_text(email.sent_at) for email in fleet.mailer.delivered)
        assert len(sent) == 40
        assert all(most_within(sent, span) <= cap for span, cap in ((timedelta(hours=1), 10), (timedelta(days=1), 25)))
        local = [at.astimezone(MONDAY.tzinfo) for at in sent]
        assert all(9 <= at.hour < 17 and at.weekday() < 5 for at in local)
        assert looks / 40 < 4


async def run_until_sent(fleet: Fleet, within: timedelta) -> int:
    """Let ticks pass at every due instant, and return how many times a decided touch was looked at."""
    end, looks = fleet.clock.now() + within, 0
    while fleet.clock.now() < end:
        report = await fleet.resume()
        looks += len(report.runs)
        due = [from_text(row["next_touch_at"]) for row in await fleet.rows.threads(status="decided")]
        if not due:
            break
        fleet.clock.set(max(min(due), fleet.clock.now() + timedelta(minutes=1)))
    return looks


def most_within(sent: Sequence[datetime], span: timedelta) -> int:
    """The most emails that left in any time of this length."""
    return max(sum(begin <= at < begin + span for at in sent) for begin in sent)


@pytest.mark.req("WHEN-R13")
async def test_an_attempt_that_may_have_left_waits_for_no_hour() -> None:
    """Its place was taken when it was made: it is repeated under its key at once, outside every window and over every cap."""
    async with fleet_of(SendRules(hours=read_hours("09:00-10:00"), mailbox_cap_a_day=1)) as fleet:
        fleet.mailer.replay_window = timedelta(days=1)
        fleet.mailer.lose_answer()
        assert (await fleet.decide("approve")).status in {"decided", "parked"}
        fleet.clock.advance(timedelta(hours=5))
        await fleet.resume()
        assert await fleet.rows.send_states() == ["sent"]
        assert list(fleet.mailer.deliveries.values()) == [1]


@pytest.mark.req("WHEN-R8")
async def test_a_window_that_closes_before_the_claim_is_closed() -> None:
    """The database's clock decides at the claim, not what the run read at its beginning."""
    late = MONDAY.replace(hour=16, minute=59, second=59)
    async with fleet_of(OFFICE, at=late.astimezone(UTC)) as fleet:
        lease = await fleet.campaigns.threads.decide(
            await fleet.pending(), DecisionRequest("approve", "ana"), owner="slow", lease=timedelta(minutes=3)
        )
        assert isinstance(lease, Lease)
        fleet.clock.advance(timedelta(seconds=2))
        report = await fleet.campaigns._run(lease, principal="ana")
        assert not report.sent
        assert await fleet.rows.sends() == []
        assert (await because(fleet))[0] == "window"


@pytest.mark.req("WHEN-R14")
def test_a_service_keeps_office_hours_and_caps_unless_it_is_told_otherwise() -> None:
    """The settings' defaults restrict, and days that are none refuse to start."""
    rules = rules_of(Settings.model_construct())
    assert (tell_days(rules.days), str(rules.hours), rules.min_gap) == ("mon-fri", "09:00-17:00", timedelta(hours=20))
    assert (rules.mailbox_cap_a_day, rules.mailbox_cap_an_hour, rules.domain_cap_a_day) == (100, 20, 20)
    with pytest.raises(SettingRefused, match="SEND_DAYS is not days such as mon-fri"):
        rules_of(Settings.model_construct(send_days="weekdays"))


@pytest.mark.req("WHEN-R3")
def test_a_countrys_holidays_are_known_where_the_extra_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Christmas is one in Germany; a country that nobody knows has none, and without the extra none has."""
    christmas = date(2026, 12, 25)
    assert christmas in holidays_of("DE")
    assert christmas not in holidays_of("XX")
    monkeypatch.setattr("backend.desk.knows_holidays", lambda: False)
    assert christmas not in holidays_of("AT")
