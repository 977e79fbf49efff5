"""The three verbs: `enrol` a contact, `resume` what is due, `decide` on a draft. Everything else is a noun.

A run is a transaction: `_run` reads a case once, lets the graph think, and commits one batch. What did not commit never
happened, and a thread whose run was cut off is taken up again when its lease ends.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import structlog
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphRecursionError
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from backend.domain.campaign import DecisionRequest
from backend.domain.instants import to_text
from backend.errors import (
    ApprovalMissing,
    CheckpointMismatch,
    LeaseLost,
    MailRefused,
    RunOverBudget,
    SendNeedsPerson,
)
from backend.graphs.campaign_graph import CampaignDeps
from backend.ports import Clock, Enrolment, Lease, Mailer, MakeLLM, Run, SendLedger, Threads

CLAIM_SIZE = 10
"""Threads a sweep claims, and runs side by side, at a time."""
LEASE = timedelta(seconds=180)
"""Longer than a run may take, so a live run is never taken over."""
RUN_DEADLINE_S = 150.0
"""Two model calls of 60 s and one send of 15 s, with room to commit."""
RUN_STEP_LIMIT = 12
"""Graph steps of one run; the longest honest run takes six."""
RETRY_AFTER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
"""Waits after the first four failures of a thread; the fifth parks it."""

_NEEDS_PERSON = (MailRefused, SendNeedsPerson, ApprovalMissing, CheckpointMismatch)

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RunReport:
    """How one run left its thread: `draft_id` names the draft that waits now, `next_touch_at` is when a sweep takes it up.

    `error` is empty unless the run failed.
    """

    thread_id: str
    status: str
    reason: str = ""
    step: int = 0
    draft_id: str | None = None
    sent: bool = False
    error: str = ""
    next_touch_at: str | None = None


@dataclass(frozen=True, slots=True)
class SweepReport:
    """What one sweep did, thread by thread."""

    runs: list[RunReport] = field(default_factory=list[RunReport])

    @property
    def counts(self) -> dict[str, int]:
        """Runs by the status they left; `sent` and `failed` are counted beside it."""
        tally = Counter(run.status for run in self.runs)
        return {
            "claimed": len(self.runs),
            "sent": sum(run.sent for run in self.runs),
            "failed": sum(bool(run.error) for run in self.runs),
            **dict(sorted(tally.items())),
        }


@dataclass(frozen=True, slots=True)
class Campaigns:
    """The verbs over one set of adapters; `graphs` maps whether the coach is on to the compiled campaign."""

    threads: Threads
    ledger: SendLedger
    graphs: Mapping[bool, CompiledStateGraph[Any, CampaignDeps, Any, Any]]
    make_llm: MakeLLM
    mailer: Mailer
    clock: Clock
    run_deadline_s: float = RUN_DEADLINE_S
    run_step_limit: int = RUN_STEP_LIMIT

    async def enrol(self, campaign_id: str, contact_ids: Sequence[str], *, principal: str) -> list[Enrolment]:
        """Make the one thread of this campaign and each contact, or find it.

        Raises:
            UnknownCampaign, UnknownContact: nobody was enrolled.
        """
        return await self.threads.enrol(campaign_id, contact_ids, at=self._now(), principal=principal)

    async def resume(self, *, max_threads: int = 1000) -> SweepReport:
        """Run every due thread that nobody holds, the longest due first, and every decided draft whose run was cut off.

        Sweeps may overlap: a lease keeps a thread to one of them. A thread that fails never stops the others.
        """
        report = SweepReport()
        while len(report.runs) < max_threads:
            owner, now, until_at = self._claim()
            size = min(CLAIM_SIZE, max_threads - len(report.runs))
            leases = await self.threads.claim_due(owner=owner, now=now, until_at=until_at, limit=size)
            report.runs.extend(await asyncio.gather(*(self._run(lease, principal="cron") for lease in leases)))
            if len(leases) < size:
                break
        return report

    async def decide(self, draft_id: str, request: DecisionRequest) -> RunReport:
        """Make a person's decision durable, then act on it at once; a crash in between loses nothing, a sweep goes on.

        Raises:
            UnknownDraft, DraftAlreadyDecided, DraftVersionStale, DraftNoLongerWaits, TooManyVersions: nothing was written.
        """
        owner, now, until_at = self._claim()
        lease = await self.threads.decide(draft_id, request, owner=owner, now=now, until_at=until_at)
        return await self._run(lease, principal=request.principal)

    def _claim(self) -> tuple[str, str, str]:
        """A claim's own name, so that one sent twice finds what it took, and the present and the end of its lease."""
        now = self.clock.now()
        return uuid4().hex, to_text(now), to_text(now + LEASE)

    def _now(self) -> str:
        return to_text(self.clock.now())

    async def _run(self, lease: Lease, *, principal: str) -> RunReport:
        log = _log.bind(thread_id=lease.thread_id, fence=lease.fence)
        try:
            async with self.threads.run(lease) as run:
                report = await self._think(run)
                await run.commit(principal=principal, action=_action(run), at=self._now())
        except LeaseLost as loss:
            log.warning("run.lease_lost")
            return RunReport(thread_id=lease.thread_id, status="lease_lost", error=str(loss))
        except Exception as error:  # noqa: BLE001  # the top of a sweep: one thread's trouble stays its own
            log.warning("run.not_committed", error=type(error).__name__)
            return RunReport(thread_id=lease.thread_id, status="not_committed", error=str(error))
        log.info("run.committed", status=report.status, step=report.step, sent=report.sent, failed=bool(report.error))
        return report

    async def _think(self, run: Run) -> RunReport:
        """Let the graph run and tell `run` what came of it; nothing is written here."""
        thread = run.case.thread
        try:
            async with asyncio.timeout(self.run_deadline_s):
                state = await self._invoke(run)
        except LeaseLost:
            raise
        except (GraphRecursionError, TimeoutError) as error:
            budget = f"{self.run_deadline_s:g} s" if isinstance(error, TimeoutError) else f"{self.run_step_limit} steps"
            return self._fail(run, RunOverBudget(thread.thread_id, budget), keep_state=False)
        except Exception as error:  # noqa: BLE001  # the top of a sweep: whatever a node raised is counted against its thread
            return self._fail(run, error, keep_state=True)
        sent = bool(run.case.decision) and any(
            touch["outcome"] == "sent" and touch["step"] == thread.step for touch in state.get("touches", [])
        )
        for waiting in state.get("__interrupt__", ()):
            run.hold(waiting.id, waiting.value, state["draft"], at=self._now())
            return RunReport(thread.thread_id, "awaiting_approval", step=waiting.value["step"], draft_id=waiting.id)
        standing, step = state["standing"], state.get("step", 0)
        next_touch_at = standing["next_touch_at"]
        run.schedule(standing["status"], step=step, next_touch_at=next_touch_at, reason=standing["reason"])
        return RunReport(thread.thread_id, standing["status"], standing["reason"], step, sent=sent, next_touch_at=next_touch_at)

    async def _invoke(self, run: Run) -> dict[str, Any]:
        graph = self.graphs[run.case.flags.campaign_coach_enabled]
        config = RunnableConfig(configurable={"thread_id": run.case.thread.thread_id}, recursion_limit=self.run_step_limit)
        deps = CampaignDeps(
            case=run.case,
            lease=run.lease,
            clock=self.clock,
            make_llm=self.make_llm,
            ledger=self.ledger,
            mailer=self.mailer,
        )
        begin = await _begin(graph, config, run)
        return await graph.ainvoke(begin, config, context=deps, durability="exit")

    def _fail(self, run: Run, error: Exception, *, keep_state: bool) -> RunReport:
        thread = run.case.thread
        _log.warning("run.failed", thread_id=thread.thread_id, error=type(error).__name__, attempts=thread.attempts + 1)
        retry_at = None if isinstance(error, _NEEDS_PERSON) else _retry_at(self.clock.now(), thread.attempts)
        run.fail(str(error), retry_at=retry_at, keep_state=keep_state)
        status = thread.status if retry_at else "parked"
        return RunReport(thread.thread_id, status, str(error), thread.step, error=str(error), next_touch_at=retry_at)


