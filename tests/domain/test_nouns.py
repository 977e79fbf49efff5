"""The nouns: instants, provenance, flags, thread ids and what a worker is told."""

import json
from datetime import UTC, datetime, timedelta, timezone
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.campaign import Campaign, Company, Contact, Dossier, PayloadOptions, email_payload, pair_of, thread_id_of
from backend.domain.flags import CAMPAIGN_COACH_ENABLED, ORCHESTRATOR_ROLE_PLAN, Flags
from backend.domain.instants import days_after, from_text, to_text
from backend.domain.provenance import provenance

zones = st.timedeltas(timedelta(hours=-14), timedelta(hours=14)).map(timezone)
instants = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=zones)  # noqa: DTZ001  # bounds are naive by contract
ids = st.text(st.characters(exclude_characters=":"), min_size=1)

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
CAMPAIGN = Campaign(
    campaign_id="spring",
    name="Spring",
    offer="A shorter close.",
    sender_name="Sam",
    sender_address="sam@example.com",
    allowed_links=[],
)
CONTACT = Contact(
    contact_id="ada", company_id="engines", address="ada@example.com", name="Ada King Lovelace", title="Analyst",
    time_zone=None, do_not_contact=False, bounced=False, unsubscribed=False, replied=False,
)  # fmt: skip


@given(instants, instants)
def test_text_order_is_time_order(one: datetime, other: datetime) -> None:
    """Stored instants compare as text as they do in time, to the millisecond, whatever zone they came in."""
    assert len(to_text(one)) == len("2026-11-22T09:30:00.000Z")
    assert (to_text(one) <= to_text(other)) or one > other


@given(instants)
def test_an_instant_survives_its_text(at: datetime) -> None:
    """What is read back is UTC and less than a millisecond earlier."""
    read = from_text(to_text(at))
    assert read.tzinfo == UTC
    assert timedelta(0) <= at - read < timedelta(milliseconds=1)
    assert to_text(read) == to_text(at)


def test_a_naive_datetime_names_no_instant() -> None:
    """It is refused rather than guessed."""
    with pytest.raises(ValueError, match="naive"):
        to_text(datetime(2026, 11, 22))  # noqa: DTZ001  # naive is the subject


def test_a_gap_is_whole_days_of_24_hours() -> None:
    """Gaps are counted in UTC, so a change of the clocks neither stretches nor shortens one."""
    assert to_text(days_after(from_text("2026-03-28T09:00:00.000Z"), 4)) == "2026-04-01T09:00:00.000Z"


@pytest.mark.req("TEXT-R10")
@given(st.floats(), st.lists(st.text()))
def test_a_provenance_has_four_fields_and_a_confidence_within_bounds(confidence: float, evidence: list[str]) -> None:
    """The envelope is the same everywhere, and its confidence is a number from 0 to 1 even when the input is none."""
    origin = provenance("model", "because", confidence=confidence, evidence=evidence)
    assert evidence or origin["confidence"] == 0.0
    assert list(origin) == ["confidence", "reason", "source", "evidence"]
    assert 0.0 <= origin["confidence"] <= 1.0
    assert origin["evidence"] == evidence


@pytest.mark.req("AA02-R18")
@pytest.mark.parametrize(("coach", "roles"), list(product([None, False, True], repeat=2)))
@pytest.mark.parametrize("default", [False, True])
def test_a_flag_row_overrides_and_its_absence_does_not(*, coach: bool | None, roles: bool | None, default: bool) -> None:
    """Each row decides its own flag, on or off; a flag without a row keeps what the environment said."""
    rows = {CAMPAIGN_COACH_ENABLED: coach, ORCHESTRATOR_ROLE_PLAN: roles, "UNHEARD_OF": True}
    flags = Flags(default, default).overridden({name: value for name, value in rows.items() if value is not None})
    assert flags == Flags(default if coach is None else coach, default if roles is None else roles)


@pytest.mark.req("AA02-R18")
def test_both_flags_are_off_by_default() -> None:
    """Nobody gets a hierarchy without asking for it."""
    assert Flags() == Flags(campaign_coach_enabled=False, orchestrator_role_plan=False)


@pytest.mark.req("AA02-R1")
@given(ids, ids)
def test_a_pair_has_one_thread_id_and_a_thread_id_one_pair(campaign_id: str, contact_id: str) -> None:
    """Ids hold no colon, so no two pairs share a thread and none has two."""
    assert pair_of(thread_id_of(campaign_id, contact_id)) == (campaign_id, contact_id)


@pytest.mark.req("TEXT-R9")
@pytest.mark.parametrize("company", [None, Company(company_id="engines", name="Engines Ltd", domain=None)])
def test_a_worker_is_told_no_address_and_no_flag(company: Company | None) -> None:
    """A payload can steer what is said and never to whom; what nobody decided has no key in it."""
    dossier = Dossier(contact=CONTACT, company=company, facts=[], history=[], memories=[], suppressed=False)
    payload = email_payload(CAMPAIGN, dossier, {}, now=NOW, step=0)
    assert "ada@example.com" not in json.dumps(payload)
    assert "sam@example.com" not in json.dumps(payload)
    assert CAMPAIGN["name"] not in json.dumps(payload)
    assert payload["today"] == "2026-11-30"
    assert payload["contact"] == {"name": "Ada King Lovelace", "first_name": "Ada", "title": "Analyst"}
    assert payload["company"] == {"name": "Engines Ltd" if company else "", "domain": ""}
    assert payload.keys() & PayloadOptions.__optional_keys__ == set()
    planned = email_payload(CAMPAIGN, dossier, {"angle": "a", "tone": "warm"}, now=NOW, step=0)
    assert planned == {**payload, "angle": "a", "tone": "warm"}
