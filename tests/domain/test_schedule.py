"""The hours in which an email may leave: tables of instants, and what holds for any instant, zone and hours."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.campaign import Campaign, Company, Contact, Dossier
from backend.domain.schedule import (
    EVERY_DAY,
    FREE_MAIL_DOMAINS,
    KEPT_FREE_S,
    Calendar,
    Hours,
    SendRules,
    calendar_of,
    capped_domain,
    fraction_of,
    read_days,
    read_hours,
    tell_days,
)
from tests.northwind import CAMPAIGN, COMPANY, CONTACT

NINE_TO_FIVE = read_hours("09:00-17:00")
WEEK = read_days("mon-fri")
ZONES = (
    *("UTC", "Europe/Berlin", "America/New_York", "Australia/Sydney", "Australia/Lord_Howe", "Pacific/Auckland"),
    *("Pacific/Tongatapu", "Pacific/Kiritimati", "America/Santiago", "Africa/Cairo", "Asia/Beirut", "America/Havana"),
    *("Asia/Kathmandu", "Pacific/Apia", "America/St_Johns", "Africa/Casablanca"),
)
instants = st.datetimes(datetime(2010, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # made aware
minutes = st.tuples(st.integers(0, 1439), st.integers(1, 1440))
whole_hours = minutes.filter(lambda pair: pair[0] < pair[1]).map(lambda pair: Hours(*pair))
calendars = st.builds(
    Calendar,
    days=st.frozensets(st.integers(0, 6), min_size=1),
    hours=whole_hours,
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    holidays=st.frozensets(st.dates(date(2010, 1, 1), date(2032, 1, 1)), max_size=9),
)


def local(zone: str, text: str) -> datetime:
    """The instant at which the clocks of `zone` show this, the first time they do."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.req("WHEN-R1")
@pytest.mark.parametrize(
    ("zone", "at", "opening"),
    [
        pytest.param("Europe/Berlin", "2026-11-27T17:00", "2026-11-30T09:00", id="friday_at_closing"),
        pytest.param("Europe/Berlin", "2026-11-27T16:59:59", "2026-11-27T16:59:59", id="friday_before_closing"),
        pytest.param("Europe/Berlin", "2026-11-28T12:00", "2026-11-30T09:00", id="saturday"),
        pytest.param("Europe/Berlin", "2026-03-27T18:00", "2026-03-30T09:00", id="over_the_hour_skipped_in_the_north"),
        pytest.param("Europe/Berlin", "2026-10-23T18:00", "2026-10-26T09:00", id="over_the_hour_twice_in_the_north"),
        pytest.param("Australia/Sydney", "2026-10-02T18:00", "2026-10-05T09:00", id="over_the_hour_skipped_in_the_south"),
        pytest.param("Australia/Sydney", "2027-04-02T18:00", "2027-04-05T09:00", id="over_the_hour_twice_in_the_south"),
        pytest.param("Pacific/Auckland", "2026-11-26T08:59", "2026-11-26T09:00", id="utc_plus_13_before_opening"),
        pytest.param("Pacific/Tongatapu", "2026-11-27T17:30", "2026-11-30T09:00", id="utc_plus_13_friday_evening"),
        pytest.param("Pacific/Apia", "2011-12-29T18:00", "2012-01-02T09:00", id="over_the_friday_that_never_was"),
    ],
)
def test_the_next_opening_is_at_the_readers_own_nine_o_clock(zone: str, at: str, opening: str) -> None:
    """A table of evenings, weekends and changed clocks, each with the instant an office would choose."""
    calendar = Calendar(WEEK, NINE_TO_FIVE, ZoneInfo(zone))
    assert calendar.next_opening(local(zone, at)) == local(zone, opening)


