"""An approval that is no longer meant at the send: nothing leaves, and a new version waits that says why."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, cast

import pytest

from backend.domain.campaign import MAX_DRAFT_VERSIONS, DecisionRequest, Email
from backend.domain.closing import OPT_OUT_LINE
from backend.domain.facts import Fact
from backend.domain.schedule import SendRules, read_hours
from backend.errors import TooManyVersions
from backend.store.intake import D1Intake
from tests.northwind import FACT, LINK, SCRIPT, new_contact
from tests.story.fleet import Fleet, open_fleet

LOOK_CLAIM_COMMIT = 3
"""Requests of a sweep whose one run asks the database nothing by itself."""
Change = Callable[[Fleet], Awaitable[None]]


def now(**changes: Any) -> Fact:
    """The fact on Northwind as it is told now."""
    return cast("Fact", {**FACT, **changes})


async def learn(fleet: Fleet, *facts: Fact) -> None:
    """Let facts on Northwind come in."""
    await D1Intake(fleet.database).add_contacts([new_contact(facts=list(facts))])


async def grow_old(fleet: Fleet) -> None:
    """Let a moment more than seven days pass."""
    fleet.clock.advance(timedelta(days=7, seconds=1))


async def change_a_fact(fleet: Fleet) -> None:
    """Northwind closes faster now."""
    await learn(fleet, now(value="Its month-end close takes one day"))


async def doubt_a_fact(fleet: Fleet) -> None:
    """The annual report is less sure than it was."""
    await learn(fleet, now(confidence=0.4))


async def learn_what_is_surer(fleet: Fleet) -> None:
    """Eight facts come in that are surer, and the one of before still stands."""
    await learn(fleet, *(now(field=f"field {number}", confidence=1.0) for number in range(8)))


async def move_the_contact(fleet: Fleet) -> None:
    """Ada works elsewhere, and nothing is known of that company."""
    await fleet.rows.set_contacts(company_id="elsewhere")


@pytest.mark.req("APPROVAL-R14", "APPROVAL-R15", "APPROVAL-R17")
@pytest.mark.parametrize(
    ("change", "why"),
    [
        (grow_old, "older than 7 days"),
        (change_a_fact, "a fact it rests on has changed: close_days: Its month-end close takes three days"),
        (doubt_a_fact, "a fact it rests on has changed: close_days"),
        (learn_what_is_surer, "a fact it rests on has changed or is none of the 8 surest any more: close_days"),
        (move_the_contact, "a fact it rests on has changed: close_days"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_an_approval_that_is_no_longer_meant_is_asked_for_again(change: Change, why: str) -> None:
    """The run comes late, finds it so, and holds version 2 with the same text; its approval is sent, once."""
    async with open_fleet(SCRIPT) as fleet:
        _, _, approved = await fleet.approved_but_not_sent()
        await change(fleet)
        (run,) = (await fleet.resume()).runs
        assert (run.status, run.draft_id, fleet.mailer.attempts.total()) == ("awaiting_approval", "close:ada:0:2", 0)
        assert why in run.reason
        first, again = await fleet.rows.drafts()
        assert (first["status"], again["subject"], again["body"]) == ("decided", approved.subject, approved.body)
        card = await fleet.service.views.draft("close:ada:0:2")
        assert why in card.graph_meta["asked_again"]
        thread = await fleet.service.views.thread("close", "ada")
        assert thread.waiting_because
        assert why in thread.waiting_because.sentence
        assert await fleet.rows.sends() == []
        assert len(fleet.model.asked) == 1
        assert (await fleet.decide("approve")).sent
        assert fleet.mailer.attempts.total() == 1


@pytest.mark.req("APPROVAL-R14", "APPROVAL-R15")
async def test_what_still_stands_is_sent() -> None:
    """Seven days to the second, the fact observed again and surer, a newer fact beside it: the approval holds."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.approved_but_not_sent()
        observed_again = now(confidence=0.95, observed_at="2026-11-24T00:00:00.000Z")
        await learn(fleet, observed_again, now(field="auditor", value="Its auditor changed"))
        fleet.clock.advance(timedelta(days=7))
        (run,) = (await fleet.resume()).runs
        assert (run.sent, fleet.mailer.attempts.total()) == (True, 1)


