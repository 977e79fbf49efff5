"""Drafts: what waits for a person, what each rests on, and the five decisions."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Response

from backend.api.bodies import IMPORT_BODY_BYTES, LETTER_BODY_BYTES
from backend.api.cron import Sweeps, get_sweeps
from backend.api.fields import DRAFT_ID_PATTERN, ID_PATTERN, KEY_PATTERN
from backend.api.operations import operation
from backend.api.problems import Problem, document_of
from backend.api.schemas import ApproveBody, BulkBody, BulkItemBody, EditBody, ReasonBody, RegenerateBody
from backend.api.security import GuardedRoute, Who, Wired
from backend.domain.access import Principal
from backend.domain.campaign import Decision, DecisionRequest
from backend.errors import (
    AddresseeChanged,
    DecisionUnderWay,
    DraftAlreadyDecided,
    DraftKept,
    DraftNamedTwice,
    DraftNoLongerWaits,
    DraftNotReady,
    DraftUnfit,
    DraftVersionStale,
    DraftWithdrawn,
    KeyReused,
    MailRefused,
    TextRefused,
    TooManyVersions,
    UnknownCampaign,
    UnknownDraft,
)
from backend.mail.message import render
from backend.read_models import DraftCard, DraftPage
from backend.sweeps import RunStatus
from backend.wiring import Service

router = APIRouter(prefix="/drafts", tags=["drafts"], route_class=GuardedRoute)

_CURSOR_PATTERN = r"^[0-9TZ:.-]{1,32}~[A-Za-z0-9._:-]{1,140}$"
_RFC822 = "message/rfc822"
_MESSAGE: Mapping[int, Any] = {
    int(HTTPStatus.OK): {
        "description": "The message, as RFC 5322 has it.",
        "content": {_RFC822: {"schema": {"type": "string"}}},
    }
}
DraftId = Annotated[str, Path(pattern=DRAFT_ID_PATTERN)]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=KEY_PATTERN,
        description="A text of your own that names this request: sent again with the same body it is answered as it was "
        "first, and decides nothing twice. The same key with another body is 422.",
    ),
]

_ANY_DECISION = (
    *(UnknownDraft, DraftAlreadyDecided, DraftVersionStale, DraftNoLongerWaits, DraftWithdrawn),
    *(KeyReused, DecisionUnderWay),
)
_DECISION = operation("rep", "operator", within_reach=True, errors=[*_ANY_DECISION])
_APPROVAL = operation("rep", "operator", within_reach=True, errors=[*_ANY_DECISION, AddresseeChanged, DraftNotReady])
_BULK = operation("rep", "operator", within_reach=True, errors=[KeyReused], max_body_bytes=IMPORT_BODY_BYTES)
_EDIT = operation(
    "rep",
    "operator",
    within_reach=True,
    errors=[*_ANY_DECISION, AddresseeChanged, TextRefused],
    max_body_bytes=LETTER_BODY_BYTES,
)
_REGENERATION = operation("rep", "operator", within_reach=True, errors=[*_ANY_DECISION, TooManyVersions, DraftKept])


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionAnswer:
    """A decision did this: it is durable, and `status` says where it left the thread.

    `next_draft_id` is the version that waits now, after a regeneration. With an `error` the decision stands and its run is
    made again at `next_touch_at`, or waits for an operator when the thread is parked.
    """

    draft_id: str
    decision: Decision
    decided_by: str
    thread_id: str
    status: RunStatus
    reason: str
    step: int
    sent: bool
    next_draft_id: str | None
    next_touch_at: str | None
    error: str


@dataclass(frozen=True, slots=True)
class BulkResult:
    """One decision of many: it is durable, or `problem` says why it is not."""

    draft_id: str
    decision: Decision
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class BulkAnswer:
    """Each decision has its result here, in the order they were asked; `decided` and `refused` count them."""

    results: list[BulkResult]
    decided: int
    refused: int


@router.get("", **operation("rep", "operator", within_reach=True, errors=[UnknownCampaign]))
async def list_drafts(
    service: Wired,
    who: Who,
    campaign_id: Annotated[str | None, Query(pattern=ID_PATTERN)] = None,
    cursor: Annotated[str | None, Query(pattern=_CURSOR_PATTERN, description="`next_cursor` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> DraftPage:
    """List the drafts that wait for a person, the oldest first."""
    return await service.views.drafts(campaign_id=campaign_id, cursor=cursor, limit=limit, reach=who.reach)


@router.get("/{draft_id}", **operation("rep", "operator", within_reach=True, errors=[UnknownDraft]))
async def read_draft(draft_id: DraftId, service: Wired, who: Who) -> DraftCard:
    """Read one draft as a person decides on it: the text, whom it is to, what it rests on, the touch's other versions."""
    return await service.views.draft(draft_id, reach=who.reach)