@pytest.mark.req("WHEN-R1")
@pytest.mark.parametrize(
    ("hours", "at", "opens", "closes"),
    [
        pytest.param("02:30-03:30", "2026-03-29T00:00Z", "2026-03-29T01:00Z", "2026-03-29T01:30Z", id="opens_in_the_gap"),
        pytest.param("02:10-02:50", "2026-03-29T00:00Z", "2026-03-30T00:10Z", "2026-03-30T00:50Z", id="lies_in_the_gap"),
        pytest.param("01:30-02:30", "2026-03-29T00:00Z", "2026-03-29T00:30Z", "2026-03-29T01:00Z", id="closes_in_the_gap"),
        pytest.param("02:15-02:45", "2026-10-25T00:00Z", "2026-10-25T00:15Z", "2026-10-25T00:45Z", id="comes_twice"),
        pytest.param("02:15-02:45", "2026-10-25T00:50Z", "2026-10-25T01:15Z", "2026-10-25T01:45Z", id="comes_again"),
        pytest.param("00:00-24:00", "2026-10-25T00:30Z", "2026-10-25T00:30Z", "2026-10-25T23:00Z", id="a_day_of_25_hours"),
    ],
)
def test_a_window_ends_where_its_clocks_say_so_when_they_change(hours: str, at: str, opens: str, closes: str) -> None:
    """In Berlin at 2 o'clock: what is skipped is no time to write in, and what comes twice is one each time."""
    window = Calendar(EVERY_DAY, read_hours(hours), ZoneInfo("Europe/Berlin")).window(datetime.fromisoformat(at))
    assert (window.opens_at, window.closes_at) == (datetime.fromisoformat(opens), datetime.fromisoformat(closes))


@pytest.mark.req("WHEN-R2", "WHEN-R6")
@given(calendar=calendars, at=instants)
def test_an_opening_is_open_not_earlier_than_asked_and_its_own_next(calendar: Calendar, at: datetime) -> None:
    """For any days, hours, zone and holidays; and the window that begins there is open to its very end."""
    opening = calendar.next_opening(at)
    window = calendar.window(at)
    assert opening >= at
    assert calendar.is_open(opening)
    assert calendar.next_opening(opening) == opening
    assert window.opens_at == opening < window.closes_at
    assert all(calendar.is_open(window.at(part / 8)) for part in range(8))
    kept_free = min(timedelta(seconds=KEPT_FREE_S), window.closes_at - window.opens_at)
    assert window.closes_at - window.at(0.999) >= kept_free
    assert calendar.is_open(window.closes_at - timedelta(milliseconds=1))


@pytest.mark.req("WHEN-R2")
@given(calendar=calendars, at=instants, ahead=st.integers(0, 60), a_window=st.integers(1, 9), fraction=st.floats(0, 0.999))
def test_a_place_in_a_queue_is_open_and_not_before_it_is_free(
    calendar: Calendar, at: datetime, ahead: int, a_window: int, fraction: float
) -> None:
    """However many wait before it."""
    place = calendar.place(at, ahead=ahead, a_window=a_window, fraction=fraction)
    assert place >= at
    assert calendar.is_open(place)


@pytest.mark.req("WHEN-R3")
def test_a_holiday_is_no_day_to_write_on() -> None:
    """After Thursday evening come Good Friday, a weekend and Easter Monday."""
    easter = frozenset({date(2027, 3, 26), date(2027, 3, 29)})
    calendar = Calendar(WEEK, NINE_TO_FIVE, ZoneInfo("Europe/Berlin"), easter)
    assert calendar.next_opening(local("Europe/Berlin", "2027-03-25T18:00")) == local("Europe/Berlin", "2027-03-30T09:00")
    always = replace(calendar, days=frozenset({4}), holidays=AllDays())
    with pytest.raises(ValueError, match="no day within"):
        always.next_opening(datetime(2026, 1, 1, tzinfo=UTC))


class AllDays:
    """Every day is a holiday."""

    def __contains__(self, day: object) -> bool:
        return True


@pytest.mark.req("WHEN-R1")
@pytest.mark.parametrize(
    ("contact", "company", "campaign", "zone"),
    [
        ("Pacific/Auckland", "Europe/Berlin", "America/Lima", "Pacific/Auckland"),
        (None, "Europe/Berlin", "America/Lima", "Europe/Berlin"),
        ("Mars/Olympus", None, "America/Lima", "America/Lima"),
        (None, None, None, "UTC"),
        ("../../etc/passwd", "", "\0", "UTC"),
    ],
)
def test_the_zone_is_the_contacts_the_companys_the_campaigns_or_utc_with_a_note(
    contact: str | None, company: str | None, campaign: str | None, zone: str
) -> None:
    """What is no zone counts as none, whoever wrote it."""
    calendar = calendar_of(SendRules(), {**CAMPAIGN, "time_zone": campaign}, dossier_of(contact, company))
    assert calendar.zone.key == zone
    assert bool(calendar.note) == (zone == "UTC")
    assert calendar.note in str(calendar)