async def _begin(
    graph: CompiledStateGraph[Any, CampaignDeps, Any, Any], config: RunnableConfig, run: Run
) -> dict[str, Any] | Command[Any] | None:
    """What to invoke the graph with: a new touch, the decision by its interrupt id, or the rest of a run that was cut off.

    Raises:
        CheckpointMismatch: the graph does not wait with the draft that was decided.
    """
    thread, decision = run.case.thread, run.case.decision
    if decision is None:
        return {"thread_id": thread.thread_id}
    snapshot = await graph.aget_state(config)
    waiting = {interrupt.id: interrupt.value for interrupt in snapshot.interrupts}
    if decision["draft_id"] in waiting and waiting[decision["draft_id"]]["version"] == decision["version"]:
        return Command(resume={decision["draft_id"]: decision})
    if not waiting and snapshot.next and (snapshot.values.get("decision") or {}).get("draft_id") == decision["draft_id"]:
        return None
    raise CheckpointMismatch(thread.thread_id, decision["draft_id"])


def _action(run: Run) -> str:
    return run.case.decision["decision"] if run.case.decision else "resume"


def _retry_at(now: datetime, attempts: int) -> str | None:
    return to_text(now + RETRY_AFTER[attempts]) if attempts < len(RETRY_AFTER) else None
