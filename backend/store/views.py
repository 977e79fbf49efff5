"""Reads for people and their screens, each in one request; the plan and the decisions' provenance come from the checkpoint."""

import json
from collections.abc import Sequence
from typing import Any

from backend.checkpointer.saver import D1Saver
from backend.d1.clock import NOW
from backend.d1.statements import Database, Row, Statement
from backend.domain.access import EVERYWHERE, Reach
from backend.domain.campaign import TouchRecord, draft_id_of, thread_id_of, touch_of
from backend.domain.closing import footer_of
from backend.domain.facts import MAX_COMPANY_FACTS
from backend.domain.flags import Flags
from backend.domain.stops import COLLEAGUE_REPLIED
from backend.domain.unsubscribe import NO_LINKS, UnsubscribeLinks, key_of_touch
from backend.errors import (
    UnknownCampaign,
    UnknownDraft,
)
from backend.graphs.campaign_graph import CampaignState, CoachPlan, plan_in_force
from backend.read_models import (
    AddresseeView,
    DecisionView,
    DraftCard,
    DraftPage,
    DraftVersion,
    EmailView,
    FactView,
    PlanView,
    ProvenanceView,
    RecipientView,
    SenderView,
    SendView,
    ThreadView,
    TouchView,
    WaitingBecause,
    WaitingCode,
)
from backend.store.cases import decision_of
from backend.store.draft_pages import draft_id_in, select_page, take_page
from backend.store.flags import READ_FLAGS, take_flags
from backend.store.known import look_up_campaign, look_up_pair, thread_of_pair, within
from backend.store.runs import WAITING_FOR_A_PERSON
from backend.store.states import read_state
from backend.store.stopped import PAUSED_WHY

_THREAD = f"""
SELECT *, COALESCE(lease_until_at > {NOW}, 0) AS leased, {NOW} AS now, {PAUSED_WHY} AS paused_why FROM threads
WHERE thread_id = ?1"""
_VERSIONS = "SELECT * FROM drafts WHERE thread_id = ?1 ORDER BY step, version"
_SENDS = "SELECT * FROM send_ledger WHERE thread_id = ?1"

_CARD = f"""
SELECT drafts.*, contact_id, contacts.name AS contact_name, contacts.title, contacts.address, companies.name AS company_name,
  companies.domain AS company_domain, campaigns.sender_name AS campaign_sender_name,
  campaigns.sender_address AS campaign_sender_address, campaigns.reply_to, campaigns.postal_address
FROM drafts JOIN threads USING (thread_id) JOIN contacts USING (contact_id)
JOIN campaigns ON campaigns.campaign_id = drafts.campaign_id LEFT JOIN companies USING (company_id)
WHERE drafts.thread_id = ?1 AND drafts.step = ?2 AND drafts.version = ?3 AND {within("drafts.campaign_id", "?4")}"""
_OTHER_VERSIONS = "SELECT * FROM drafts WHERE thread_id = ?1 AND step = ?2 AND version <> ?3 ORDER BY version"
_FACTS = """
SELECT field, value, confidence, source, observed_at
FROM threads JOIN contacts USING (contact_id) JOIN company_facts USING (company_id)
WHERE threads.thread_id = ?1 ORDER BY confidence DESC, field, source LIMIT ?2"""


