"""Plays a story through the public verbs on a simulated clock: time jumps to the next instant at which something is due."""

import heapq
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any, Literal, TypeAlias, TypeVar

from backend.demo.story import Incident, Story, Verdict
from backend.domain.campaign import DecisionRequest, pair_of
from backend.domain.instants import from_text
from backend.domain.text import cut_on_word
from backend.errors import DraftWithdrawn
from backend.read_models import DraftCard, ThreadView
from backend.sweeps import RunReport
from backend.wiring import Service

MAX_QUOTE_CHARS = 70

T = TypeVar("T")

EventKind: TypeAlias = Literal["plan", "draft", "sent", "decided", "incident", "ended"]


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the timeline: when, who, and what happened."""

    at: datetime
    who: str
    kind: EventKind
    what: str


class SimulatedClock:
    """Tells the time it was set to."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        """See `ports.Clock.now`."""
        return self._at

    def jump_to(self, at: datetime) -> None:
        """Let the time until `at` pass; it never runs backwards."""
        self._at = max(self._at, at)


@dataclass
class Play:
    """One story on one service; `model_name` is who speaks when a model does.

    After `perform`, `sent` counts each contact's emails, `blocked_at` says from when whom not to write to, and
    `rows_written` is what the verbs cost the database.
    """

    story: Story
    service: Service
    clock: SimulatedClock
    model_name: str
    tell: Callable[[Event], None]
    sent: Counter[str] = field(default_factory=Counter[str])
    blocked_at: dict[str, datetime] = field(default_factory=dict[str, datetime])
    rows_written: int = 0

    def __post_init__(self) -> None:
        self._order = [contact["contact_id"] for contact in self.story.contacts]
        self._verdicts = {contact_id: deque(said) for contact_id, said in self.story.verdicts.items()}
        self._sweeps: set[datetime] = set()
        self._turn = count()
        self._agenda: list[tuple[datetime, int, Callable[[], Awaitable[None]]]] = []

    async def perform(self) -> None:
        """Enrol everybody, then let time pass until nothing is due any more."""
        self.clock.jump_to(self.story.starts_at)
        campaign = self.story.campaign
        await self.service.intake.add_campaign(campaign)
        await self.service.intake.add(self.story.contacts)
        for contact in self.story.contacts:
            if contact.get("unsubscribed"):
                self._block(contact["contact_id"], "unsubscribed before the campaign began")
        await self._spend(self.service.campaigns.enrol(campaign["campaign_id"], self._order, principal="demo"))
        self._plan_sweep(self.clock.now())
        while self._agenda:
            at, _, happen = heapq.heappop(self._agenda)
            self.clock.jump_to(at)
            await happen()

    async def threads(self) -> list[ThreadView]:
        """Show how every contact's thread stands, in the order of the story."""
        campaign_id = self.story.campaign["campaign_id"]
        return [await self.service.views.thread(campaign_id, contact_id) for contact_id in self._order]

    async def write_as_team(self, contact_id: str) -> dict[str, Any]:
        """Have the organised team answer the contact's email, or write to them if none came; a draft comes back."""
        emails = [incident.email for incident in self.story.incidents if incident.contact_id == contact_id]
        incoming = emails[0] if contact_id in self.blocked_at and emails else None
        campaign_id = self.story.campaign["campaign_id"]
        return await self._spend(self.service.emails.write(campaign_id, contact_id, incoming=incoming))

    async def _sweep(self, at: datetime) -> None:
        """Sweep, and follow this story's runs; what becomes due while they are followed is for another sweep, even at `at`."""
        self._sweeps.discard(at)
        report = await self._spend(self.service.campaigns.resume())
        campaign_id = self.story.campaign["campaign_id"]
        ours = [run for run in report.runs if pair_of(run.thread_id)[0] == campaign_id]
        for run in sorted(ours, key=lambda run: self._order.index(pair_of(run.thread_id)[1])):
            await self._follow(run)

    async def _follow(self, run: RunReport) -> None:
        """Tell how a run left its thread, and remember what comes next."""
        contact_id = pair_of(run.thread_id)[1]
        if run.draft_id:
            await self._present(contact_id, await self.service.views.draft(run.draft_id))
        elif run.status in {"completed", "stopped", "parked"}:
            self._say(contact_id, "ended", f"{run.status}: {run.reason}")
        if run.next_touch_at:
            self._plan_sweep(from_text(run.next_touch_at))

    async def _present(self, contact_id: str, draft: DraftCard) -> None:
        """Lay a draft before the rep, who decides at once or lets it wait."""
        if (draft.step, draft.version) == (0, 1):
            await self._tell_plan(draft)
        said = self._verdicts.get(contact_id)
        verdict = said.popleft() if said else Verdict("approve")
        decide = partial(self._decide, contact_id, draft, verdict)
        if verdict.after_days:
            self._say(contact_id, "draft", f"{self._name(draft)}, waits for {self.story.rep}")
            self._plan_for(self.clock.now() + timedelta(days=verdict.after_days), decide)
        else:
            await decide()

    async def _tell_plan(self, draft: DraftCard) -> None:
        thread = await self.service.views.thread(draft.campaign_id, draft.contact.contact_id)
        plan = thread.plan
        if plan and plan.provenance.source == "model":
            gaps = ", ".join(map(str, plan.cadence_days))
            self._say(thread.contact_id, "plan", f"plan by {self.model_name}: gaps {gaps}, {plan.tone}, “{plan.angle}”")
        elif plan:
            self._say(thread.contact_id, "plan", f"plan by default. {plan.provenance.reason}")

    async def _decide(self, contact_id: str, draft: DraftCard, verdict: Verdict) -> None:
        request = DecisionRequest(
            verdict.decision,
            self.story.rep.lower(),
            version=draft.version,
            edited=verdict.edited,
            feedback=verdict.feedback,
            reason=verdict.reason,
            accepts_default=True,
        )
        try:
            run = await self._spend(self.service.campaigns.decide(draft.draft_id, request))
        except DraftWithdrawn as withdrawn:
            self._say(contact_id, "ended", f"{self._name(draft)} was withdrawn: {withdrawn.facts['why']}")
            return
        self._say(contact_id, "sent" if run.sent else "decided", f"{self._name(draft)}, {_tell_decision(verdict, run)}")
        if run.sent:
            self.sent[contact_id] += 1
            self._expect_incidents(contact_id)
        if verdict.decision != "stop" and (run.sent or run.status != "stopped"):
            await self._follow(run)

    def _expect_incidents(self, contact_id: str) -> None:
        for incident in self.story.incidents:
            if (incident.contact_id, incident.after_sent) == (contact_id, self.sent[contact_id]):
                self._plan_for(self.clock.now() + incident.delay, partial(self._suffer, incident))

    async def _suffer(self, incident: Incident) -> None:
        """Let the contact act; it reaches the service as any change of a contact does."""
        contact = self.story.contact(incident.contact_id).copy()
        contact[incident.flag] = True
        await self.service.intake.add([contact])
        said = f": “{cut_on_word(incident.email['body'], MAX_QUOTE_CHARS)} …”" if incident.email else ""
        self._block(incident.contact_id, f"{incident.flag}{said}")

    def _block(self, contact_id: str, what: str) -> None:
        self.blocked_at[contact_id] = self.clock.now()
        self._say(contact_id, "incident", what)

    def _plan_sweep(self, at: datetime) -> None:
        """One sweep waits for an instant, however many threads are due then."""
        if at not in self._sweeps:
            self._sweeps.add(at)
            self._plan_for(at, partial(self._sweep, at))

    def _plan_for(self, at: datetime, happen: Callable[[], Awaitable[None]]) -> None:
        heapq.heappush(self._agenda, (at, next(self._turn), happen))

    async def _spend(self, verb: Awaitable[T]) -> T:
        """Await a verb and add what it wrote to `rows_written`."""
        before = self.service.database.meter.copy()
        result = await verb
        self.rows_written += self.service.database.meter.since(before).rows_written
        return result

    def _name(self, draft: DraftCard) -> str:
        writer = self.model_name if draft.provenance.source == "model" else "rule"
        version = f" v{draft.version}" if draft.version > 1 else ""
        return f"touch {draft.step + 1}{version} “{draft.subject}” by {writer}"

    def _say(self, contact_id: str, kind: EventKind, what: str) -> None:
        self.tell(Event(self.clock.now(), self.story.contact(contact_id)["name"], kind, what))


def _tell_decision(verdict: Verdict, run: RunReport) -> str:
    """Tell what the rep did with a draft, and what came of it."""
    match verdict.decision:
        case "approve" if run.sent:
            return "approved and sent"
        case "edit" if run.sent and verdict.edited:
            return f"edited and sent as “{verdict.edited['subject']}”"
        case "approve" | "edit":
            return f"approved, not sent: {run.reason}"
        case "regenerate":
            return f"sent back: “{verdict.feedback}”"
        case "reject":
            return f"rejected: {verdict.reason}"
        case "stop":
            return f"stopped: {verdict.reason}"
