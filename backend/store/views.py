"""Reads for people and their screens, each in one request; the plan and the decisions' provenance come from the checkpoint."""

import json
import re
from collections.abc import Sequence
from typing import Any, cast

from langchain_core.runnables import RunnableConfig

from backend.checkpointer.saver import D1Saver
from backend.d1.statements import Database, Result, Row, Statement
from backend.d1.transaction import Transaction
from backend.domain.campaign import TouchRecord, thread_id_of
from backend.domain.facts import MAX_COMPANY_FACTS
from backend.domain.flags import Flags
from backend.errors import BadRequest, UnknownCampaign, UnknownContact, UnknownDraft, UnknownThread
from backend.graphs.campaign_graph import CampaignState, CoachPlan, plan_in_force
from backend.read_models import (
    DecisionView,
    DraftCard,
    DraftFilter,
    DraftPage,
    DraftSummary,
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
from backend.store.flags import READ_FLAGS, take_flags

_CAMPAIGN_EXISTS = "SELECT 1 AS known FROM campaigns WHERE campaign_id = ?1"
_CONTACT_EXISTS = "SELECT 1 AS known FROM contacts WHERE contact_id = ?1"
_THREAD = "SELECT *, COALESCE(lease_until_at > ?2, 0) AS leased FROM threads WHERE thread_id = ?1"
_VERSIONS = "SELECT * FROM drafts WHERE thread_id = ?1 ORDER BY step, version"
_SENDS = "SELECT * FROM send_ledger WHERE thread_id = ?1"

_PENDING = """
SELECT drafts.*, threads.campaign_id, contact_id, contacts.name AS contact_name, companies.name AS company_name, 0 AS rank
FROM drafts JOIN threads USING (thread_id) JOIN contacts USING (contact_id) LEFT JOIN companies USING (company_id)
WHERE drafts.status = 'pending' AND (0, drafts.created_at, drafts.draft_id) > (?1, ?2, ?3)
  AND threads.campaign_id = COALESCE(?4, threads.campaign_id)
ORDER BY drafts.created_at, drafts.draft_id LIMIT ?5"""
_DRAFTS = """
SELECT drafts.*, threads.campaign_id, contact_id, contacts.name AS contact_name, companies.name AS company_name,
  drafts.status <> 'pending' AS rank
FROM drafts JOIN threads USING (thread_id) JOIN contacts USING (contact_id) LEFT JOIN companies USING (company_id)
WHERE (drafts.status <> 'pending', drafts.created_at, drafts.draft_id) > (?1, ?2, ?3)
  AND threads.campaign_id = COALESCE(?4, threads.campaign_id)
  AND (?6 = 'all' OR drafts.status = ?6)
ORDER BY rank, drafts.created_at, drafts.draft_id LIMIT ?5"""

_CARD = """
SELECT drafts.*, threads.campaign_id, contact_id, contacts.name AS contact_name, contacts.title, contacts.address,
  companies.name AS company_name, companies.domain AS company_domain, sender_name, sender_address
FROM drafts JOIN threads USING (thread_id) JOIN contacts USING (contact_id) JOIN campaigns USING (campaign_id)
LEFT JOIN companies USING (company_id)
WHERE drafts.draft_id = ?1"""
_OTHER_VERSIONS = """
SELECT others.* FROM drafts JOIN drafts AS others USING (thread_id, step)
WHERE drafts.draft_id = ?1 AND others.draft_id <> ?1 ORDER BY others.version"""
_FACTS = """
SELECT field, value, confidence, source, observed_at
FROM drafts JOIN threads USING (thread_id) JOIN contacts USING (contact_id) JOIN company_facts USING (company_id)
WHERE drafts.draft_id = ?1 ORDER BY confidence DESC, field, source LIMIT ?2"""

_CURSOR = re.compile(r"([01])~([0-9TZ:.-]{1,32})~([A-Za-z0-9._-]{1,64})")
_SUMMARY = tuple(DraftSummary.__dataclass_fields__)


class D1Views:
    """Read models over D1. `flags` are the defaults the stored flags are laid over."""

    def __init__(self, database: Database, saver: D1Saver, flags: Flags) -> None:
        self._database = database
        self._saver = saver
        self._flags = flags

    async def thread(self, campaign_id: str, contact_id: str, *, now: str) -> ThreadView:
        """Read one thread with its plan and every touch so far.

        Raises:
            UnknownCampaign, UnknownContact, UnknownThread: there is none for these ids.
        """
        thread_id = thread_id_of(campaign_id, contact_id)
        results = await self._database.batch(
            [
                Statement(_CAMPAIGN_EXISTS, (campaign_id,)),
                Statement(_CONTACT_EXISTS, (contact_id,)),
                Statement(_THREAD, (thread_id, now)),
                READ_FLAGS,
                Statement(_VERSIONS, (thread_id,)),
                Statement(_SENDS, (thread_id,)),
                *self._saver.latest_statements(thread_id),
            ]
        )
        campaigns, contacts, threads, _, drafts, sends = (result.rows for result in results[:6])
        if not campaigns:
            raise UnknownCampaign(campaign_id)
        if not contacts:
            raise UnknownContact(contact_id)
        if not threads:
            raise UnknownThread(campaign_id, contact_id)
        state = await self._state(thread_id, results[6:])
        stored = take_flags(self._flags, results[3])
        return _thread_view(threads[0], state, stored, _touches(drafts, sends, state), now=now)

    async def drafts(
        self, *, status: DraftFilter = "pending", campaign_id: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> DraftPage:
        """Read a page of drafts: those that wait first, the oldest first among equals.

        Raises:
            UnknownCampaign: there is none with this id.
            BadRequest: the cursor is not one this method gave.
        """
        params = (*_place_after(cursor), campaign_id, limit + 1)
        page = Statement(_PENDING, params) if status == "pending" else Statement(_DRAFTS, (*params, status))
        found, campaigns = await self._database.batch([page, Statement(_CAMPAIGN_EXISTS, (campaign_id,))])
        if campaign_id is not None and not campaigns.rows:
            raise UnknownCampaign(campaign_id)
        rows = found.rows[:limit]
        summaries = [DraftSummary(**{name: row[name] for name in _SUMMARY}) for row in rows]
        return DraftPage(summaries, _cursor_of(rows[-1]) if len(found.rows) > limit else None)

    async def draft(self, draft_id: str) -> DraftCard:
        """Read one draft as a person decides on it.

        Raises:
            UnknownDraft: there is none with this id.
        """
        card, others, facts = await self._database.batch(
            [
                Statement(_CARD, (draft_id,)),
                Statement(_OTHER_VERSIONS, (draft_id,)),
                Statement(_FACTS, (draft_id, MAX_COMPANY_FACTS)),
            ]
        )
        if not card.rows:
            raise UnknownDraft(draft_id)
        row = card.rows[0]
        return DraftCard(
            **_version_fields(row),
            thread_id=row["thread_id"],
            campaign_id=row["campaign_id"],
            step=row["step"],
            sender=SenderView(row["sender_name"], row["sender_address"]),
            contact=RecipientView(
                contact_id=row["contact_id"],
                name=row["contact_name"],
                address=row["address"],
                title=row["title"],
                company_name=row["company_name"],
                company_domain=row["company_domain"],
            ),
            facts=[FactView(**fact) for fact in facts.rows],
            other_versions=[_version(other) for other in others.rows],
        )

    async def _state(self, thread_id: str, results: Sequence[Result]) -> CampaignState:
        """The graph's state in the latest checkpoint, read from the results of the saver's own statements."""
        transaction = Transaction()
        self._saver.prefetch(transaction, thread_id, results)
        with transaction.opened():
            found = await self._saver.aget_tuple(RunnableConfig(configurable={"thread_id": thread_id}))
        return cast("CampaignState", found.checkpoint["channel_values"] if found else {})


def _thread_view(row: Row, state: CampaignState, flags: Flags, touches: list[TouchView], *, now: str) -> ThreadView:
    plan = state.get("coach_plan")
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
        waiting_draft_id=row["draft_id"] if row["status"] == "awaiting_approval" else None,
        waiting_because=_why_it_waits(row, now=now),
        plan=_plan(plan) if plan else None,
        plan_in_force=plan_in_force(state, flags) is not None,
        touches=touches,
    )


def _why_it_waits(row: Row, *, now: str) -> WaitingBecause | None:
    """The first reason that holds; None for a thread that ended."""
    status, touch, due_at = row["status"], f"Touch {row['step'] + 1}", row["next_touch_at"] or ""
    if status in {"completed", "stopped"}:
        return None
    reasons: list[tuple[bool, WaitingCode, str]] = [
        (bool(row["leased"]), "running", f"A run of {touch.lower()} is under way."),
        (status == "awaiting_approval", "approval", f"{touch} waits for a person to decide draft '{row['draft_id']}'."),
        (status == "parked", "parked", f"{touch} was given up and needs an operator: {row['status_reason']}"),
        (row["attempts"] > 0, "retry", f"{touch} failed {row['attempts']} time(s) and is tried again at {due_at}."),
        (status == "decided", "decided", f"{touch} is decided, and the next sweep acts on it."),
        (due_at > now, "gap", f"{touch} is due at {due_at}, when the gap before it has passed."),
        (True, "sweep", f"{touch} is due, and the next sweep takes it up."),
    ]
    return next(WaitingBecause(code, sentence) for holds, code, sentence in reasons if holds)


def _touches(drafts: Sequence[Row], sends: Sequence[Row], state: CampaignState) -> list[TouchView]:
    records = {record["step"]: record for record in state.get("touches", [])}
    reserved = {row["step"]: row for row in sends}
    return [
        _touch(step, [_version(row) for row in drafts if row["step"] == step], records.get(step), reserved.get(step))
        for step in sorted({row["step"] for row in drafts})
    ]


def _touch(step: int, versions: list[DraftVersion], record: TouchRecord | None, send: Row | None) -> TouchView:
    email: dict[str, Any] = json.loads(send["email"]) if send and send["state"] == "sent" else {}
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
        "draft_id": row["draft_id"],
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
    approved = EmailView(row["approved_subject"], row["approved_body"]) if row["approved_body"] is not None else None
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


def _cursor_of(row: Row) -> str:
    return f"{row['rank']}~{row['created_at']}~{row['draft_id']}"


def _place_after(cursor: str | None) -> tuple[int, str, str]:
    if cursor is None:
        return -1, "", ""
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        msg = "The cursor is not one that a page of drafts gave. Leave it out to begin at the first page."
        raise BadRequest(msg)
    return int(found[1]), found[2], found[3]