@pytest.mark.req("WHEN-R4")
def test_a_campaign_overrides_days_hours_and_holidays() -> None:
    """What it leaves out, the rules say."""
    seen: list[str] = []

    def holidays_of(country: str) -> frozenset[date]:
        seen.append(country)
        return frozenset({date(2026, 12, 25)})

    rules = SendRules(days=WEEK, hours=NINE_TO_FIVE, holidays_of=holidays_of)
    plain = calendar_of(rules, CAMPAIGN, dossier_of(None, None))
    own = Campaign({**CAMPAIGN, "send_days": "sat-sun", "send_hours": "10:00-12:00", "holiday_country": "NZ"})
    overridden = calendar_of(rules, own, dossier_of(None, None))
    assert (plain.days, plain.hours, plain.holidays) == (WEEK, NINE_TO_FIVE, frozenset())
    assert (overridden.days, overridden.hours) == (frozenset({5, 6}), Hours(600, 720))
    assert date(2026, 12, 25) in overridden.holidays
    assert seen == ["NZ"]


def dossier_of(contact_zone: str | None, company_zone: str | None) -> Dossier:
    """Ada's dossier with these zones."""
    contact: Contact = {**CONTACT, "time_zone": contact_zone}
    company: Company = {**COMPANY, "time_zone": company_zone}
    return Dossier(contact=contact, company=company, facts=[], history=[], memories=[], suppressed=False)


@pytest.mark.req("WHEN-R5")
@pytest.mark.parametrize(
    ("text", "days"),
    [("mon-fri", "mon-fri"), ("Mon, wed,SAT-sun", "mon,wed,sat-sun"), ("sat-mon", "mon,sat-sun"), ("sun", "sun")],
)
def test_days_are_read_and_told(text: str, days: str) -> None:
    """A range may pass the end of the week."""
    assert tell_days(read_days(text)) == days
    assert read_days(days) == read_days(text)


@pytest.mark.req("WHEN-R5")
@pytest.mark.parametrize("text", ["", "monday", "mon-", "-fri", "mon--fri", "mon,,tue", "mon-fri-sun", "0-4", "mon\nfri"])
def test_what_names_no_days_is_refused(text: str) -> None:
    """In one sentence, with examples."""
    with pytest.raises(ValueError, match="such as mon-fri"):
        read_days(text)


@pytest.mark.req("WHEN-R5")
@pytest.mark.parametrize(
    "text", ["", "9-17", "17:00-09:00", "09:00-09:00", "09:00-24:01", "09:60-10:00", "25:00-26:00", "09:00", "٠٩:00-17:00", "a"]
)
def test_what_names_no_hours_of_one_day_is_refused(text: str) -> None:
    """Backwards, empty, past midnight or not at all."""
    with pytest.raises(ValueError, match="such as 09:00-17:30"):
        read_hours(text)


@given(hours=whole_hours, days=st.frozensets(st.integers(0, 6), min_size=1))
@pytest.mark.req("WHEN-R5")
def test_what_is_told_is_read_back(hours: Hours, days: frozenset[int]) -> None:
    """Hours and days are written as they are read."""
    assert read_hours(str(hours)) == hours
    assert read_days(tell_days(days)) == days


@pytest.mark.req("WHEN-R6")
def test_touches_fall_evenly_over_a_window_and_always_at_the_same_place() -> None:
    """A thousand threads fill each tenth of a window with about a hundred."""
    fractions = [fraction_of(f"close:contact{number}", 0) for number in range(1000)]
    tenths = [sum(tenth <= fraction * 10 < tenth + 1 for fraction in fractions) for tenth in range(10)]
    assert min(tenths) > 70
    assert sum(tenths) == 1000
    assert fractions[:9] == [fraction_of(f"close:contact{number}", 0) for number in range(9)]
    assert fraction_of("close:ada", 0) != fraction_of("close:ada", 1)


@pytest.mark.req("WHEN-R7")
@pytest.mark.parametrize(
    ("address", "domain"), [("ada@Northwind.example", "northwind.example"), ("ada@gmail.com", None), ("a@GMAIL.com", None)]
)
def test_recipients_at_a_free_mail_provider_are_no_company(address: str, domain: Any) -> None:
    """Their domain says nothing of where they work."""
    assert capped_domain(address) == domain
    assert all(name == name.lower() for name in FREE_MAIL_DOMAINS)
