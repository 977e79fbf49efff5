"""A whole fleet on the embedded database with fakes at the ports: what the stories are told with."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from langchain_core.runnables import RunnableConfig

from backend.campaigns import Campaigns, RunReport, SweepReport
from backend.checkpointer.saver import D1Saver
from backend.d1.database import open_database
from backend.d1.meter import MeteredDatabase
from backend.d1.statements import Row, SqlValue, Statement
from backend.domain.campaign import Decision, DecisionRequest
from backend.domain.flags import Flags
from backend.domain.instants import from_text, to_text
from backend.domain.suppression import address_sha256
from backend.ports import Clock, Lease, Mailer, OutgoingEmail
from backend.store.schema import D1Schema
from backend.wiring import assemble
from tests.fakes.clock import FixedClock
from tests.fakes.mailer import RecordingMailer
from tests.fakes.scripted_model import ScriptedLLM

PLAN: dict[str, Any] = {
    "angle": "a shorter month-end close",
    "tone": "direct",
    "cadence_days": [0, 3, 5],
    "max_touches": 3,
    "stop_criteria": "Stop when a meeting is booked.",
}
EMAIL = {"subject": "Your month-end close", "body": "Hello Ada, three days are a long close. Shall we talk?"}
SCRIPT: dict[str, Any] = {"campaign:coach_plan": PLAN, "email:compose": EMAIL}


@dataclass
class Fleet:
    """The verbs, and a hand on everything around them."""

    campaigns: Campaigns
    database: MeteredDatabase
    saver: D1Saver
    clock: FixedClock
    model: ScriptedLLM
    mailer: RecordingMailer

    async def rows(self, sql: str, *params: SqlValue) -> list[Row]:
        """Read rows."""
        (result,) = await self.database.batch([Statement(sql, params)])
        return result.rows

    async def add_contact(self, contact_id: str, **flags: int) -> None:
        """Add a contact of a company with two facts, and raise the given flags."""
        address = f"{contact_id}@northwind.example"
        columns: dict[str, SqlValue] = {
            "contact_id": contact_id,
            "company_id": "northwind",
            "address": address,
            "name": "Ada Ngata",
            "title": "CFO",
        }
        row: dict[str, SqlValue] = {
            **columns,
            "address_sha256": address_sha256(address),
            "updated_at": "2026-11-01T00:00:00.000Z",
            **flags,
        }
        names = ", ".join(row)
        marks = ", ".join(f"?{index}" for index in range(1, len(row) + 1))
        await self.rows(f"INSERT INTO contacts ({names}) VALUES ({marks})", *row.values())  # noqa: S608  # names of this file

    async def flag(self, contact_id: str, flag: str) -> None:
        """Raise one of the four flags of a contact."""
        await self.rows(f"UPDATE contacts SET {flag} = 1 WHERE contact_id = ?1", contact_id)  # noqa: S608  # names of this file

    async def switch_coach(self, *, on: bool) -> None:
        """Set the stored flag, as an operator does."""
        await self.rows(
            "INSERT INTO flags VALUES ('CAMPAIGN_COACH_ENABLED', ?1, 'op', '2026') "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            int(on),
        )

    async def enrol(self, contact_id: str = "ada", campaign_id: str = "close") -> str:
        """Enrol a contact and return the thread's id."""
        (enrolment,) = await self.campaigns.enrol(campaign_id, [contact_id], principal="op")
        return enrolment.thread.thread_id

    async def resume(self) -> SweepReport:
        """Let one tick pass."""
        return await self.campaigns.resume()

    async def decide(self, decision: Decision, **wishes: Any) -> RunReport:
        """Decide the one draft that waits."""
        return await self.decide_on(await self.pending(), decision, **wishes)

    async def decide_on(self, draft_id: str, decision: Decision, **wishes: Any) -> RunReport:
        """Decide a draft as the rep Ana."""
        return await self.campaigns.decide(draft_id, DecisionRequest(decision, "ana", **wishes))

    async def pending(self) -> str:
        """The id of the one draft that waits."""
        (row,) = await self.rows("SELECT draft_id FROM drafts WHERE status = 'pending'")
        return str(row["draft_id"])

    async def fast_forward(self) -> SweepReport:
        """Move the clock to the next due instant, if it lies ahead, and let a tick pass."""
        (due,) = await self.rows("SELECT min(next_touch_at) AS at FROM threads")
        if due["at"] and from_text(due["at"]) > self.clock.now():
            self.clock.set(from_text(due["at"]))
        return await self.resume()

    async def approved_but_not_sent(self) -> tuple[Lease, str, OutgoingEmail]:
        """A thread whose approval is durable and whose run was killed right after: its lease, its draft, the email to send."""
        await self.enrol()
        await self.resume()
        draft_id, now = await self.pending(), to_text(self.clock.now())
        request = DecisionRequest("approve", "ana")
        lease = await self.campaigns.threads.decide(draft_id, request, owner="killed", now=now, until_at=now)
        (draft,) = await self.rows("SELECT subject, body FROM drafts")
        email = OutgoingEmail(
            message_id="<touch@vendor.example>",
            idempotency_key="touch",
            sender_name="Ben Ortiz",
            sender_address="ben@vendor.example",
            recipient_name="Ada Ngata",
            recipient_address="ada@northwind.example",
            sent_at=now,
            **draft,
        )
        return lease, draft_id, email

    async def touch(self, decision: Decision = "approve", **wishes: Any) -> RunReport:
        """Fast forward until a draft waits, and decide it; a gap that changed meanwhile takes a second tick."""
        while not await self.rows("SELECT 1 FROM drafts WHERE status = 'pending'"):
            await self.fast_forward()
        return await self.decide(decision, **wishes)

    async def state(self, thread_id: str = "close:ada") -> dict[str, Any]:
        """The state in the thread's latest checkpoint."""
        found = await self.saver.aget_tuple(RunnableConfig(configurable={"thread_id": thread_id}))
        return dict(found.checkpoint["channel_values"]) if found else {}

    async def thread(self, thread_id: str = "close:ada") -> Row:
        """The thread's row."""
        (row,) = await self.rows("SELECT * FROM threads WHERE thread_id = ?1", thread_id)
        return row

    def sent_days(self) -> list[int]:
        """Whole days between one delivered email and the next; the first counts from itself."""
        instants = [from_text(email.sent_at) for email in self.mailer.delivered]
        return [
            (later - earlier) // timedelta(days=1) for earlier, later in zip([instants[0], *instants], instants, strict=False)
        ]

    def on(self, database: MeteredDatabase, *, mailer: Mailer | None = None) -> Campaigns:
        """The verbs of another process: new adapters over `database`, the same world outside."""
        return wire(database, self.clock, self.model, mailer or self.mailer, Flags())


