"""Each request of each verb, held back and delivered once more after every later one: it changes no row."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from backend.domain.campaign import DecisionRequest
from backend.domain.unsubscribe import key_of_touch
from backend.errors import Conflict
from backend.wiring import Service, assemble
from tests.fakes.late_database import LateDatabase
from tests.northwind import MINE, SCRIPT, new_contact
from tests.releases import COMMIT, promoted
from tests.story.fleet import Fleet, claim, open_fleet


async def decisions(fleet: Fleet, service: Service) -> None:
    """Every decision there is, over four touches; a send, an edit, a new version, a rejection and the end."""
    del service
    await fleet.enrol()
    await fleet.touch("regenerate", feedback="Shorter.")
    await fleet.touch("approve", key="k1")
    await fleet.touch("edit", edited=MINE)
    await fleet.touch("reject", reason="not now")
    fleet.clock.advance(timedelta(days=9))
    await fleet.resume()
    with suppress(ValueError):
        await fleet.decide("stop")


async def failures(fleet: Fleet, service: Service) -> None:
    """A send that is refused, put back, and lost; a thread put back and stopped; a draft asked about again."""
    await fleet.enrol()
    fleet.mailer.refuse()
    await fleet.touch("approve")
    await service.parked.requeue("close", "ada", principal="op")
    fleet.mailer.lose_answer()
    await fleet.resume()
    await fleet.fast_forward()
    await fleet.touch("regenerate", key="k1")
    await service.campaigns.decide_together({"close:ada:0:3": DecisionRequest("reject", "ana", version=9, key="k2")})
    await fleet.rows.set_campaigns(sender_name="Ben O.")
    with suppress(Conflict):
        await fleet.decide("approve")
    await service.campaigns.stop("close", "ada", principal="op", reason="enough")


async def leases(fleet: Fleet, service: Service) -> None:
    """A thread that is claimed and let go, claimed again and left, and run after that lease has ended."""
    threads = service.campaigns.threads
    await fleet.enrol()
    for owner in ("first", "second"):
        await threads.let_go(await claim(threads, owner=owner))
        fleet.clock.advance(timedelta(seconds=1))
    assert (await fleet.thread())["lease_owner"] is None
    assert await claim(threads, owner="third")
    assert await claim(threads, owner="fourth") == []
    fleet.clock.advance(timedelta(minutes=4))
    await fleet.resume()
    assert await fleet.pending()


async def intake(fleet: Fleet, service: Service) -> None:
    """A contact that changes twice and is marked while a draft waits; a token made, ended and made anew."""
    await fleet.enrol()
    await fleet.resume()
    for title in ("CFO", "CEO", "CFO"):
        await service.intake.add([{**new_contact("ada"), "title": title}])
    await service.intake.mark("ada", "replied", evidence="<reply@northwind.example>", principal="webhook")
    for minute in range(2):
        fleet.clock.advance(timedelta(minutes=minute))
        await service.tokens.create("ana", "rep", now=fleet.clock.now(), expires_in=timedelta(days=1))
        fleet.clock.advance(timedelta(minutes=1))
        await service.tokens.revoke("ana", now=fleet.clock.now())
    fleet.clock.advance(timedelta(minutes=1))
    await service.tokens.create("ana", "rep", now=fleet.clock.now(), expires_in=timedelta(days=1))


async def unsubscribed(fleet: Fleet, service: Service) -> None:
    """A recipient ends the campaign and then everything, and a person takes back what they can of it."""
    await fleet.enrol()
    await fleet.touch("approve")
    await fleet.fast_forward()
    for scope in ("campaign", "all", "campaign"):
        await service.unsubscribes.act(key_of_touch("close:ada", 0), scope)
        await service.intake.add([{**new_contact("ada"), "unsubscribed": False}])
    await fleet.resume()


async def flags(fleet: Fleet, service: Service) -> None:
    """A flag turned off, on by evidence, off and on again; a verdict recorded twice."""
    switches, name = service.switches, "CAMPAIGN_COACH_ENABLED"
    for attempt in (1, 2):
        await switches.record(promoted(fleet.clock.now(), attempt=attempt), by="op")
        await switches.record(promoted(fleet.clock.now(), attempt=attempt), by="op")
        for on in (False, True):
            fleet.clock.advance(timedelta(minutes=1))
            await switches.set(name, on=on, by="op", why="")


@pytest.mark.req("RUN-R5", "FLAG-R6", "POST-R21")
@pytest.mark.parametrize("story", [decisions, failures, leases, intake, unsubscribed, flags], ids=lambda story: story.__name__)
async def test_a_late_copy_of_any_request_changes_nothing(story: Callable[[Fleet, Service], Awaitable[None]]) -> None:
    """After every batch of the story all batches before it arrive again, and itself: not one row is another."""
    async with open_fleet(SCRIPT, coach=True) as fleet:
        late = LateDatabase(fleet.database, now=fleet.clock.now)
        service = assemble(late, clock=fleet.clock, make_llm=fleet.model, mailer=fleet.mailer, flags=fleet.flags, commit=COMMIT)
        fleet.campaigns = service.campaigns
        await story(fleet, service)
        assert late.changed == []
        assert late.deliveries > 20
