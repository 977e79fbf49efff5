"""People stop what should not leave: a pause, a cancel, a colleague's reply, at any moment before the provider is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import permutations, product
from typing import Any, Literal, get_args

import pytest

from backend.d1.statements import Result, Statement
from backend.domain.campaign import DecisionRequest
from backend.domain.instants import from_text
from backend.domain.schedule import SendRules
from backend.domain.stops import EVERYTHING, Scope, StopAction, read_scope, thread_scope
from backend.errors import DatabaseUnreachable, StopContested, UnknownCampaign, UnknownThread
from backend.ports import Lease
from backend.store.stops import D1Stops
from tests.fakes.late_database import LateDatabase
from tests.fakes.passing_database import PassingDatabase
from tests.northwind import SCRIPT
from tests.story.fleet import Fleet, open_fleet

LOST = DatabaseUnreachable("no route", tries=5)
ADA = thread_scope("close", "ada")
CAMPAIGN = Scope("campaign", "close")
MAILBOX = Scope("mailbox", "Ben@Vendor.example")
SCOPES = (ADA, CAMPAIGN, MAILBOX, EVERYTHING)


async def say(fleet: Fleet, action: StopAction, scope: Scope = CAMPAIGN, why: str = "a complaint") -> int:
    """Say it as an operator, and return how many threads it was about."""
    return (await fleet.service.stops.say(scope, action, by="op", why=why)).threads


async def code(fleet: Fleet) -> str:
    """Why Ada's thread waits."""
    waiting = (await fleet.service.views.thread("close", "ada")).waiting_because
    assert waiting
    return waiting.code


@pytest.mark.req("STOP-R1", "STOP-R2")
@pytest.mark.parametrize("scope", SCOPES, ids=str)
async def test_nothing_is_composed_for_what_is_paused_and_a_resume_brings_it_back(scope: Scope) -> None:
    """No model is asked, no attempt is counted, and the thread says who paused it, when and why."""
    async with open_fleet(SCRIPT, coach=True) as fleet:
        await fleet.enrol()
        await say(fleet, "pause", scope)
        for _ in range(3):
            fleet.clock.advance(timedelta(hours=1))
            assert (await fleet.resume()).absent == []
        assert fleet.model.asked == []
        because = (await fleet.service.views.thread("close", "ada")).waiting_because
        assert because
        assert because.code == "paused"
        assert because.sentence.endswith(" was paused by op at 2026-11-23T09:00:00.000Z: a complaint.")
        await say(fleet, "resume", scope)
        await fleet.resume()
        assert await fleet.rows.pending() == ["close:ada:0:1"]
        assert (await fleet.thread())["attempts"] == 0


@pytest.mark.req("STOP-R2")
@pytest.mark.parametrize("scope", SCOPES, ids=str)
async def test_a_draft_of_what_is_paused_may_be_decided_and_leaves_after_the_resume(scope: Scope) -> None:
    """An approval waits with the pause; a new version is written only after it; a rejection and a stop are acted on."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        await fleet.resume()
        await say(fleet, "pause", scope)
        report = await fleet.decide("approve")
        assert (report.status, report.sent) == ("decided", False)
        assert await code(fleet) == "paused"
        fleet.clock.advance(timedelta(days=1))
        assert not (await fleet.resume()).runs
        await say(fleet, "resume", scope)
        assert [run.sent for run in (await fleet.resume()).runs] == [True]


@pytest.mark.req("STOP-R2")
async def test_a_new_version_is_written_after_the_pause_and_a_stop_ends_in_it() -> None:
    """Regenerating asks a model, and so waits; ending asks nobody."""
    async with open_fleet(SCRIPT, contacts=("ada", "bob")) as fleet:
        await fleet.campaigns.enrol("close", ["ada", "bob"], principal="op")
        await fleet.resume()
        asked = len(fleet.model.asked)
        await say(fleet, "pause")
        assert (await fleet.decide_on("close:bob:0:1", "stop")).status == "stopped"
        assert (await fleet.decide_on("close:ada:0:1", "regenerate", feedback="Shorter.")).status == "decided"
        assert len(fleet.model.asked) == asked
        await say(fleet, "resume")
        await fleet.resume()
        assert await fleet.rows.pending() == ["close:ada:0:2"]


@pytest.mark.req("STOP-R3")
async def test_what_is_due_later_keeps_its_instant_through_a_pause() -> None:
    """A gap goes on meanwhile: what is due when the pause ends comes back at once, what is not keeps its day."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        await fleet.touch()
        due_at = (await fleet.thread())["next_touch_at"]
        assert await say(fleet, "pause") == 1
        assert (await fleet.thread())["next_touch_at"] is None
        assert await say(fleet, "resume") == 1
        assert (await fleet.thread())["next_touch_at"] == due_at
        await say(fleet, "pause")
        fleet.clock.set(from_text(due_at) + timedelta(days=30))
        await say(fleet, "resume")
        assert len((await fleet.resume()).runs) == 1