def wire(database: MeteredDatabase, clock: Clock, model: ScriptedLLM, mailer: Mailer, flags: Flags) -> Campaigns:
    """Wire the verbs as the composition root does, over the given fakes."""
    return assemble(database, clock=clock, make_llm=model, mailer=mailer, flags=flags).campaigns


@asynccontextmanager
async def open_fleet(
    script: dict[str, Any] | None = None,
    *,
    coach: bool = False,
    url: str = "sqlite:///:memory:",
    token: str | None = None,
    contacts: Sequence[str] = ("ada",),
) -> AsyncGenerator[Fleet, None]:
    """Open a migrated fleet with one campaign, `close`, and the given contacts; without a script the model is off."""
    async with open_database(url, token) as database:
        await D1Schema(database).migrate()
        saver = D1Saver(database)
        clock, model, mailer = FixedClock(), ScriptedLLM(script or {}, switched_off=script is None), RecordingMailer()
        fleet = Fleet(wire(database, clock, model, mailer, Flags()), database, saver, clock, model, mailer)
        fact = ("northwind", "close_days", "the 2025 annual report", "Its month-end close takes three days", 0.9, "2026-10-01")
        await fleet.rows("INSERT INTO companies VALUES ('northwind', 'Northwind', 'northwind.example')")
        await fleet.rows("INSERT INTO company_facts VALUES (?1, ?2, ?3, ?4, ?5, ?6)", *fact)
        await fleet.rows(
            "INSERT INTO campaigns VALUES ('close', 'Close', 'We shorten the close.', 'Ben Ortiz', ?1, ?2, '')",
            "ben@vendor.example",
            json.dumps(["https://vendor.example/close"]),
        )
        for contact_id in contacts:
            await fleet.add_contact(contact_id)
        await fleet.switch_coach(on=coach)
        yield fleet
