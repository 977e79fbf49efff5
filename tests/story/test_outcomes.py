"""What a run may come to besides a draft and the next touch: it defers, it asks again, it is refused and counted."""

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from backend.campaigns import MAX_FAILURES, RETRY_AFTER
from backend.domain.campaign import DecisionRequest
from backend.errors import (
    AddresseeChanged,
    DatabaseUnwritable,
    DraftKept,
    DraftWithdrawn,
    SendDeferred,
    StatementFailed,
    ThreadEnded,
)
from backend.ports import OutgoingEmail
from tests.fakes.mailer import RecordingMailer
from tests.fakes.wavering_database import WaveringDatabase
from tests.northwind import MINE, SCRIPT
from tests.story.fleet import Fleet, open_fleet

FULL = "database or disk is full"
SECRET_SQL = "UNIQUE constraint failed: ada@northwind.example"


@dataclass
class BusyMailer(RecordingMailer):
    """Takes no email before an instant, and says so."""

    until: Any = None

    async def send(self, email: OutgoingEmail) -> str:
        """See `ports.Mailer.send`."""
        if self.until:
            raise SendDeferred(self.until, "the mailbox is full for today")
        return await RecordingMailer.send(self, email)


async def waiting(fleet: Fleet) -> str:
    """Let a first draft wait, and return its id."""
    await fleet.enrol()
    await fleet.resume()
    return await fleet.pending()


@pytest.mark.req("RUN-R9")
async def test_a_deferred_touch_keeps_everything_and_comes_again() -> None:
    """Three times not yet: one approval, no attempt counted, no plan asked again, and the reason shown with its instant."""
    async with open_fleet(SCRIPT, coach=True) as fleet:
        draft_id, busy = await waiting(fleet), BusyMailer()
        campaigns = fleet.on(fleet.database, mailer=busy)
        for hours in (5, 6, 7):
            busy.until = fleet.clock.now() + timedelta(hours=hours)
            if hours == 5:
                report = await campaigns.decide(draft_id, DecisionRequest("approve", "ana"))
            else:
                (report,) = (await campaigns.resume()).runs
            assert (report.status, report.sent, report.error) == ("decided", False, "")
            assert (await campaigns.resume()).runs == []
            because = (await fleet.service.views.thread("close", "ada")).waiting_because
            assert because
            assert (because.code, "full for today" in because.sentence) == ("deferred", True)
            assert ((await fleet.thread())["attempts"], await fleet.rows.pending()) == (0, [])
            fleet.clock.set(busy.until)
        busy.until = None
        (report,) = (await campaigns.resume()).runs
        assert (report.sent, len(busy.delivered), fleet.model.count("email:compose")) == (True, 1, 1)


@pytest.mark.req("RUN-R10")
async def test_a_commit_that_d1_never_takes_is_counted_and_parks() -> None:
    """One paid call an attempt, and after five the thread is parked; it says why without a word of SQL, and can be put back."""
    async with open_fleet(SCRIPT, coach=True) as fleet:
        await fleet.enrol()
        wavering = WaveringDatabase(fleet.database)

        def refuse(statements: Any) -> None:
            if any("INSERT INTO drafts" in statement.sql for statement in statements):
                raise StatementFailed(SECRET_SQL)

        wavering.fails = refuse
        campaigns = replace(fleet.on(fleet.database), threads=fleet.on(wavering).threads)
        for attempt in range(1, MAX_FAILURES + 1):
            (run,) = (await campaigns.resume()).runs
            assert (run.status, run.error != "") == ("parked" if attempt == MAX_FAILURES else "scheduled", True)
            assert SECRET_SQL not in run.error + (await fleet.thread())["status_reason"]
            assert (await fleet.thread())["attempts"] == attempt
            fleet.clock.advance(RETRY_AFTER[min(attempt, len(RETRY_AFTER)) - 1])
        assert (await campaigns.resume()).runs == []
        assert fleet.model.count("email:compose") == MAX_FAILURES
        wavering.fails = lambda _: None
        await fleet.service.parked.requeue("close", "ada", principal="op")
        assert [run.status for run in (await campaigns.resume()).runs] == ["awaiting_approval"]


