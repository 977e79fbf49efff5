"""A recipient's wish, by the link in an email they got: it holds at once, for the thread or for the address, and once."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from backend.domain.campaign import DecisionRequest
from backend.domain.suppression import address_sha256
from backend.domain.unsubscribe import Scope, key_of_touch
from backend.ports import Lease, OutgoingEmail, Reservation, SendLedger, Unsubscribes
from tests.northwind import SCRIPT
from tests.story.fleet import Fleet, open_fleet

KEY = key_of_touch("close:ada", 0)
SCOPES: list[Scope] = ["all", "campaign"]


async def written_to(fleet: Fleet) -> Unsubscribes:
    """Ada has the first email, and her draft of the second waits."""
    await fleet.enrol()
    await fleet.touch("approve")
    await fleet.fast_forward()
    assert await fleet.rows.pending() == ["close:ada:1:1"]
    return fleet.service.unsubscribes


@pytest.mark.req("POST-R18", "POST-R19", "POST-R21")
@pytest.mark.parametrize("scope", SCOPES)
async def test_a_waiting_draft_is_withdrawn_at_once(scope: Scope) -> None:
    """In one request to the database, with one audit row that names the recipient; the same wish again changes nothing."""
    async with open_fleet(SCRIPT) as fleet:
        unsubscribes = await written_to(fleet)
        began = fleet.database.meter.copy()
        assert await unsubscribes.act(KEY, scope)
        assert fleet.database.meter.since(began).requests == 1
        thread, (*_, draft) = await fleet.thread(), await fleet.rows.drafts()
        assert (thread["status"], draft["status"]) == ("stopped", "withdrawn")
        (audit,) = await fleet.rows.audit(principal="recipient")
        assert (audit["action"], audit["audit_id"]) == ("unsubscribed", f"unsubscribe:{KEY}:{scope}")
        before = await fleet.rows.everything()
        fleet.clock.advance(timedelta(days=90))
        assert await unsubscribes.act(KEY, scope)
        assert await fleet.rows.everything() == before


@pytest.mark.req("POST-R19")
async def test_everything_means_the_address_for_good() -> None:
    """The contact is marked, the address is suppressed, and a colleague's contact of the same address with it."""
    async with open_fleet(SCRIPT, contacts=("ada", "bob")) as fleet:
        await fleet.rows.set_contacts(address="ada@northwind.example", address_sha256=address_sha256("ada@northwind.example"))
        await fleet.enrol("bob")
        await fleet.resume()
        bobs = await fleet.pending()
        await fleet.decide_on(bobs, "approve")
        await fleet.enrol("ada")
        await fleet.resume()
        assert await fleet.service.unsubscribes.act(key_of_touch("close:bob", 0), "all")
        assert [(row["address_sha256"], row["reason"]) for row in await fleet.rows.all("suppressions")] == [
            (address_sha256("ada@northwind.example"), "unsubscribed")
        ]
        assert {row["contact_id"]: row["unsubscribed"] for row in await fleet.rows.all("contacts")} == {"ada": 0, "bob": 1}
        assert await fleet.rows.pending() == []
        assert [row["status"] for row in await fleet.rows.drafts(thread_id="close:ada")] == ["withdrawn"]


@pytest.mark.req("POST-R19")
async def test_the_address_the_email_went_to_is_suppressed_too() -> None:
    """Where the contact has moved on, whoever has the old address has said that they want nothing more."""
    async with open_fleet(SCRIPT) as fleet:
        unsubscribes = await written_to(fleet)
        new = "ada@elsewhere.example"
        await fleet.rows.set_contacts(address=new, address_sha256=address_sha256(new))
        assert await unsubscribes.act(KEY, "all")
        suppressed = {row["address_sha256"] for row in await fleet.rows.all("suppressions")}
    assert suppressed == {address_sha256(new), address_sha256("ada@northwind.example")}


@pytest.mark.req("POST-R18")
async def test_a_campaign_ends_alone() -> None:
    """Neither the contact nor its address is marked, and another contact's thread goes on."""
    async with open_fleet(SCRIPT, contacts=("ada", "bob")) as fleet:
        unsubscribes = await written_to(fleet)
        await fleet.enrol("bob")
        assert await unsubscribes.act(KEY, "campaign")
        await fleet.resume()
        assert await fleet.rows.pending() == ["close:bob:0:1"]
        assert await fleet.rows.all("suppressions") == []
        assert not any(row["unsubscribed"] for row in await fleet.rows.all("contacts"))


@dataclass(frozen=True)
class UnsubscribedMeanwhile:
    """A ledger before whose every claim the recipient unsubscribes."""

    ledger: SendLedger
    unsubscribes: Unsubscribes
    scope: Scope

    async def reserve(self, lease: Lease, **touch: Any) -> Reservation:
        """Unsubscribe, then claim."""
        assert isinstance(touch["email"], OutgoingEmail)
        assert await self.unsubscribes.act(KEY, self.scope)
        return await self.ledger.reserve(lease, **touch)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ledger, name)


@pytest.mark.req("POST-R20")
@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("when", ["after the approval", "before the claim"])
async def test_an_approved_email_does_not_leave_any_more(scope: Scope, when: str) -> None:
    """Between approval and run, and in the run right before the claim: nothing is handed to the mailer."""
    async with open_fleet(SCRIPT) as fleet:
        unsubscribes = await written_to(fleet)
        request, draft_id = DecisionRequest("approve", "ana"), await fleet.pending()
        if when == "after the approval":
            await fleet.campaigns.threads.decide(draft_id, request, owner="killed", lease=timedelta(0))
            assert await unsubscribes.act(KEY, scope)
            await fleet.resume()
        else:
            meanwhile: Any = UnsubscribedMeanwhile(fleet.campaigns.ledger, unsubscribes, scope)
            await replace(fleet.campaigns, ledger=meanwhile).decide(draft_id, request)
        fleet.clock.advance(timedelta(minutes=10))
        await fleet.resume()
        assert len(fleet.mailer.attempts) == 1
        assert await fleet.rows.send_states() == ["sent"]
        assert (await fleet.thread())["status"] == "stopped"


async def test_a_key_of_nothing_that_was_sent_does_nothing() -> None:
    """A draft's preview has a link before there is a send."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        await fleet.resume()
        before = await fleet.rows.everything()
        for scope in SCOPES:
            assert not await fleet.service.unsubscribes.act(KEY, scope)
        assert await fleet.rows.everything() == before
