"""One field of a request may hold this, in the code and, as nearly as JSON Schema can say it, in the document.

Text is bounded, cleaned before it is looked at, and holds something to see. Ids are 1 to 64 letters, digits and . _ - and begin
with a letter or digit.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, TypeAlias
from zoneinfo import available_timezones

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field
from pydantic.config import JsonDict

from backend.domain.schedule import DAY_NAMES, read_hours
from backend.domain.text import UNSAFE_IN_HEADER, clean, one_line
from backend.mail.address import read_address

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
THREAD_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}:[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
SEND_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}:[A-Za-z0-9][A-Za-z0-9._-]{0,63}:[0-9]{1,3}:[0-9]{1,15}$"
KEY_PATTERN = r"^[\x21-\x7e]{1,200}$"
DRAFT_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,139}$"
LINK_PATTERN = r"""^https?://[^\s\u0000-\u001f\u007f-\u009f<>"')\]]*[^\s\u0000-\u001f\u007f-\u009f<>"')\].,;:!?]$"""
INSTANT_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$"
_DAYS = rf"({'|'.join(DAY_NAMES)})(-({'|'.join(DAY_NAMES)}))?"
SEND_DAYS_PATTERN = rf"^{_DAYS}(,{_DAYS}){{0,6}}$"
COUNTRY_PATTERN = r"^[A-Z]{2}$"
WIDE_SCOPE_PATTERN = r"^(everything|mailbox:[^\s:@]{1,64}@[A-Za-z0-9.-]{1,180})$"
SCOPE_PATTERN = r"^[a-z]{5,10}(:[^\s:]{1,256}){0,2}$"
PATTERNS_IN_WORDS = {
    WIDE_SCOPE_PATTERN: "is neither everything nor a mailbox, such as mailbox:ben@vendor.example",
    SEND_DAYS_PATTERN: "is not days such as mon-fri or mon,wed,sat-sun",
    COUNTRY_PATTERN: "is not a country by two capital letters, such as DE",
    SEND_ID_PATTERN: "is not the id of a send, such as close:ada:0:2",
    DRAFT_ID_PATTERN: "is not the id of a draft, such as close:ada:0:1",
    KEY_PATTERN: "is not 1 to 200 visible ASCII characters without a blank",
    ID_PATTERN: "is not 1 to 64 letters, digits and . _ - that begin with a letter or digit",
    LINK_PATTERN: (
        "is not a link such as https://host.example/page: it has no blank, quote, bracket or control character, "
        "and ends with no stop"
    ),
}
"""The shape of a text in words, for a person who has sent another."""

# Beyond white space, what `clean` takes away. The tags of plane 14 stand as themselves: no escape for them is read by every
# dialect of patterns.
_SEEN = (
    r"[^\s\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]"
)
_ENCODED = r"=\?"
_SHOWS_SOMETHING: JsonDict = {"pattern": _SEEN}
_SHOWS_SOMETHING_UNENCODED: JsonDict = {"pattern": rf"^(?![\s\S]*{_ENCODED})[\s\S]*{_SEEN}"}


def _check_not_blank(text: str) -> str:
    if not text:
        msg = "holds no visible character"
        raise ValueError(msg)
    return text


def _check_header(text: str) -> str:
    if UNSAFE_IN_HEADER.search(text):
        msg = "holds a control character or '=?', which a mail header may not"
        raise ValueError(msg)
    return text


def _check_address(text: str) -> str:
    return read_address(text).normalized


def _check_time_zone(name: str) -> str:
    if name not in _time_zones():
        msg = "is not a time zone of the IANA database, such as Pacific/Auckland"
        raise ValueError(msg)
    return name


def _check_hours(text: str) -> str:
    return str(read_hours(text))


@lru_cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _read_instant(raw: Any) -> datetime:
    msg = "is not an instant such as 2026-11-22T09:30:00Z"
    if not isinstance(raw, str) or not re.fullmatch(INSTANT_PATTERN, raw, re.ASCII):
        raise ValueError(msg)
    try:
        return datetime.fromisoformat(raw)
    except ValueError:
        raise ValueError(msg) from None


def _read_whole(raw: Any) -> Any:
    """JSON has one kind of number: 2.0 is 2."""
    return int(raw) if isinstance(raw, float) and raw.is_integer() else raw


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        msg = "lies outside the years 1 to 9999 in UTC"
        raise ValueError(msg) from None


Identifier: TypeAlias = Annotated[str, Field(pattern=ID_PATTERN)]
Line: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=200, json_schema_extra=_SHOWS_SOMETHING),
    AfterValidator(one_line),
    AfterValidator(_check_not_blank),
]
HeaderLine: TypeAlias = Annotated[Line, Field(json_schema_extra=_SHOWS_SOMETHING_UNENCODED), AfterValidator(_check_header)]
Prose: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=2000, json_schema_extra=_SHOWS_SOMETHING),
    AfterValidator(clean),
    AfterValidator(_check_not_blank),
]
Letter: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=20_000, json_schema_extra=_SHOWS_SOMETHING),
    AfterValidator(clean),
    AfterValidator(_check_not_blank),
]
FactText: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=200_000, json_schema_extra=_SHOWS_SOMETHING),
    AfterValidator(clean),
    AfterValidator(_check_not_blank),
]
Remark: TypeAlias = Annotated[str, Field(max_length=2000), AfterValidator(clean)]
Address: TypeAlias = Annotated[
    str, Field(min_length=3, max_length=254, json_schema_extra={"format": "email"}), AfterValidator(_check_address)
]
Link: TypeAlias = Annotated[str, Field(max_length=500, pattern=LINK_PATTERN)]
TimeZone: TypeAlias = Annotated[
    str, Field(max_length=64, json_schema_extra={"format": "iana-time-zone"}), AfterValidator(_check_time_zone)
]
SendDays: TypeAlias = Annotated[str, Field(pattern=SEND_DAYS_PATTERN)]
SendHours: TypeAlias = Annotated[
    str, Field(max_length=11, json_schema_extra={"format": "hours-of-a-day"}), AfterValidator(_check_hours)
]
WideScope: TypeAlias = Annotated[str, Field(pattern=WIDE_SCOPE_PATTERN)]
Country: TypeAlias = Annotated[str, Field(pattern=COUNTRY_PATTERN)]
Instant: TypeAlias = Annotated[
    AwareDatetime,
    Field(json_schema_extra={"pattern": INSTANT_PATTERN}),
    BeforeValidator(_read_instant),
    AfterValidator(_in_utc),
]
DraftVersionNumber: TypeAlias = Annotated[int, Field(ge=1, le=1000), BeforeValidator(_read_whole)]