@pytest.mark.req("STOP-R4")
async def test_a_paused_campaign_clogs_no_sweep_and_comes_back_spread() -> None:
    """Three thousand due threads are set aside by the pause itself, another campaign's is taken at once, and they come back."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.rows.add_campaign("other")
        await fleet.rows.crowd(3_000)
        before = fleet.database.meter.copy()
        assert await say(fleet, "pause") == 3_000
        assert fleet.database.meter.since(before).requests == 2
        await fleet.enrol(campaign_id="other")
        assert [run.thread_id for run in (await fleet.resume()).runs] == ["other:ada"]
        assert await say(fleet, "resume") == 3_000
        back = [from_text(row["next_touch_at"]) - fleet.clock.now() for row in await fleet.rows.threads(campaign_id="close")]
        assert timedelta(0) <= min(back)
        assert timedelta(minutes=4) < max(back) <= timedelta(minutes=5)


@pytest.mark.req("STOP-R5")
@pytest.mark.parametrize("scope", SCOPES, ids=str)
async def test_a_cancel_ends_what_is_enrolled_and_not_what_comes_later(scope: Scope) -> None:
    """The draft that waits is withdrawn, a decided touch does not leave, and a contact enrolled later is written to."""
    async with open_fleet(SCRIPT, contacts=("ada", "bob")) as fleet:
        await fleet.campaigns.enrol("close", ["ada"] if scope == ADA else ["ada", "bob"], principal="op")
        await fleet.resume()
        request = DecisionRequest("approve", "ana")
        lease = await fleet.campaigns.threads.decide("close:ada:0:1", request, owner="slow", lease=timedelta(minutes=3))
        assert isinstance(lease, Lease)
        fleet.clock.advance(timedelta(minutes=1))
        live = len(await fleet.rows.threads())
        assert await say(fleet, "cancel", scope) == live
        report = await fleet.campaigns._run(lease, principal="late")
        assert report.status == "lease_lost"
        assert {row["status"] for row in await fleet.rows.threads()} == {"stopped"}
        assert {row["status_reason"] for row in await fleet.rows.threads()} == {"cancelled by op: a complaint"}
        assert await fleet.rows.pending() == []
        await fleet.add_contact("eve")
        fleet.clock.advance(timedelta(minutes=1))
        await fleet.enrol("eve")
        await fleet.resume()
        assert await fleet.rows.pending() == ["close:eve:0:1"]
        assert fleet.mailer.delivered == []


@pytest.mark.req("STOP-R6")
@pytest.mark.parametrize("order", list(permutations(["pause", "resume", "cancel"])), ids="-".join)
async def test_a_word_that_comes_twice_or_late_changes_nothing(order: Sequence[StopAction]) -> None:
    """Every batch is delivered again after each later one: no copy changes a row, and a contact enrolled later goes on."""
    async with open_fleet(SCRIPT, contacts=("ada", "bob", "eve")) as fleet:
        late = LateDatabase(fleet.database, now=fleet.clock.now)
        stops = D1Stops(late)
        await fleet.campaigns.enrol("close", ["ada", "bob"], principal="op")
        for action in order:
            fleet.clock.advance(timedelta(minutes=1))
            await stops.say(CAMPAIGN, action, by="op", why=action)
        if order.index("resume") > order.index("pause"):
            fleet.clock.advance(timedelta(minutes=1))
            await fleet.enrol("eve")
            await late.batch([Statement("UPDATE threads SET attempts = 0 WHERE thread_id = ''")])
        assert late.changed == []
        assert late.deliveries >= 6
        assert {row["status"] for row in await fleet.rows.threads() if row["contact_id"] != "eve"} == {"stopped"}


@dataclass
class Interrupting(PassingDatabase):
    """Lets somebody else say something of the scope between the look and the word."""

    other: D1Stops
    times: int
    action: StopAction = "pause"

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """See `ports.Database.batch`."""
        if self.times and any("INSERT INTO stops" in statement.sql for statement in statements):
            self.times -= 1
            await self.other.say(CAMPAIGN, self.action, by="other", why="")
        return await self.database.batch(statements)


@pytest.mark.req("STOP-R6")
async def test_of_two_words_at_once_a_pause_holds() -> None:
    """A resume gives way to what was said meanwhile; a pause is said again until it stands."""
    async with open_fleet(SCRIPT) as fleet:
        stops = D1Stops(Interrupting(fleet.database, D1Stops(fleet.database), 1))
        with pytest.raises(StopContested, match="say it again"):
            await stops.say(CAMPAIGN, "resume", by="op", why="")
        busy = D1Stops(Interrupting(fleet.database, D1Stops(fleet.database), 2, "resume"))
        assert (await busy.say(CAMPAIGN, "pause", by="op", why="")).action == "pause"
        assert [stop.said_by for stop in (await fleet.service.stops.page()).stops] == ["op"]


@pytest.mark.req("STOP-R7")
async def test_what_is_paused_is_listed_with_who_when_and_why() -> None:
    """Page by page, by scope; what was resumed is not there, and the audit trail has both."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        for scope in SCOPES:
            await say(fleet, "pause", scope)
        await say(fleet, "resume", EVERYTHING)
        first = await fleet.service.stops.page(limit=2)
        rest = await fleet.service.stops.page(limit=2, cursor=first.next_cursor)
        assert [stop.scope for stop in (*first.stops, *rest.stops)] == [
            "campaign:close",
            "mailbox:ben@vendor.example",
            str(ADA),
        ]
        assert (first.stops[0].said_by, first.stops[0].why, rest.next_cursor) == ("op", "a complaint", None)
        trail = [row["action"] for row in await fleet.rows.audit() if row["audit_id"].startswith("stop:")]
        assert sorted(trail) == ["pause"] * 4 + ["resume"]