class D1Views:
    """`read_models.Views` over D1. `flags` are the defaults the stored flags are laid over; `links` stand in footers."""

    def __init__(self, database: Database, saver: D1Saver, flags: Flags, links: UnsubscribeLinks = NO_LINKS) -> None:
        self._database = database
        self._saver = saver
        self._flags = flags
        self._links = links

    async def thread(self, campaign_id: str, contact_id: str, *, reach: Reach = EVERYWHERE) -> ThreadView:
        """See `read_models.Views.thread`."""
        thread_id = thread_id_of(campaign_id, contact_id)
        results = await self._database.batch(
            [
                *look_up_pair(campaign_id, contact_id, reach),
                Statement(_THREAD, (thread_id,)),
                READ_FLAGS,
                Statement(_VERSIONS, (thread_id,)),
                Statement(_SENDS, (thread_id,)),
                *self._saver.latest_statements(thread_id),
            ]
        )
        thread = thread_of_pair(results[:3], campaign_id, contact_id)
        drafts, sends = (result.rows for result in results[4:6])
        state, damage = await read_state(self._saver, thread_id, results[6:])
        stored = take_flags(self._flags, results[3])
        return _thread_view(thread, state, stored, _touches(drafts, sends, state), damage)

    async def drafts(
        self, *, campaign_id: str | None = None, cursor: str | None = None, limit: int = 50, reach: Reach = EVERYWHERE
    ) -> DraftPage:
        """See `read_models.Views.drafts`."""
        page = select_page(campaign_id, cursor, limit, reach)
        found, campaigns = await self._database.batch([page, look_up_campaign(campaign_id, reach)])
        if campaign_id is not None and not campaigns.rows:
            raise UnknownCampaign(campaign_id)
        return take_page(found, limit)

    async def draft(self, draft_id: str, *, reach: Reach = EVERYWHERE) -> DraftCard:
        """See `read_models.Views.draft`."""
        touch = touch_of(draft_id)
        if touch is None:
            raise UnknownDraft(draft_id)
        card, others, facts, flags, *checkpoint = await self._database.batch(
            [
                Statement(_CARD, (*touch, reach.as_json)),
                Statement(_OTHER_VERSIONS, touch),
                Statement(_FACTS, (touch[0], MAX_COMPANY_FACTS)),
                READ_FLAGS,
                *self._saver.latest_statements(touch[0]),
            ]
        )
        if not card.rows:
            raise UnknownDraft(draft_id)
        row = card.rows[0]
        state, _ = await read_state(self._saver, touch[0], checkpoint)
        plan = plan_in_force(state, take_flags(self._flags, flags))
        link = self._links.link_of(key_of_touch(*touch[:2]))
        return DraftCard(
            **_version_fields(row),
            thread_id=row["thread_id"],
            campaign_id=row["campaign_id"],
            step=row["step"],
            sender=SenderView(row["sender_name"], row["sender_address"]),
            contact=RecipientView(
                contact_id=row["contact_id"],
                name=row["recipient_name"],
                address=row["recipient_address"],
                title=row["title"],
                company_name=row["company_name"],
                company_domain=row["company_domain"],
            ),
            reply_to=row["reply_to"] or row["sender_address"],
            footer=footer_of(row["body"], row["postal_address"], link),
            addressee_now=_addressee_now(row),
            stop_criteria=plan["stop_criteria"] if plan else None,
            facts=[FactView(**fact) for fact in facts.rows],
            other_versions=[_version(other) for other in others.rows],
        )


def _addressee_now(row: Row) -> AddresseeView | None:
    """Show whom the email would go to now, where that is not whom the draft was written for."""
    now = (row["contact_name"], row["address"], row["campaign_sender_name"], row["campaign_sender_address"])
    written_for = (row["recipient_name"], row["recipient_address"], row["sender_name"], row["sender_address"])
    return AddresseeView(*now) if row["status"] == "pending" and now != written_for else None


def _thread_view(row: Row, state: CampaignState, flags: Flags, touches: list[TouchView], damage: str) -> ThreadView:
    plan, waits = state.get("coach_plan"), row["status"] == "awaiting_approval"
    return ThreadView(
        thread_id=row["thread_id"],
        campaign_id=row["campaign_id"],
        contact_id=row["contact_id"],
        status=row["status"],
        status_reason=row["status_reason"],
        step=row["step"],
        attempts=row["attempts"],
        enrolled_at=row["enrolled_at"],
        next_touch_at=row["next_touch_at"],
        waiting_draft_id=_waiting_draft_id(row) if waits else None,
        waiting_because=_why_it_waits(row),
        plan=_plan(plan) if plan else None,
        plan_in_force=plan_in_force(state, flags) is not None,
        touches=touches,
        damage=damage,
    )


def _waiting_draft_id(row: Row) -> str:
    return draft_id_of(row["thread_id"], row["step"], row["draft_version"])