@router.get(
    "/{draft_id}/preview",
    **operation("rep", "operator", within_reach=True, errors=[UnknownDraft, DraftUnfit], responses=_MESSAGE),
    response_class=Response,
)
async def preview_draft(draft_id: DraftId, service: Wired, who: Who) -> Response:
    """Show the very bytes that would leave, headers, text and HTML; its Date is when the draft was written.

    Once the send was claimed they are the bytes of that email. No provider is asked, and nothing is written.
    """
    email = await service.previews.email(draft_id, reach=who.reach)
    try:
        return Response(render(email), media_type=_RFC822)
    except MailRefused as refusal:
        raise DraftUnfit(draft_id, str(refusal)) from None


@router.post("/{draft_id}/approve", **_APPROVAL)
async def approve_draft(
    draft_id: DraftId, service: Wired, who: Who, body: ApproveBody | None = None, key: Key = None
) -> DecisionAnswer:
    """Send the draft exactly as it stands, to the recipient it was written for."""
    seen = body or ApproveBody()
    request = DecisionRequest("approve", who.name, seen.version, recipient=seen.recipient, override=seen.override)
    return await _decide(service, who, draft_id, request, key)


@router.post("/{draft_id}/edit", **_EDIT)
async def edit_draft(draft_id: DraftId, service: Wired, who: Who, body: EditBody, key: Key = None) -> DecisionAnswer:
    """Send this text instead; the draft as it was written is kept beside it.

    A link the campaign does not allow, a field nobody filled, or no opt-out line is 422, unless it is meant so: `override`.
    """
    request = DecisionRequest(
        "edit", who.name, body.version, edited=body.as_email(), recipient=body.recipient, override=body.override
    )
    return await _decide(service, who, draft_id, request, key)


@router.post("/{draft_id}/regenerate", **_REGENERATION)
async def regenerate_draft(
    draft_id: DraftId, service: Wired, who: Who, body: RegenerateBody | None = None, key: Key = None
) -> DecisionAnswer:
    """Have a new version written with this feedback in mind; from the fifth version on none is written."""
    wish = body or RegenerateBody()
    request = DecisionRequest(
        "regenerate", who.name, wish.version, feedback=wish.feedback, accepts_default=wish.accepts_default
    )
    return await _decide(service, who, draft_id, request, key)


@router.post("/{draft_id}/reject", **_DECISION)
async def reject_draft(
    draft_id: DraftId, service: Wired, who: Who, body: ReasonBody | None = None, key: Key = None
) -> DecisionAnswer:
    """Send nothing for this touch; the sequence goes on after the next gap."""
    reason = body.reason if body else ""
    request = DecisionRequest("reject", who.name, _version(body), reason=reason)
    return await _decide(service, who, draft_id, request, key)


@router.post("/{draft_id}/stop", **_DECISION)
async def stop_sequence(
    draft_id: DraftId, service: Wired, who: Who, body: ReasonBody | None = None, key: Key = None
) -> DecisionAnswer:
    """Send nothing any more: the sequence ends here."""
    reason = body.reason if body else ""
    request = DecisionRequest("stop", who.name, _version(body), reason=reason)
    return await _decide(service, who, draft_id, request, key)


@router.post("/bulk", **_BULK)
async def decide_together(
    service: Wired,
    who: Who,
    sweeps: Annotated[Sweeps, Depends(get_sweeps)],
    body: BulkBody,
    key: Key = None,
) -> BulkAnswer:
    """Make up to a hundred decisions in one request: each stands or fails alone, and a sweep acts on those that stand."""
    asked: dict[str, DecisionRequest] = {}
    for item in body.decisions:
        asked.setdefault(item.draft_id, _request(item, who, key))
    refusals = await service.campaigns.decide_together(asked)
    results: list[BulkResult] = []
    for item in body.decisions:
        refusal = refusals.pop(item.draft_id, DraftNamedTwice(item.draft_id))
        results.append(BulkResult(item.draft_id, item.decision, Problem(**document_of(refusal)) if refusal else None))
    decided = sum(result.problem is None for result in results)
    if decided:
        sweeps.ask()
    return BulkAnswer(results, decided, len(results) - decided)


def _request(item: BulkItemBody, who: Principal, key: str | None) -> DecisionRequest:
    return DecisionRequest(
        item.decision,
        who.name,
        item.version,
        reason=item.reason,
        recipient=item.recipient,
        override=item.override,
        reach=who.reach,
        key=key or "",
    )


def _version(body: ReasonBody | None) -> int | None:
    return body.version if body else None


async def _decide(service: Service, who: Principal, draft_id: str, request: DecisionRequest, key: str | None) -> DecisionAnswer:
    report = await service.campaigns.decide(draft_id, replace(request, reach=who.reach, key=key or ""))
    return DecisionAnswer(
        draft_id=draft_id,
        decision=request.decision,
        decided_by=request.principal,
        thread_id=report.thread_id,
        status=report.status,
        reason=report.reason,
        step=report.step,
        sent=report.sent,
        next_draft_id=report.draft_id,
        next_touch_at=report.next_touch_at,
        error=report.error,
    )