@pytest.mark.req("RUN-R20")
async def test_a_full_disk_costs_no_attempt() -> None:
    """What could not be written counts against nobody; when there is room again the thread goes on after its lease."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        wavering = WaveringDatabase(fleet.database)

        def full(statements: Any) -> None:
            if any("INSERT INTO drafts" in statement.sql for statement in statements):
                raise DatabaseUnwritable(FULL)

        wavering.fails = full
        (run,) = (await fleet.on(wavering).resume()).runs
        assert (run.status, "make room" in run.error) == ("not_committed", True)
        assert (await fleet.thread())["attempts"] == 0
        fleet.clock.advance(timedelta(minutes=4))
        assert [run.status for run in (await fleet.resume()).runs] == ["awaiting_approval"]


@pytest.mark.req("APPROVAL-R1", "APPROVAL-R2")
@pytest.mark.parametrize("change", ["address", "name", "sender_name", "sender_address"])
async def test_who_is_written_to_and_by_whom_is_part_of_the_approval(change: str) -> None:
    """Changed while the draft waits: 409 until the person names the recipient they have seen; the card shows both."""
    async with open_fleet(SCRIPT) as fleet:
        draft_id = await waiting(fleet)
        value = "evil@northwind.example" if "address" in change else "Somebody Else"
        if change.startswith("sender"):
            await fleet.rows.set_campaigns(**{change: value})
        else:
            await fleet.rows.set_contacts(**{change: value})
        with pytest.raises(AddresseeChanged):
            await fleet.decide("approve", version=1)
        card = await fleet.service.views.draft(draft_id)
        assert (card.contact.address, card.sender.name) == ("ada@northwind.example", "Ben Ortiz")
        assert card.addressee_now
        assert value in (
            card.addressee_now.recipient_address,
            card.addressee_now.recipient_name,
            card.addressee_now.sender_name,
            card.addressee_now.sender_address,
        )
        seen = card.addressee_now.recipient_address
        assert (await fleet.decide("approve", version=1, recipient=seen)).sent
        assert fleet.mailer.delivered[0].recipient_address == seen


@pytest.mark.req("RUN-R11")
async def test_an_approval_whose_recipient_changed_before_the_send_is_asked_again() -> None:
    """The decision is durable, the contact gets another address, the run comes later: a new version waits and says why."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.approved_but_not_sent()
        await fleet.rows.set_contacts(address="evil@northwind.example")
        (run,) = (await fleet.resume()).runs
        assert (run.status, run.draft_id, fleet.mailer.attempts.total()) == ("awaiting_approval", "close:ada:0:2", 0)
        because = (await fleet.service.views.thread("close", "ada")).waiting_because
        assert because
        assert "changed after the approval" in because.sentence
        assert (await fleet.decide("approve", recipient="evil@northwind.example")).sent


@pytest.mark.req("APPROVAL-R3")
async def test_a_new_version_that_no_model_can_write_leaves_the_old_one_waiting() -> None:
    """With the model down regenerate is 409, version 1 waits as it was, and the default text comes to whoever accepts it."""
    async with open_fleet(SCRIPT) as fleet:
        draft_id = await waiting(fleet)
        (before,) = await fleet.rows.drafts()
        fleet.model.switched_off = True
        with pytest.raises(DraftKept, match="switched off") as kept:
            await fleet.decide("regenerate", feedback="Shorter.")
        assert ".." not in str(kept.value)
        (after,) = await fleet.rows.drafts()
        assert after == before
        assert await fleet.pending() == draft_id
        report = await fleet.decide("regenerate", accepts_default=True)
        assert (report.status, report.draft_id) == ("awaiting_approval", "close:ada:0:2")


@pytest.mark.req("APPROVAL-R4")
@pytest.mark.parametrize("flag", ["replied", "bounced", "do_not_contact", "unsubscribed"])
async def test_what_one_contact_said_holds_for_everybody_of_that_address(flag: Any) -> None:
    """Ada and Bo share a mailbox: what Ada said keeps Bo's draft from waiting, and Bo from being drafted for."""
    async with open_fleet(SCRIPT, contacts=("ada", "bo", "cy")) as fleet:
        await fleet.rows.set_contacts(address="team@northwind.example", address_sha256="shared")
        await fleet.campaigns.enrol("close", ["ada", "bo"], principal="op")
        await fleet.resume()
        assert len(await fleet.rows.pending()) == 2
        await fleet.service.intake.mark("ada", flag, evidence="<reply@northwind.example>", principal="webhook")
        assert await fleet.rows.pending() == []
        assert {(row["status"]) for row in await fleet.rows.threads()} == {"stopped"}
        await fleet.enrol("cy")
        (run,) = (await fleet.resume()).runs
        assert run.status == "stopped"