def _why_it_waits(row: Row) -> WaitingBecause | None:
    """The first reason that holds; None for a thread that ended."""
    status, touch, due_at, now = row["status"], f"Touch {row['step'] + 1}", row["next_touch_at"] or "", row["now"]
    if status in {"completed", "stopped"}:
        return None
    reasons: list[tuple[bool, WaitingCode, str]] = [
        (bool(row["leased"]), "running", f"A run of {touch.lower()} is under way."),
        (status == "awaiting_approval", "approval", f"{touch} waits for a person to decide {_waiting_draft(row)}."),
        (status == "parked", "parked", f"{touch} was given up and needs an operator: {row['status_reason']}"),
        (bool(row["paused_why"]), "paused", f"{touch} waits until it is resumed: {row['paused_why']}."),
        (row["waiting_code"] == "reply", "reply", f"{touch} waits for a person to resume or stop it: {COLLEAGUE_REPLIED}."),
        (row["attempts"] > 0, "retry", f"{touch} failed {row['attempts']} time(s) and is tried again at {due_at}."),
        (
            status == "decided" and due_at > now,
            row["waiting_code"] or "deferred",
            f"{touch} is decided and waits until {due_at}. {row['status_reason']}",
        ),
        (status == "decided", "decided", f"{touch} is decided, and the next sweep acts on it."),
        (due_at > now, "gap", f"{touch} is due at {due_at}, when the gap before it has passed."),
        (True, "sweep", f"{touch} is due, and the next sweep takes it up."),
    ]
    until = None if row["leased"] or row["paused_why"] else row["next_touch_at"]
    return next(WaitingBecause(code, sentence, until) for holds, code, sentence in reasons if holds)


def _waiting_draft(row: Row) -> str:
    """The draft a thread waits with, and why it waits again if a person decided it once."""
    named = f"draft '{_waiting_draft_id(row)}'"
    return named if row["status_reason"] == WAITING_FOR_A_PERSON else f"{named}. {row['status_reason'].rstrip('.')}"


def _touches(drafts: Sequence[Row], sends: Sequence[Row], state: CampaignState) -> list[TouchView]:
    records = {record["step"]: record for record in state.get("touches", [])}
    reserved = {row["step"]: row for row in sends}
    return [
        _touch(step, [_version(row) for row in drafts if row["step"] == step], records.get(step), reserved.get(step))
        for step in sorted({row["step"] for row in drafts})
    ]


def _touch(step: int, versions: list[DraftVersion], record: TouchRecord | None, send: Row | None) -> TouchView:
    email: dict[str, Any] = json.loads(send["envelope"]) if send and send["state"] == "sent" else {}
    return TouchView(
        step=step,
        outcome=record["outcome"] if record else None,
        versions=versions,
        decision_provenance=ProvenanceView(**record["decision_provenance"]) if record else None,
        ledger=SendView(**{name: send[name] for name in SendView.__dataclass_fields__}) if send else None,
        sent_at=email.get("sent_at"),
        message_id=email.get("message_id"),
    )


def _version(row: Row) -> DraftVersion:
    return DraftVersion(**_version_fields(row))


def _version_fields(row: Row) -> dict[str, Any]:
    return {
        "draft_id": draft_id_in(row),
        "version": row["version"],
        "status": row["status"],
        "subject": row["subject"],
        "body": row["body"],
        "provenance": ProvenanceView(**json.loads(row["provenance"])),
        "graph_meta": json.loads(row["graph_meta"]),
        "created_at": row["created_at"],
        "decision": _decision(row) if row["decision"] else None,
    }


def _decision(row: Row) -> DecisionView:
    approved = EmailView(**decision_of(row)["approved"]) if row["decision"] in {"approve", "edit"} else None
    return DecisionView(
        row["decision"], row["decided_by"], row["decided_at"], row["feedback"], row["reason"], approved=approved
    )


def _plan(plan: CoachPlan) -> PlanView:
    return PlanView(
        plan["angle"],
        plan["tone"],
        plan["cadence_days"],
        plan["max_touches"],
        plan["stop_criteria"],
        ProvenanceView(**plan["provenance"]),
    )
