"""The hours in which an email may leave: pure functions of instants, in the time zone of whoever reads it."""

import re
from collections.abc import Callable, Collection, Container
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from backend.domain.campaign import Campaign, Dossier

DAY_NAMES: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FREE_MAIL_DOMAINS: Final = frozenset(
    (
        *("aol.com", "gmail.com", "gmx.at", "gmx.ch", "gmx.de", "gmx.net", "googlemail.com"),
        *("hotmail.com", "icloud.com", "live.com", "mail.com", "mail.ru", "me.com", "msn.com"),
        *("outlook.com", "proton.me", "protonmail.com", "qq.com", "t-online.de", "web.de", "yahoo.co.jp"),
        *("yahoo.co.uk", "yahoo.com", "yahoo.de", "yandex.ru", "ymail.com", "126.com", "163.com"),
    )
)
"""At these domains strangers have their mailboxes: their recipients are no one company, and no cap counts them together."""

KEPT_FREE_S: Final = 1_800
"""Nothing is placed in so many last seconds of a window: a sweep that came a bit late would find it closed, day after day."""

_MINUTES_A_DAY: Final = 24 * 60
_DAYS_SEARCHED: Final = 800
_HOURS: Final = re.compile(r"([0-2][0-9]):([0-5][0-9])-([0-2][0-9]):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class Hours:
    """The wall-clock times of a day between which an email may leave, in minutes after midnight: 0 to 1440."""

    opens: int = 0
    closes: int = _MINUTES_A_DAY

    def __str__(self) -> str:
        return f"{self.opens // 60:02}:{self.opens % 60:02}-{self.closes // 60:02}:{self.closes % 60:02}"


EVERY_DAY: Final = frozenset(range(len(DAY_NAMES)))
ALL_DAY: Final = Hours()
NO_HOLIDAYS: Final[frozenset[date]] = frozenset()


def read_days(text: str) -> frozenset[int]:
    """Read days such as `mon-fri` or `mon,wed,sat-sun` as numbers from 0 for Monday.

    Raises:
        ValueError: says what is wrong.
    """
    days: set[int] = set()
    for part in text.lower().replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if first not in DAY_NAMES or (last or first) not in DAY_NAMES or part.endswith("-"):
            msg = "is not days such as mon-fri or mon,wed,sat-sun"
            raise ValueError(msg)
        begin, end = DAY_NAMES.index(first), DAY_NAMES.index(last or first)
        days |= {day % len(DAY_NAMES) for day in range(begin, end + 1 if end >= begin else end + 1 + len(DAY_NAMES))}
    return frozenset(days)


def read_hours(text: str) -> Hours:
    """Read hours such as `09:00-17:30`; `00:00-24:00` is the whole day, and none passes midnight.

    Raises:
        ValueError: says what is wrong.
    """
    found = _HOURS.fullmatch(text.replace(" ", ""))
    opens_h, opens_m, closes_h, closes_m = map(int, found.groups()) if found else (0, 0, 0, 0)
    hours = Hours(opens_h * 60 + opens_m, closes_h * 60 + closes_m)
    if not hours.opens < hours.closes <= _MINUTES_A_DAY:
        msg = "is not hours of one day such as 09:00-17:30, the later after the earlier and at most 24:00"
        raise ValueError(msg)
    return hours


def tell_days(days: Collection[int]) -> str:
    """Name days for people, the way `read_days` reads them."""
    named = sorted(days)
    runs: list[list[int]] = []
    for day in named:
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ",".join("-".join(DAY_NAMES[day] for day in dict.fromkeys((run[0], run[-1]))) for run in runs)


def _no_holidays(_country: str) -> Container[date]:
    return NO_HOLIDAYS


@dataclass(frozen=True, slots=True)
class SendRules:
    """A touch may leave when these allow it; they restrict nothing until somebody says so.

    A cap is a count of emails in any 24 hours, or any 60 minutes; None is no cap. `min_gap` lies between two emails to one
    address, over all campaigns. `holidays_of` gives the public holidays of a country by its ISO 3166 code.
    """

    days: frozenset[int] = EVERY_DAY
    hours: Hours = ALL_DAY
    mailbox_cap_a_day: int | None = None
    mailbox_cap_an_hour: int | None = None
    domain_cap_a_day: int | None = None
    min_gap: timedelta = timedelta(0)
    holidays_of: Callable[[str], Container[date]] = _no_holidays

    def a_window(self, hours: Hours) -> int:
        """Count the emails that a mailbox sends while it is open for these hours; at least one."""
        an_hour = self.mailbox_cap_an_hour
        of_hours = an_hour * max(1, (hours.closes - hours.opens) // 60) if an_hour else None
        return min(filter(None, (self.mailbox_cap_a_day, of_hours)), default=1)


UNRESTRICTED: Final = SendRules()


@dataclass(frozen=True, slots=True)
class SendLimits:
    """The ledger checks these by the database's clock when a touch is claimed; what is None is not limited.

    `opens_at` and `closes_at` are text of `instants.to_text`, `gap_s` is seconds, the rest are counts.
    """

    opens_at: str | None = None
    closes_at: str | None = None
    gap_s: float | None = None
    mailbox_a_day: int | None = None
    mailbox_an_hour: int | None = None
    domain: str | None = None
    domain_a_day: int | None = None


NO_LIMITS: Final = SendLimits()


@dataclass(frozen=True, slots=True)
class Window:
    """A time in which emails may leave: from `opens_at` to before `closes_at`."""

    opens_at: datetime
    closes_at: datetime

    def at(self, fraction: float) -> datetime:
        """The instant at this fraction, from 0 to below 1, of what is not kept free; the opening of a window that is short."""
        room = self.closes_at - self.opens_at - timedelta(seconds=KEPT_FREE_S)
        return self.opens_at + max(room, timedelta(0)) * fraction


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days and hours of one reader. `note` is empty unless the zone is a guess; then it says so."""

    days: frozenset[int]
    hours: Hours
    zone: ZoneInfo
    holidays: Container[date] = NO_HOLIDAYS
    note: str = ""

    def __str__(self) -> str:
        """Tell days, hours and zone in a few words."""
        return f"{tell_days(self.days)} {self.hours} in {self.zone.key}{f' ({self.note})' if self.note else ''}"

    def is_open(self, at: datetime) -> bool:
        """Tell whether an email may leave at this instant."""
        local = at.astimezone(self.zone)
        seconds = local.hour * 3600 + local.minute * 60 + local.second
        return self._is_working(local.date()) and self.hours.opens * 60 <= seconds < self.hours.closes * 60

    def next_opening(self, at: datetime) -> datetime:
        """The first instant at or after `at` at which an email may leave; an hour that comes twice opens at the first.

        Raises:
            ValueError: no day of the next two years is a working day.
        """
        if self.is_open(at):
            return at.astimezone(UTC)
        today = at.astimezone(self.zone).date()
        for day in range(_DAYS_SEARCHED):
            for opening in self._instants(today + timedelta(days=day), self.hours.opens):
                if opening >= at and self.is_open(opening):
                    return opening
        msg = f"no day within {_DAYS_SEARCHED} days is open: {self}"
        raise ValueError(msg)

    def window(self, at: datetime) -> Window:
        """The window that is open at `at`, from then on, or else the next one; it ends with its day."""
        opens_at = self.next_opening(at)
        today = opens_at.astimezone(self.zone).date()
        return Window(opens_at, min(end for end in self._instants(today, self.hours.closes) if end > opens_at))

    def place(self, free_at: datetime, *, ahead: int, a_window: int, fraction: float) -> datetime:
        """The instant for a touch with so many `ahead` of it, of which `a_window` leave a window, beginning at `free_at`."""
        window = self.window(free_at)
        for _ in range(ahead // a_window):
            window = self.window(window.closes_at)
        return window.at(fraction)

    def _is_working(self, day: date) -> bool:
        return day.weekday() in self.days and day not in self.holidays

    def _instants(self, day: date, minute: int) -> tuple[datetime, datetime]:
        """The instants at which clocks show this minute: one, or two where an hour comes twice.

        A time that clocks skip is the instant at which they skip it.
        """
        local = datetime.combine(day, time()) + timedelta(minutes=minute)
        first, second = (local.replace(tzinfo=self.zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if first <= second:
            return first, second
        before, after = int(second.timestamp()), int(first.timestamp())
        while after - before > 1:
            middle = (before + after) // 2
            if datetime.fromtimestamp(middle, self.zone).replace(tzinfo=None) < local:
                before = middle
            else:
                after = middle
        skipped_at = datetime.fromtimestamp(after, UTC)
        return skipped_at, skipped_at


def calendar_of(rules: SendRules, campaign: Campaign, dossier: Dossier) -> Calendar:
    """The days and hours for this contact: the campaign's before the rules', in the contact's own zone where it is known."""
    days, hours, country = campaign.get("send_days"), campaign.get("send_hours"), campaign.get("holiday_country")
    company = dossier["company"]
    of_company = company.get("time_zone") if company else None
    named = (dossier["contact"]["time_zone"], of_company, campaign.get("time_zone"))
    zone = next(filter(None, map(_zone, named)), None)
    return Calendar(
        days=read_days(days) if days else rules.days,
        hours=read_hours(hours) if hours else rules.hours,
        zone=zone or ZoneInfo("UTC"),
        holidays=rules.holidays_of(country) if country else NO_HOLIDAYS,
        note="" if zone else "neither contact, company nor campaign names a time zone",
    )


def _zone(name: str | None) -> ZoneInfo | None:
    """The zone of this name, or None where there is none."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def fraction_of(thread_id: str, step: int) -> float:
    """A number from 0 to below 1 that is always the same for this touch, and unlike its neighbours'."""
    digest = sha256(f"{thread_id}:{step}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def capped_domain(address: str) -> str | None:
    """The domain of a recipient whose mail is counted together, or None for one where strangers have their mailboxes."""
    domain = address.rpartition("@")[2].lower()
    return None if domain in FREE_MAIL_DOMAINS else domain