@pytest.mark.req("APPROVAL-R24")
async def test_asking_again_waits_for_no_hour_and_claims_nothing() -> None:
    """Eight days later, at an hour at which nothing leaves: the run asks the database nothing, and writes once."""
    async with open_fleet(SCRIPT, rules=SendRules(hours=read_hours("09:00-10:00"))) as fleet:
        await fleet.approved_but_not_sent()
        fleet.clock.advance(timedelta(days=8))
        before = fleet.database.meter.requests
        (run,) = (await fleet.resume()).runs
        assert run.draft_id == "close:ada:0:2"
        assert fleet.database.meter.requests - before == LOOK_CLAIM_COMMIT
        assert await fleet.rows.sends() == []


@pytest.mark.req("APPROVAL-R24")
async def test_nobody_is_asked_about_who_has_replied() -> None:
    """Her thread ends instead, however old the approval is."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.approved_but_not_sent()
        fleet.clock.advance(timedelta(days=8))
        await fleet.rows.raise_flag("ada", "replied")
        (run,) = (await fleet.resume()).runs
        assert (run.status, await fleet.rows.sends(), len(await fleet.rows.drafts())) == ("stopped", [], 1)


@pytest.mark.req("APPROVAL-R17", "AA02-R23")
async def test_however_often_it_is_asked_about_the_text_that_was_approved_is_there_to_approve() -> None:
    """Past the fifth version no new text is written, and the refusal names the version it is; approved once more, it leaves."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.approved_but_not_sent()
        await change_a_fact(fleet)
        await fleet.resume()
        for number in range(MAX_DRAFT_VERSIONS):
            await learn(fleet, now(value=f"It takes {number} days"))
            assert (await fleet.decide("approve")).draft_id == f"close:ada:0:{number + 3}"
        with pytest.raises(TooManyVersions, match="is version 7, and from version 5 on"):
            await fleet.decide("regenerate")
        assert (await fleet.decide("approve")).sent


async def edit_and_die(fleet: Fleet, link: str, *, override: bool) -> None:
    """A person's own text with a link is decided on, and the run is killed right after."""
    await fleet.enrol()
    await fleet.resume()
    edited = Email(subject="Mine", body=f"See {link}\n\n{OPT_OUT_LINE}")
    request = DecisionRequest("edit", "ana", edited=edited, override=override)
    await fleet.campaigns.threads.decide(await fleet.pending(), request, owner="killed", lease=timedelta(0))


@pytest.mark.req("APPROVAL-R16")
@pytest.mark.parametrize("override", [False, True])
async def test_a_link_that_is_allowed_no_more_is_asked_about_unless_it_was_meant(override: bool) -> None:  # noqa: FBT001  # a case
    """An edit with a link waits for its run while the campaign's list changes under it."""
    async with open_fleet(SCRIPT) as fleet:
        await edit_and_die(fleet, LINK, override=override)
        await fleet.rows.set_campaigns(allowed_links="[]")
        (run,) = (await fleet.resume()).runs
        assert run.sent == override
        if not override:
            assert f"does not allow a link of it any more: {LINK}" in run.reason
            meta = (await fleet.service.views.draft("close:ada:0:2")).graph_meta
            assert any(LINK in fault for fault in meta["faults"])
            assert (await fleet.decide("approve")).sent


@pytest.mark.req("APPROVAL-R16", "APPROVAL-R17")
async def test_a_link_that_the_card_names_as_not_allowed_is_asked_about_once() -> None:
    """It was overridden, the approval grew old, and the new version says of its link what the gate finds: it leaves."""
    async with open_fleet(SCRIPT) as fleet:
        await edit_and_die(fleet, "https://elsewhere.example/x.", override=True)
        await grow_old(fleet)
        assert "older than 7 days" in (await fleet.resume()).runs[0].reason
        assert (await fleet.decide("approve")).sent


@pytest.mark.req("APPROVAL-R18")
async def test_a_touch_that_may_have_left_is_not_asked_about_again() -> None:
    """A worker was killed after its claim; eight days later the touch is a person's matter and not a draft's."""
    async with open_fleet(SCRIPT) as fleet:
        lease, _, email = await fleet.approved_but_not_sent()
        await fleet.service.campaigns.ledger.reserve(lease, step=0, version=1, email=email, provider=fleet.mailer.name)
        fleet.clock.advance(timedelta(days=8))
        (run,) = (await fleet.resume()).runs
        assert (run.status, fleet.mailer.attempts.total(), len(await fleet.rows.drafts())) == ("parked", 0, 1)
        assert await fleet.rows.send_states() == ["unknown"]