@pytest.mark.req("STOP-R7")
async def test_a_scope_that_is_not_there_is_refused() -> None:
    """Nothing is written of a campaign or a thread that nobody knows."""
    async with open_fleet(SCRIPT) as fleet:
        with pytest.raises(UnknownCampaign):
            await say(fleet, "pause", Scope("campaign", "nowhere"))
        with pytest.raises(UnknownThread):
            await say(fleet, "cancel", ADA)
        assert (await fleet.service.stops.page()).stops == []


@pytest.mark.req("STOP-R7")
@pytest.mark.parametrize("scope", [*map(str, SCOPES)])
def test_a_scope_is_read_as_it_is_written(scope: str) -> None:
    """And anything else is refused with what it may be."""
    assert str(read_scope(scope)) == scope
    for wrong in ("", "thread:close", "campaign:", "campaign:a:b", "mailbox:ben", "everything:x", "thread:a:b:c", "close"):
        with pytest.raises(ValueError, match="is neither everything"):
            read_scope(wrong)


@pytest.mark.req("STOP-R8")
@pytest.mark.parametrize("when", ["before composing", "before the send"])
@pytest.mark.parametrize(("rule", "status"), [("ignore", "goes on"), ("hold", "held"), ("stop", "stopped")])
async def test_a_colleagues_reply_does_what_the_campaign_says(rule: str, status: str, when: str) -> None:
    """Ignored, or the thread waits for an operator, whose resume lets it pass, or it ends; the next reply counts anew."""
    async with open_fleet(SCRIPT, contacts=("ada", "bob", "eve")) as fleet:
        await fleet.rows.set_campaigns(on_colleague_reply=rule)
        await fleet.enrol()
        if when == "before the send":
            await fleet.resume()
        await fleet.flag("bob", "replied")
        await (fleet.decide("approve") if when == "before the send" else fleet.resume())
        went_on = len(fleet.mailer.delivered if when == "before the send" else fleet.model.asked)
        assert bool(went_on) == (status == "goes on")
        if status == "held":
            assert await code(fleet) == "reply"
            assert [held.thread_id for held in (await fleet.service.stops.held()).threads] == ["close:ada"]
            await say(fleet, "resume", ADA)
            assert (await fleet.service.stops.held()).threads == []
            (run,) = (await fleet.resume()).runs
            assert run.sent or run.draft_id
            await fleet.flag("eve", "replied")
            await (fleet.decide("approve") if await fleet.rows.pending() else fleet.fast_forward())
            assert await code(fleet) == "reply"
        elif status == "stopped":
            assert (await fleet.thread())["status_reason"] == "a colleague at the same company replied"


