"""The researcher of the organised team: a rule that ranks facts, and writers who rest on its brief."""

from random import Random
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.campaign import Email, PastTouch
from backend.domain.facts import tells
from backend.graphs import email_research_graph
from backend.graphs.email_research_graph import _rank_facts
from tests.graphs.team import INCOMING, Team, team
from tests.graphs.test_default_emails import ORDERS, fact, known

GRAPH: Any = email_research_graph.build()
SURE: Any = fact("erp", "It runs two ledgers.", confidence=0.9, observed_at="2026-01-01")
NEW: Any = fact("hiring", "Three accountants are wanted.", confidence=0.9, observed_at="2026-10-01")
UNSURE: Any = fact("move", "The office may move to Lisbon.", confidence=0.6)
TOLD: Any = fact("close", "Its month-end close takes three days.", confidence=1.0)
HISTORY = [Email(subject="A question", body="Hello Ada,\n\nthree days for your month-end close? It takes others one.")]

facts = st.lists(
    st.builds(
        fact,
        st.sampled_from([f"field {number}" for number in range(12)]),
        st.sampled_from([TOLD["value"], SURE["value"], NEW["value"], "", ORDERS[0], "会社を移転しました。"]),
        confidence=st.floats(0, 1),
        observed_at=st.sampled_from(["", "2026-01-01", "2026-10-01"]),
    ),
    max_size=30,
)


@pytest.mark.req("BRIEF-R2")
async def test_what_was_told_comes_last_and_then_the_surest_and_newest_first() -> None:
    """The told one in whatever words it was told, although it is the surest."""
    payload = await known(facts=[TOLD, UNSURE, SURE, NEW], history=HISTORY)
    assert (await GRAPH.ainvoke({"payload": payload}))["brief"] == [NEW, SURE, UNSURE, TOLD]
    assert _rank_facts([TOLD, UNSURE, SURE, NEW], []) == [TOLD, NEW, SURE, UNSURE]


@pytest.mark.req("BRIEF-R3")
def test_orders_and_what_is_overtaken_are_left_out() -> None:
    """Of two on one thing from one source the newer stays, and of two sources both."""
    old: Any = {**SURE, "value": "It runs nine ledgers.", "observed_at": "2020-01-01", "confidence": 1.0}
    elsewhere: Any = {**old, "source": "careers page"}
    assert _rank_facts([old, SURE, cast("Any", fact("note", ORDERS[0]))], []) == [SURE]
    assert _rank_facts([old, SURE, elsewhere], []) == [elsewhere, SURE]


@pytest.mark.req("BRIEF-R2", "BRIEF-R4")
@given(facts, st.randoms())
def test_the_order_they_come_in_changes_nothing(known_facts: list[Any], random: Random) -> None:
    """At most 8, each one given, none after a told one that is not told."""
    shuffled = [*known_facts]
    random.shuffle(shuffled)
    brief = _rank_facts(known_facts, HISTORY)
    assert brief == _rank_facts(shuffled, HISTORY)
    assert len(brief) <= 8
    assert all(one in known_facts for one in brief)
    told = [tells(HISTORY[0]["body"], one["value"]) for one in brief]
    assert told == sorted(told)


@pytest.mark.req("BRIEF-R1")
@pytest.mark.parametrize("incoming", [None, INCOMING])
async def test_composer_and_replier_write_from_the_brief(incoming: Email | None) -> None:
    """Their prompt tells the facts in its order; without a researcher, or without roles, nobody ranks anything."""
    for led, roles, order in (
        (True, ["researcher", "composer"], ["ledgers", "close takes"]),
        (True, ["composer"], []),
        (False, [], ["close takes", "ledgers"]),
    ):
        writers = await team_that_told(roles)
        await writers.write(incoming, led=led)
        told = writers.requests("email:reply" if incoming else "email:compose")[0]["user"]
        facts_told = told.partition("<<<DATA facts")[2].partition("DATA facts>>>")[0]
        assert sorted(order, key=facts_told.index) == order
        assert bool(facts_told) is bool(order)


@pytest.mark.req("BRIEF-R4")
async def test_research_costs_no_call() -> None:
    """The leader's and the writer's are all there are."""
    writers = await team_that_told(["researcher", "composer"])
    await writers.write()
    assert [asked["name"] for asked in writers.requests()] == ["email:role_plan", "email:compose"]


async def team_that_told(roles: list[str]) -> Team:
    """The team whose contact was told the surest fact before."""
    writers = team(role_plan={"roles": roles})
    dossier = writers.records.dossiers["ada"]
    told = PastTouch(step=0, subject="The close", body="Its close takes three days.", sent_at="2026-11-01T09:00:00.000Z")
    writers.records.dossiers["ada"] = {**dossier, "history": [told]}
    return writers
