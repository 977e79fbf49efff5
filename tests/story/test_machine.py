"""Any order of ticks, decisions, replies, faults and kills keeps the promises."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from backend.campaigns import Campaigns
from backend.domain.campaign import MAX_DRAFT_VERSIONS, Decision, DecisionRequest
from backend.errors import Conflict
from tests.fakes.killer import Killed, KillingDatabase, Moment
from tests.northwind import MINE, SCRIPT
from tests.story.fleet import Fleet, open_fleet
from tests.strategies import examples

CONTACTS = ("ada", "bo", "cy")
SENDING = {"approve", "edit"}


class Campaign(RuleBasedStateMachine):
    """Three contacts, two processes, one provider, one clock."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        self.fleet: Fleet = self.run(self.stack.enter_async_context(open_fleet(SCRIPT, coach=True, contacts=CONTACTS)))
        self.other = self.fleet.on(self.fleet.database)
        self.run(self.fleet.campaigns.enrol("close", CONTACTS, principal="op"))
        self.delivered_at_reply: dict[str, int] = {}

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Finish one coroutine."""
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        """Let every story end, and look once more."""
        for _ in range(3):
            self.fleet.clock.advance(timedelta(days=30))
            self.run(self.fleet.resume())
            self.promises_hold()
        self.run(self.stack.aclose())
        self.loop.close()

    def delivered_to(self, contact_id: str) -> int:
        """How many emails this contact got."""
        return sum(email.recipient_address.startswith(f"{contact_id}@") for email in self.fleet.mailer.delivered)

    async def approvals(self, contact_id: str) -> int:
        """How many touches to this contact a person approved."""
        drafts = await self.fleet.rows.drafts(thread_id=f"close:{contact_id}")
        return len({row["step"] for row in drafts if row["decision"] in SENDING})

    async def decide_some(self, campaigns: Campaigns, which: int, decision: Decision) -> None:
        """Decide one of the drafts that wait, if any does."""
        waiting = await self.fleet.rows.pending()
        if waiting:
            edited = MINE if decision == "edit" else None
            with suppress(Conflict):
                await campaigns.decide(waiting[which % len(waiting)], DecisionRequest(decision, "ana", edited=edited))

    @rule(minutes=st.sampled_from([1, 4, 61, 60 * 24, 60 * 24 * 5]))
    def time_passes(self, minutes: int) -> None:
        """Minutes or days."""
        self.fleet.clock.advance(timedelta(minutes=minutes))

    @rule()
    def two_ticks_at_once(self) -> None:
        """Overlapping sweeps of two processes."""

        async def both() -> None:
            await asyncio.gather(self.fleet.resume(), self.other.resume())

        self.run(both())

    @rule(which=st.integers(0, 2), decision=st.sampled_from(["approve", "approve", "edit", "regenerate", "reject", "stop"]))
    def a_person_decides(self, which: int, decision: Decision) -> None:
        """Any decision on any draft that waits."""
        self.run(self.decide_some(self.fleet.campaigns, which, decision))

    @rule(contact_id=st.sampled_from(CONTACTS))
    def a_contact_replies(self, contact_id: str) -> None:
        """Nothing may reach this contact from here on."""
        self.run(self.fleet.flag(contact_id, "replied"))
        self.delivered_at_reply.setdefault(contact_id, self.delivered_to(contact_id))

    @rule(fault=st.sampled_from(["refuse", "lose_answer"]))
    def the_provider_fails_once(self, fault: str) -> None:
        """The next send is refused, or delivered without an answer."""
        getattr(self.fleet.mailer, fault)()

    @rule(on=st.booleans())
    def an_operator_flips_the_coach(self, on: bool) -> None:  # noqa: FBT001  # a parameter of the rule
        """On or off."""
        self.run(self.fleet.switch_coach(on=on))

    @rule(at=st.integers(1, 5), moment=st.sampled_from(["before", "after"]), which=st.integers(0, 2), ticks=st.booleans())
    def a_process_is_killed(self, at: int, moment: Moment, which: int, ticks: bool) -> None:  # noqa: FBT001  # as above
        """While it sweeps or acts on an approval."""
        dying = self.fleet.on(KillingDatabase(self.fleet.database, at, moment))
        with suppress(Killed):
            self.run(dying.resume() if ticks else self.decide_some(dying, which, "approve"))

    @invariant()
    def promises_hold(self) -> None:
        """Once each, approved to the letter, never after a reply, within the budget, and at most one plan a thread."""
        mailer = self.fleet.mailer
        assert set(mailer.deliveries.values()) <= {1}
        drafts = self.run(self.fleet.rows.drafts())
        approved = {
            (row["approved_subject"] or row["subject"], row["approved_body"] or row["body"])
            for row in drafts
            if row["decision"] in SENDING
        }
        assert {(email.subject, email.body) for email in mailer.delivered} <= approved
        for contact_id in CONTACTS:
            assert self.delivered_to(contact_id) <= self.run(self.approvals(contact_id))
        for contact_id, delivered in self.delivered_at_reply.items():
            assert self.delivered_to(contact_id) == delivered
        assert max((row["version"] for row in drafts), default=0) <= MAX_DRAFT_VERSIONS
        assert max((row["step"] for row in drafts), default=0) < len(SCRIPT["campaign:coach_plan"]["cadence_days"]) * 2
        assert self.run(self.fleet.rows.sends(state="sent", provider_id="")) == []


TestCampaign = pytest.mark.req("AA02-R21", "AA02-R22")(Campaign.TestCase)
TestCampaign.settings = examples(0.25, stateful_step_count=25)