Stopper = Literal[
    "pause thread", "pause campaign", "pause mailbox", "pause everything", "cancel", "unsubscribe", "cap", "reply"
]
STOPPERS: tuple[Stopper, ...] = get_args(Stopper)


async def place(fleet: Fleet, stopper: Stopper) -> None:
    """Let it happen."""
    action, _, kind = stopper.partition(" ")
    if action == "pause":
        await say(fleet, "pause", next(scope for scope in SCOPES if scope.kind == kind))
    elif action == "cancel":
        await say(fleet, "cancel")
    elif action == "unsubscribe":
        await fleet.service.intake.mark("ada", "unsubscribed", evidence="a click", principal="link")
    elif action == "reply":
        await fleet.flag("bob", "replied")
    else:
        await fleet.rows.set_sends(mailbox="ben@vendor.example", reserved_at="2026-11-23T09:00:00.000Z")


ALONE_AND_IN_PAIRS = [*((one,) for one in STOPPERS), *permutations(STOPPERS, 2)]
ALL_AT_ONCE: tuple[Stopper, ...] = ("pause campaign", "cancel", "unsubscribe", "cap", "reply")


@pytest.mark.req("STOP-R9")
@pytest.mark.parametrize(
    ("stoppers", "rule"),
    [*product(ALONE_AND_IN_PAIRS, ("hold", "stop")), *product(permutations(ALL_AT_ONCE), ("hold",))],
    ids=lambda value: value if isinstance(value, str) else ", ".join(value),
)
async def test_what_comes_between_the_approval_and_the_send_stops_it(stoppers: Sequence[Stopper], rule: str) -> None:
    """One, two or all kinds of them in every order, after the approval and the run's first look: nothing is handed over."""
    async with open_fleet(SCRIPT, contacts=("ada", "bob"), rules=SendRules(mailbox_cap_a_day=1)) as fleet:
        await fleet.rows.set_campaigns(on_colleague_reply=rule)
        if "cap" in stoppers:
            await fleet.enrol("bob")
            await fleet.touch()
            await fleet.rows.set_sends(mailbox=None)
            fleet.mailer.delivered.clear()
        await fleet.enrol()
        await fleet.resume()
        request = DecisionRequest("approve", "ana")
        lease = await fleet.campaigns.threads.decide("close:ada:0:1", request, owner="slow", lease=timedelta(minutes=3))
        assert isinstance(lease, Lease)
        for stopper in stoppers:
            await place(fleet, stopper)
        report = await fleet.campaigns._run(lease, principal="ana")
        assert not report.sent
        for _ in range(2):
            await fleet.resume()
        assert fleet.mailer.delivered == []
        assert {row["state"] for row in await fleet.rows.sends(thread_id="close:ada")} <= {"unknown"}


@dataclass
class FailingCheck(PassingDatabase):
    """Does not answer the request that would claim the touch."""

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """See `ports.Database.batch`."""
        if any("INSERT INTO send_ledger" in statement.sql for statement in statements):
            raise LOST
        return await self.database.batch(statements)


@pytest.mark.req("STOP-R9")
async def test_a_check_that_fails_sends_nothing() -> None:
    """Without the database's word no email leaves; the approval stands, and it leaves when the database answers again."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        await fleet.resume()
        failing, request = fleet.on(FailingCheck(fleet.database)), DecisionRequest("approve", "ana")
        report: Any = await failing.decide(await fleet.pending(), request)
        assert (report.sent, fleet.mailer.delivered, await fleet.rows.sends()) == (False, [], [])
        await fleet.fast_forward()
        assert len(fleet.mailer.delivered) == 1
