"""Nothing is sent to whom it must not be, at whatever moment that becomes known."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from backend.campaigns import LEASE
from backend.domain.campaign import DecisionRequest
from backend.domain.suppression import CONTACT_FLAGS
from backend.errors import ApprovalMissing, DraftWithdrawn, LeaseLost
from backend.ports import Lease, Reservation
from backend.store.ledger import D1SendLedger
from tests.northwind import SCRIPT
from tests.rows import Rows
from tests.story.fleet import open_fleet


@pytest.mark.req("AA02-R19")
@pytest.mark.parametrize("flag", CONTACT_FLAGS)
async def test_a_flag_known_before_the_touch_stops_it_before_it_is_written(flag: str) -> None:
    """No draft is composed, and the thread says why it stopped."""
    async with open_fleet() as fleet:
        await fleet.enrol()
        await fleet.flag("ada", flag)
        (run,) = (await fleet.resume()).runs
        assert (run.status, run.reason) == ("stopped", flag)
        assert await fleet.rows.drafts() == []


@pytest.mark.req("AA02-R19")
async def test_nobody_plans_for_a_contact_who_may_not_be_written_to() -> None:
    """With the coach on, the model learns nothing of a contact who unsubscribed, and no plan is stored."""
    async with open_fleet(SCRIPT, coach=True) as fleet:
        await fleet.enrol()
        await fleet.flag("ada", "unsubscribed")
        (run,) = (await fleet.resume()).runs
        assert (run.status, run.reason) == ("stopped", "unsubscribed")
        assert fleet.model.asked == []
        assert "coach_plan" not in await fleet.state()


@pytest.mark.req("AA02-R19")
async def test_no_new_version_is_written_for_a_contact_who_replied() -> None:
    """Regenerating for somebody who may not be written to stops the thread; the model is not asked."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        await fleet.resume()
        await fleet.flag("ada", "replied")
        asked = len(fleet.model.asked)
        with pytest.raises(DraftWithdrawn, match="replied"):
            await fleet.decide("regenerate", feedback="Shorter.")
        assert (await fleet.thread())["status"] == "stopped"
        assert len(fleet.model.asked) == asked


@pytest.mark.req("AA02-R22")
@pytest.mark.parametrize("flag", CONTACT_FLAGS)
async def test_a_flag_raised_between_approval_and_send_wins(flag: str) -> None:
    """An approved draft to a contact who replied in between is not sent."""
    async with open_fleet() as fleet:
        await fleet.approved_but_not_sent()
        await fleet.flag("ada", flag)
        (report,) = (await fleet.resume()).runs
        assert (report.sent, report.status, report.reason) == (False, "stopped", flag)
        assert fleet.mailer.delivered == []
        assert await fleet.rows.sends() == []


@pytest.mark.req("AA02-R19")
async def test_a_suppressed_address_is_never_written_to_under_any_contact() -> None:
    """The hash list is asked by address, in every spelling of it."""
    async with open_fleet() as fleet:
        await fleet.rows.suppress(" ADA@Northwind.EXAMPLE ")
        await fleet.enrol()
        (run,) = (await fleet.resume()).runs
        assert (run.status, run.reason) == ("stopped", "suppressed")


@pytest.mark.req("AA02-R19")
async def test_a_reply_in_mid_sequence_stops_everything_after_it() -> None:
    """Two touches, a reply, and no third one for as long as the clock runs."""
    async with open_fleet() as fleet:
        await fleet.enrol()
        await fleet.touch()
        await fleet.touch()
        await fleet.flag("ada", "replied")
        (run,) = (await fleet.fast_forward()).runs
        assert (run.status, run.reason) == ("stopped", "replied")
        assert len(fleet.mailer.delivered) == 2


@pytest.mark.req("AA02-R21")
async def test_the_ledger_takes_only_the_text_a_person_approved() -> None:
    """One character more than was approved, or an approval taken back, and there is no reservation."""
    async with open_fleet() as fleet:
        lease, _, email = await fleet.approved_but_not_sent()
        ledger = fleet.campaigns.ledger
        with pytest.raises(ApprovalMissing):
            await ledger.reserve(lease, step=0, version=1, provider="p", email=replace(email, body=f"{email.body}!"))
        with pytest.raises(ApprovalMissing):
            await ledger.reserve(lease, step=1, version=1, provider="p", email=email)
        with pytest.raises(LeaseLost):
            await ledger.reserve(replace(lease, fence=lease.fence - 1), step=0, version=1, provider="p", email=email)
        await fleet.rows.set_drafts(decision="reject")
        with pytest.raises(ApprovalMissing):
            await ledger.reserve(lease, step=0, version=1, provider="p", email=email)
        assert await fleet.rows.sends() == []


class OvertakenLedger(D1SendLedger):
    """The approval is taken back between the reading of a run's case and its reservation."""

    async def reserve(self, lease: Lease, **touch: Any) -> Reservation:
        """See `ports.SendLedger.reserve`."""
        await Rows(self._database).set_drafts(decision="reject")
        return await super().reserve(lease, **touch)


@pytest.mark.req("AA02-R21")
async def test_an_approval_that_is_gone_parks_the_touch_at_once() -> None:
    """Waiting brings no approval back: the thread is a person's, nothing was posted, and no sweep tries again."""
    async with open_fleet() as fleet:
        await fleet.enrol()
        await fleet.resume()
        overtaken = replace(fleet.campaigns, ledger=OvertakenLedger(fleet.database, LEASE))
        report = await overtaken.decide(await fleet.pending(), DecisionRequest("approve", "ana"))
        assert (report.status, report.next_touch_at) == ("parked", None)
        assert (fleet.mailer.attempts.total(), await fleet.rows.sends()) == (0, [])
        fleet.clock.advance(timedelta(days=30))
        assert (await fleet.resume()).runs == []


@pytest.mark.req("AA02-R21")
async def test_an_approval_of_what_the_graph_does_not_hold_parks_at_once() -> None:
    """With its checkpoint gone a thread waits with nothing: a person looks, and nothing is posted."""
    async with open_fleet() as fleet:
        await fleet.enrol()
        await fleet.resume()
        await fleet.saver.adelete_thread("close:ada")
        report = await fleet.decide("approve")
        assert (report.status, report.next_touch_at, fleet.mailer.attempts.total()) == ("parked", None, 0)
