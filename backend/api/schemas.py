"""The bodies of requests: every field is bounded, and unknown keys are refused.

Bodies are strict: the text "1" is no number.
"""

from typing import Annotated, Any, Literal, Self, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from backend.api.fields import (
    DRAFT_ID_PATTERN,
    Address,
    Country,
    DraftVersionNumber,
    FactText,
    HeaderLine,
    Identifier,
    Instant,
    Letter,
    Line,
    Link,
    Prose,
    Remark,
    SendDays,
    SendHours,
    TimeZone,
    WideScope,
)
from backend.domain.campaign import CAMPAIGN_OPTIONS, Campaign, Email
from backend.domain.facts import Fact
from backend.domain.incoming import NewCompany, NewContact
from backend.domain.instants import to_text
from backend.domain.stops import ReplyRule, StopAction
from backend.domain.suppression import CONTACT_FLAGS
from backend.domain.text import one_line

MAX_BATCH = 500
MAX_FACTS = 50
MAX_LINKS = 20
MAX_BULK = 100
MAX_BULK_REASON_CHARS = 500


class Body(BaseModel):
    """Every request body keeps to these rules."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _check_keys(cls, raw: Any) -> Any:
        """Refuse unknown keys in one sentence, however many they are, and repeat none."""
        known = cls.model_fields.keys()
        given = cast("dict[str, Any]", raw) if isinstance(raw, dict) else {}
        unknown = len(given.keys() - known)
        if unknown:
            msg = f"has {unknown} unknown key{'s'[: unknown > 1]}; what it may hold is {', '.join(known)}"
            raise ValueError(msg)
        return cast("Any", raw)


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
    time_zone: TimeZone | None = None
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

    contacts: Annotated[
        list[ContactBody],
        Field(min_length=1, max_length=MAX_BATCH, fail_fast=True, json_schema_extra={"uniqueItems": True}),
    ]

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
    if body.time_zone is not None:
        company["time_zone"] = body.time_zone
    return company


# Campaigns


class SenderBody(Body):
    """The person who signs and sends."""

    name: HeaderLine
    address: Address


class CampaignBody(Body):
    """A campaign; without a `campaign_id` it is given a new one. A draft may hold no link but the allowed ones.

    Answers go to `reply_to`, or without one to the sender. The `postal_address` stands on a line below every email.

    Its emails leave on `send_days` in `send_hours` by the contact's clocks, by those of `time_zone` where the contact's are not
    known, and not on public holidays of `holiday_country`; what is left out, the settings say. When a
    colleague at the same company replied, a thread goes on unless `on_colleague_reply` says hold or stop.
    """

    campaign_id: Identifier | None = None
    name: Line
    offer: Prose
    sender: SenderBody
    allowed_links: Annotated[list[Link], Field(max_length=MAX_LINKS, fail_fast=True)] = []
    reply_to: Address | None = None
    postal_address: Line | None = None
    send_days: SendDays | None = None
    send_hours: SendHours | None = None
    time_zone: TimeZone | None = None
    holiday_country: Country | None = None
    on_colleague_reply: ReplyRule | None = None

    def as_campaign(self, campaign_id: str) -> Campaign:
        """The campaign under `campaign_id`."""
        campaign = Campaign(
            campaign_id=campaign_id,
            name=self.name,
            offer=self.offer,
            sender_name=self.sender.name,
            sender_address=self.sender.address,
            allowed_links=self.allowed_links,
            reply_to=self.reply_to or "",
            postal_address=self.postal_address or "",
        )
        for option in CAMPAIGN_OPTIONS:
            if (value := getattr(self, option)) is not None:
                campaign[option] = value
        return campaign


def _exactly_one(schema: dict[str, Any]) -> None:
    """Say in a schema that exactly one of its members is given, and is not null."""
    schema |= {"minProperties": 1, "maxProperties": 1}
    for member in schema["properties"].values():
        del member["default"]
        member.update(member.pop("anyOf")[0])


class EnrolmentsBody(Body):
    """The contacts to enrol: one `contact_id`, or a list of `contact_ids`."""

    model_config = ConfigDict(json_schema_extra=_exactly_one)

    contact_ids: Annotated[list[Identifier], Field(min_length=1, max_length=MAX_BATCH, fail_fast=True)] | None = None
    contact_id: Identifier | None = None

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if len(self.model_fields_set) != 1 or (self.contact_ids is None) == (self.contact_id is None):
            msg = "names contact_ids or one contact_id, and not both"
            raise ValueError(msg)
        return self

    @property
    def wanted(self) -> list[str]:
        """The ids to enrol, each once, in order."""
        return list(dict.fromkeys([self.contact_id] if self.contact_id else self.contact_ids or []))


# Decisions and emails


class VersionBody(Body):
    """The version that is meant; without one, the version that waits."""

    version: DraftVersionNumber | None = None


class ApproveBody(VersionBody):
    """A person has seen this: the version, the recipient where it changed, and with `override` what the gate finds wrong."""

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
    """The next version should do this otherwise, and whether it may be the text that needs no model."""

    feedback: Remark = ""
    accepts_default: bool = False


class BulkItemBody(ApproveBody):
    """One decision among others; `reason` is for a rejection or a stop, `recipient` and `override` for an approval."""

    draft_id: Annotated[str, Field(pattern=DRAFT_ID_PATTERN)]
    decision: Literal["approve", "reject", "stop"]
    reason: Annotated[Remark, Field(max_length=MAX_BULK_REASON_CHARS)] = ""


class BulkBody(Body):
    """Decisions to make together."""

    decisions: Annotated[list[BulkItemBody], Field(min_length=1, max_length=MAX_BULK, fail_fast=True)]


class FlagBody(Body):
    """The way a flag is to stand, and the reason."""

    on: bool
    why: Remark = ""


class StopBody(Body):
    """The reason."""

    reason: Remark = ""


class StopsBody(Body):
    """Somebody says this of a scope, and why."""

    action: StopAction
    why: Remark = ""


class WideStopsBody(StopsBody):
    """Somebody says this of everything, or of a mailbox, and why."""

    scope: WideScope


class ReasonBody(VersionBody):
    """The reason."""

    reason: Remark = ""


class ResolveBody(Body):
    """The outcome of a send, as a person found it at the provider."""

    delivered: bool


class IncomingBody(Body):
    """An email that came in."""

    subject: Annotated[str, Field(max_length=500), AfterValidator(one_line)] = ""
    body: Letter


class EmailBody(Body):
    """The contact to write to, the campaign, and the email to answer, if there is one."""

    campaign_id: Identifier
    contact_id: Identifier
    incoming: IncomingBody | None = None
