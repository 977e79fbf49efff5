"""A whole fleet on the embedded database with fakes at the ports: what the stories are told with."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from langchain_core.runnables import RunnableConfig

from backend.campaigns import Campaigns
from backend.checkpointer.saver import D1Saver
from backend.d1.clock import TimedDatabase
from backend.d1.meter import MeteredDatabase
from backend.d1.statements import Row
from backend.domain.campaign import Decision, DecisionRequest
from backend.domain.flags import Flags
from backend.domain.instants import from_text, to_text
from backend.domain.schedule import UNRESTRICTED, SendRules
from backend.ports import Clock, Lease, Mailer, OutgoingEmail, Threads
from backend.store.intake import D1Intake
from backend.sweeps import RunReport, SweepReport
from backend.wiring import Service, assemble
from tests.databases import MEMORY_URL, open_migrated
from tests.fakes.clock import FixedClock, MovableClock
from tests.fakes.mailer import RecordingMailer
from tests.fakes.scripted_model import ScriptedLLM
from tests.northwind import settle
from tests.rows import Rows

MAX_TICKS = 5
"""A gap that changed meanwhile takes a second tick; a thread that has ended would take them for ever."""


@dataclass
class Fleet:
    """The verbs, and a hand on everything around them."""

    service: Service
    campaigns: Campaigns
    database: MeteredDatabase
    saver: D1Saver
    clock: MovableClock
    model: ScriptedLLM
    mailer: RecordingMailer
    rules: SendRules = UNRESTRICTED

    @property
    def flags(self) -> Flags:
        """The defaults that the stored flags are laid over."""
        return Flags()

    @property
    def rows(self) -> Rows:
        """What the database holds."""
        return Rows(self.database)

    async def add_contact(self, contact_id: str) -> None:
        """Add one more contact of Northwind."""
        await settle(D1Intake(self.database), contact_id)

    async def flag(self, contact_id: str, flag: str) -> None:
        """Raise one of the four flags of a contact."""
        await self.rows.raise_flag(contact_id, flag)

    async def switch_coach(self, *, on: bool) -> None:
        """Set the stored flag, as an operator does."""
        await self.rows.store_flag("CAMPAIGN_COACH_ENABLED", int(on))

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
        (draft_id,) = await self.rows.pending()
        return draft_id

    async def fast_forward(self) -> SweepReport:
        """Move the clock to the next due instant, if it lies ahead, and let a tick pass."""
        due = [from_text(row["next_touch_at"]) for row in await self.rows.threads() if row["next_touch_at"]]
        if due and min(due) > self.clock.now():
            self.clock.set(min(due))
        return await self.resume()

    async def approved_but_not_sent(self) -> tuple[Lease, str, OutgoingEmail]:
        """A thread whose approval is durable and whose run was killed right after: its lease, its draft, the email to send."""
        await self.enrol()
        await self.resume()
        draft_id = await self.pending()
        request = DecisionRequest("approve", "ana")
        lease = await self.campaigns.threads.decide(draft_id, request, owner="killed", lease=timedelta(0))
        assert isinstance(lease, Lease)
        (draft,) = await self.rows.drafts()
        email = OutgoingEmail(
            message_id="<touch@vendor.example>",
            idempotency_key="touch",
            sender_name="Ben Ortiz",
            sender_address="ben@vendor.example",
            recipient_name="Ada Ngata",
            recipient_address="ada@northwind.example",
            subject=draft["subject"],
            body=draft["body"],
            sent_at=to_text(self.clock.now()),
        )
        return lease, draft_id, email

    async def touch(self, decision: Decision = "approve", **wishes: Any) -> RunReport:
        """Fast forward until a draft waits, and decide it; a gap that changed meanwhile takes a second tick."""
        for _ in range(MAX_TICKS):
            if await self.rows.pending():
                return await self.decide(decision, **wishes)
            await self.fast_forward()
        msg = f"no draft waited after {MAX_TICKS} ticks"
        raise AssertionError(msg)

    async def state(self, thread_id: str = "close:ada") -> dict[str, Any]:
        """The state in the thread's latest checkpoint."""
        found = await self.saver.aget_tuple(RunnableConfig(configurable={"thread_id": thread_id}))
        return dict(found.checkpoint["channel_values"]) if found else {}

    async def thread(self, thread_id: str = "close:ada") -> Row:
        """The thread's row."""
        return await self.rows.thread(thread_id)

    def sent_days(self) -> list[int]:
        """Whole days between one delivered email and the next; the first counts from itself."""
        instants = [from_text(email.sent_at) for email in self.mailer.delivered]
        return [
            (later - earlier) // timedelta(days=1) for earlier, later in zip([instants[0], *instants], instants, strict=False)
        ]

    def on(self, database: MeteredDatabase, *, mailer: Mailer | None = None) -> Campaigns:
        """The verbs of another process: new adapters over `database`, the same world outside."""
        return wire(database, self.clock, self.model, mailer or self.mailer, Flags(), rules=self.rules)


async def claim(threads: Threads, *, owner: str = "w", lease: timedelta = timedelta(minutes=3), limit: int = 1) -> list[Lease]:
    """Claim the longest due threads, as a sweep does."""
    return (await threads.claim((await threads.look(limit=limit)).due, owner=owner, lease=lease)).leases


def wire(  # noqa: PLR0913  # one argument an adapter
    database: MeteredDatabase,
    clock: Clock,
    model: ScriptedLLM,
    mailer: Mailer,
    flags: Flags,
    *,
    rules: SendRules = UNRESTRICTED,
) -> Campaigns:
    """Wire the verbs as the composition root does, over the given fakes."""
    return assemble(database, clock=clock, make_llm=model, mailer=mailer, flags=flags, rules=rules).campaigns


@asynccontextmanager
async def open_fleet(  # noqa: PLR0913  # each has its default
    script: dict[str, Any] | None = None,
    *,
    coach: bool = False,
    url: str = MEMORY_URL,
    token: str | None = None,
    contacts: Sequence[str] = ("ada",),
    clock: MovableClock | None = None,
    rules: SendRules = UNRESTRICTED,
) -> AsyncGenerator[Fleet, None]:
    """Open a migrated fleet with one campaign, `close`, and the given contacts; without a script the model is off."""
    clock = clock or FixedClock()
    async with open_migrated(url, token) as opened:
        database = TimedDatabase(opened, clock.now)
        saver = D1Saver(database, keep_latest=True)
        model, mailer = ScriptedLLM(script or {}, switched_off=script is None), RecordingMailer()
        service = assemble(database, clock=clock, make_llm=model, mailer=mailer, flags=Flags(), rules=rules)
        fleet = Fleet(service, service.campaigns, database, saver, clock, model, mailer, rules)
        await settle(D1Intake(database), *contacts)
        await fleet.switch_coach(on=coach)
        yield fleet
