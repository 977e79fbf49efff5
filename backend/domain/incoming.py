"""The types of what comes in from outside, as it is handed to `backend.intake`."""

from dataclasses import dataclass
from typing import NotRequired, TypedDict

from backend.domain.facts import Fact


class NewCompany(TypedDict):
    """A company as it comes in; an absent key keeps what is stored."""

    company_id: str
    name: str
    domain: NotRequired[str]
    time_zone: NotRequired[str]
    facts: list[Fact]


class NewContact(TypedDict):
    """A contact as it comes in; an absent key keeps what is stored."""

    contact_id: str
    address: str
    name: str
    title: NotRequired[str]
    time_zone: NotRequired[str]
    company: NotRequired[NewCompany]
    do_not_contact: NotRequired[bool]
    bounced: NotRequired[bool]
    unsubscribed: NotRequired[bool]
    replied: NotRequired[bool]


@dataclass(frozen=True, slots=True)
class IntakeCounts:
    """The numbers of contacts that were new, changed, or known exactly so."""

    created: int
    updated: int
    unchanged: int
