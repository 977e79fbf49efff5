"""What a request may hold: every field bounded, unknown keys refused, text cleaned before it is looked at.

Bodies are strict: the text "1" is no number. Ids are 1 to 64 letters, digits and . _ - and begin with a letter or digit.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Self, TypeAlias, cast
from zoneinfo import available_timezones

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from backend.domain.campaign import Campaign, Email
from backend.domain.facts import Fact
from backend.domain.incoming import NewCompany, NewContact
from backend.domain.instants import to_text
from backend.domain.suppression import CONTACT_FLAGS
from backend.domain.text import UNSAFE_IN_HEADER, clean, one_line
from backend.mail.address import read_address

MAX_BATCH = 500
MAX_FACTS = 50
MAX_LINKS = 20
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
DRAFT_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,139}$"

_LINK_PATTERN = r"""^https?://[^\s<>"')\]]*[^\s<>"')\].,;:!?]$"""
PATTERNS_IN_WORDS = {
    DRAFT_ID_PATTERN: "is not the id of a draft, such as close:ada:0:1",
    ID_PATTERN: "is not 1 to 64 letters, digits and . _ - that begin with a letter or digit",
    _LINK_PATTERN: "is not a link such as https://host.example/page: it has no blank, quote or bracket, and ends with no stop",
}
"""What a text must look like, for a person who has sent another."""


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


@lru_cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _read_instant(raw: Any) -> datetime:
    if not isinstance(raw, str):
        msg = "is not text such as 2026-11-22T09:30:00Z"
        raise ValueError(msg)  # noqa: TRY004  # pydantic turns a ValueError into a refusal and a TypeError into a crash
    try:
        return datetime.fromisoformat(raw)
    except ValueError:
        msg = "is not an instant such as 2026-11-22T09:30:00Z"
        raise ValueError(msg) from None


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        msg = "lies outside the years 1 to 9999 in UTC"
        raise ValueError(msg) from None


Identifier: TypeAlias = Annotated[str, Field(pattern=ID_PATTERN)]
Line: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=200), AfterValidator(one_line), AfterValidator(_check_not_blank)
]
HeaderLine: TypeAlias = Annotated[Line, AfterValidator(_check_header)]
Prose: TypeAlias = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(clean), AfterValidator(_check_not_blank)]
Letter: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=20_000), AfterValidator(clean), AfterValidator(_check_not_blank)
]
FactText: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=200_000), AfterValidator(clean), AfterValidator(_check_not_blank)
]
Remark: TypeAlias = Annotated[str, Field(max_length=2000), AfterValidator(clean)]
Address: TypeAlias = Annotated[
    str, Field(min_length=3, max_length=254, json_schema_extra={"format": "email"}), AfterValidator(_check_address)
]
Link: TypeAlias = Annotated[str, Field(max_length=500, pattern=_LINK_PATTERN)]
TimeZone: TypeAlias = Annotated[str, Field(max_length=64), AfterValidator(_check_time_zone)]
Instant: TypeAlias = Annotated[AwareDatetime, BeforeValidator(_read_instant), AfterValidator(_in_utc)]
DraftVersionNumber: TypeAlias = Annotated[int, Field(ge=1, le=1000)]


