"""The shape of one line of a golden dataset; `datasets/example.schema.json` is this shape for readers without Python."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from backend.domain.campaign import MemoryKind
from backend.domain.languages import LANGUAGES

Text = Annotated[str, Field(min_length=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Touches = Annotated[int, Field(ge=1, le=6)]
Count = Annotated[int, Field(ge=0, le=240)]
Instant = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$")]
Language = Annotated[str, Field(json_schema_extra={"enum": list(LANGUAGES)}, pattern=f"^({'|'.join(LANGUAGES)})$")]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class CampaignShape(_Shape):
    """A `backend.domain.campaign.Campaign`."""

    campaign_id: Text
    name: Text
    offer: Text
    sender_name: Text
    sender_address: Text
    allowed_links: list[str]


class ContactShape(_Shape):
    """A `backend.domain.campaign.Contact`."""

    contact_id: Text
    company_id: str | None
    address: Text
    name: str
    title: str
    time_zone: str | None
    do_not_contact: bool
    bounced: bool
    unsubscribed: bool
    replied: bool


class CompanyShape(_Shape):
    """A `backend.domain.campaign.Company`."""

    company_id: Text
    name: Text
    domain: str | None


class FactShape(_Shape):
    """A `backend.domain.facts.Fact`."""

    field: Text
    value: Text
    confidence: Share
    source: Text
    observed_at: Instant


class PastTouchShape(_Shape):
    """A `backend.domain.campaign.PastTouch`."""

    step: Annotated[int, Field(ge=0)]
    subject: Text
    body: Text
    sent_at: Instant


class MemoryShape(_Shape):
    """A `backend.domain.campaign.Memory`."""

    kind: MemoryKind
    text: Text


class EmailShape(_Shape):
    """A `backend.domain.campaign.Email`."""

    subject: str
    body: Text


class Inputs(_Shape):
    """A run is given this: what the service would have read from its database, and the email to answer, if one came in."""

    campaign: CampaignShape
    contact: ContactShape
    company: CompanyShape | None
    facts: list[FactShape]
    history: list[PastTouchShape]
    memories: list[MemoryShape]
    suppressed: bool
    incoming: EmailShape | None


class Expected(_Shape):
    """A good answer is held to this.

    One text of `must_use` stands in the emails, none of `must_not_contain` does, and none of `better_not`: what is unsure or
    overtaken. `words` bounds a letter's length, `asks` what it asks for. `silent` expects that nothing is written at all, and
    `researcher` whether facts are worth a researcher, or nothing where either is right.
    """

    language: Language
    must_use: list[Text]
    must_not_contain: list[Text]
    better_not: list[Text]
    words: Annotated[list[Count], Field(min_length=2, max_length=2)]
    asks: Annotated[list[Count], Field(min_length=2, max_length=2)]
    max_touches: Touches
    researcher: bool | None
    silent: bool


class ExampleLine(_Shape):
    """One line of a dataset: exactly these keys."""

    example_id: Annotated[str, Field(pattern=r"^[a-z0-9-]{3,80}$")]
    inputs: Inputs
    expected: Expected
    cluster: Annotated[str, Field(pattern=r"^[a-z0-9-]{3,40}$")]
    slice: Literal[
        "rich",
        "thin",
        "bare",
        "contradictory",
        "unsure",
        "hostile",
        "follow_up",
        "question",
        "objection",
        "referral",
        "later",
        "out_of_office",
        "unsubscribe",
        "blocked",
    ]
    language: Language