@pytest.mark.req("APPROVAL-R5", "APPROVAL-R7")
async def test_a_draft_for_somebody_who_replied_is_withdrawn_and_says_why() -> None:
    """It no longer waits, deciding it is refused with the reason, and the trail says on what evidence."""
    async with open_fleet(SCRIPT) as fleet:
        draft_id = await waiting(fleet)
        assert await fleet.service.intake.mark("ada", "replied", evidence="<m1>", principal="webhook")
        assert not await fleet.service.intake.mark("ada", "replied", evidence="<m1>", principal="webhook")
        with pytest.raises(DraftWithdrawn, match="replied"):
            await fleet.decide_on(draft_id, "approve")
        assert ((await fleet.thread())["status"], await fleet.rows.pending()) == ("stopped", [])
        (mark,) = [row for row in await fleet.rows.audit() if row["action"] == "replied"]
        assert (mark["principal"], mark["detail"]) == ("webhook", "<m1>")


@pytest.mark.req("APPROVAL-R6")
async def test_a_thread_is_stopped_between_two_touches() -> None:
    """Nobody waits for a draft to say no: the thread ends with who and why, and a second stop is refused."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        await fleet.touch()
        await fleet.campaigns.stop("close", "ada", principal="ana", reason="she changed jobs")
        thread = await fleet.thread()
        assert (thread["status"], thread["status_reason"], thread["next_touch_at"]) == (
            "stopped",
            "stopped by ana: she changed jobs",
            None,
        )
        with pytest.raises(ThreadEnded):
            await fleet.campaigns.stop("close", "ada", principal="ana")
        fleet.clock.advance(timedelta(days=90))
        assert (await fleet.resume()).runs == []


@pytest.mark.req("RUN-R17")
async def test_a_draft_has_an_id_of_its_own() -> None:
    """It names thread, step and version; the interrupt it waits with is another matter, kept beside it."""
    async with open_fleet(SCRIPT) as fleet:
        assert await waiting(fleet) == "close:ada:0:1"
        (draft,) = await fleet.rows.drafts()
        assert draft["interrupt_id"] not in ("", "close:ada:0:1")
        assert (await fleet.decide("regenerate")).draft_id == "close:ada:0:2"


@pytest.mark.req("RUN-R18")
async def test_a_thread_keeps_one_checkpoint() -> None:
    """Over six touches, edits and new versions: one checkpoint, and no writes or blobs of another."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        for decision in ("regenerate", "approve", "edit", "reject", "approve", "approve", "approve"):
            edited: Any = MINE if decision == "edit" else None
            await fleet.touch(decision, edited=edited)
            assert await fleet.rows.checkpoints() == {"checkpoints": 1, "checkpoint_blobs": 0}
        assert (await fleet.thread())["status"] == "completed"


@pytest.mark.req("RUN-R19")
async def test_a_thread_whose_checkpoint_is_damaged_is_shown() -> None:
    """Where it stands, its drafts and its ledger are readable, and the damage is named without a row's words."""
    async with open_fleet(SCRIPT, coach=True) as fleet:
        await fleet.enrol()
        await fleet.touch()
        await fleet.rows.damage_checkpoints()
        view = await fleet.service.views.thread("close", "ada")
        assert (view.status, view.plan, len(view.touches)) == ("scheduled", None, 1)
        assert view.damage == "A checkpoint row does not read as one this service wrote; nothing was run."
        fleet.clock.advance(timedelta(days=9))
        (run,) = (await fleet.resume()).runs
        assert (run.status, (await fleet.thread())["attempts"]) == ("scheduled", 1)


@pytest.mark.req("RUN-R20")
async def test_a_database_file_that_cannot_grow_says_so(tmp_path: Path) -> None:
    """SQLite's own word for a full disk is no refusal of a statement: nothing was written, and it passes."""
    url = f"sqlite:///{tmp_path}/small.db"
    async with open_fleet(SCRIPT, url=url) as fleet:
        embedded: Any = fleet.database
        await fleet.enrol()
        writer = embedded.database._writer
        await writer._in_thread(lambda: writer._connection.execute("PRAGMA max_page_count = 1"))
        with pytest.raises(DatabaseUnwritable, match="full"):
            await fleet.rows.set_facts(value="x" * 200_000)
        with pytest.raises(DatabaseUnwritable, match="full"):
            await fleet.rows.set_facts(value="x" * 200_000)
        assert (await fleet.service.views.thread("close", "ada")).status == "scheduled"