class Body(BaseModel):
    """What every request body keeps to."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _check_keys(cls, raw: Any) -> Any:
        """Refuse unknown keys in one sentence, however many they are, and repeat none."""
        known = cls.model_fields.keys()
        unknown = len(raw.keys() - known) if isinstance(raw, dict) else 0
        if unknown:
            msg = f"has {unknown} unknown key{'s'[: unknown > 1]}; what it may hold is {', '.join(known)}"
            raise ValueError(msg)
        return raw


# Contacts


class FactBody(Body):
    """One thing somebody found out about a company; `date` is when, with its offset."""

    field: Line
    value: FactText
    confidence: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
    source: Line
    date: Instant


class CompanyBody(Body):
    """A company with facts about it; a fact replaces the one with the same field and source."""

    company_id: Identifier
    name: Line
    domain: Annotated[Line, Field(max_length=253)] | None = None
    facts: Annotated[list[FactBody], Field(max_length=MAX_FACTS, fail_fast=True)] = []


class ContactBody(Body):
    """A contact; whatever is left out, or null, stays as it is stored."""

    contact_id: Identifier
    address: Address
    name: HeaderLine
    title: Line | None = None
    time_zone: TimeZone | None = None
    company: CompanyBody | None = None
    do_not_contact: bool | None = None
    bounced: bool | None = None
    unsubscribed: bool | None = None
    replied: bool | None = None

    def as_new(self) -> NewContact:
        """The contact as intake takes it."""
        given = self.model_dump(include={"contact_id", "address", "name", "title", "time_zone", *CONTACT_FLAGS})
        contact = cast("NewContact", {key: value for key, value in given.items() if value is not None})
        if self.company:
            contact["company"] = _company(self.company)
        return contact


class ContactsBody(Body):
    """Contacts to create or update together; no two have the same id."""

    contacts: Annotated[list[ContactBody], Field(min_length=1, max_length=MAX_BATCH, fail_fast=True)]

    @model_validator(mode="after")
    def _check_ids(self) -> Self:
        if len({contact.contact_id for contact in self.contacts}) < len(self.contacts):
            msg = "names a contact_id twice"
            raise ValueError(msg)
        return self


def _company(body: CompanyBody) -> NewCompany:
    facts = [
        Fact(
            field=fact.field,
            value=fact.value,
            confidence=fact.confidence,
            source=fact.source,
            observed_at=to_text(fact.date),
        )
        for fact in body.facts
    ]
    company = NewCompany(company_id=body.company_id, name=body.name, facts=facts)
    if body.domain is not None:
        company["domain"] = body.domain
    return company


# Campaigns


class SenderBody(Body):
    """Who signs and sends."""

    name: HeaderLine
    address: Address


class CampaignBody(Body):
    """A campaign; without a `campaign_id` it is given a new one. A draft may hold no link but the allowed ones."""

    campaign_id: Identifier | None = None
    name: Line
    offer: Prose
    sender: SenderBody
    allowed_links: Annotated[list[Link], Field(max_length=MAX_LINKS, fail_fast=True)] = []

    def as_campaign(self, campaign_id: str) -> Campaign:
        """The campaign under `campaign_id`."""
        return Campaign(
            campaign_id=campaign_id,
            name=self.name,
            offer=self.offer,
            sender_name=self.sender.name,
            sender_address=self.sender.address,
            allowed_links=self.allowed_links,
        )


class EnrolmentsBody(Body):
    """Whom to enrol: one `contact_id`, or a list of `contact_ids`."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["contact_ids"]}, {"required": ["contact_id"]}]})

    contact_ids: Annotated[list[Identifier], Field(min_length=1, max_length=MAX_BATCH, fail_fast=True)] | None = None
    contact_id: Identifier | None = None

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if (self.contact_ids is None) == (self.contact_id is None):
            msg = "names contact_ids or one contact_id, and not both"
            raise ValueError(msg)
        return self

    @property
    def wanted(self) -> list[str]:
        """The ids to enrol, each once, in order."""
        return list(dict.fromkeys([self.contact_id] if self.contact_id else self.contact_ids or []))


# Decisions and emails


class VersionBody(Body):
    """Which version is meant; without one, the version that waits."""

    version: DraftVersionNumber | None = None


class ApproveBody(VersionBody):
    """What a person has seen: the version, the recipient where it changed, and with `override` what the gate finds wrong."""

    recipient: Address | None = None
    override: bool = False


class EditBody(ApproveBody):
    """The text to send instead, exactly."""

    subject: HeaderLine
    body: Letter

    def as_email(self) -> Email:
        """The text as an email."""
        return Email(subject=self.subject, body=self.body)


class RegenerateBody(VersionBody):
    """What the next version should do otherwise, and whether it may be the text that needs no model."""

    feedback: Remark = ""
    accepts_default: bool = False


class StopBody(Body):
    """Why."""

    reason: Remark = ""


class ReasonBody(VersionBody):
    """Why."""

    reason: Remark = ""


class IncomingBody(Body):
    """An email that came in."""

    subject: Annotated[str, Field(max_length=500), AfterValidator(one_line)] = ""
    body: Letter


class EmailBody(Body):
    """Whom to write to, under which campaign, and the email to answer, if there is one."""

    campaign_id: Identifier
    contact_id: Identifier
    incoming: IncomingBody | None = None
