"""The three verbs: `enrol` a contact, `resume` what is due, `decide` on a draft. Everything else is a noun.

A run is a transaction: `_run` reads a case once, lets the graph think, and commits one batch. What did not commit never
happened, and a thread whose run was cut off is taken up again when its lease ends.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import structlog
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphRecursionError
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from backend.domain.access import EVERYWHERE, Reach
from backend.domain.campaign import Case, DecisionRequest, Email, HeldDraft, Standing, Thread, draft_id_of
from backend.domain.faults import find_faults
from backend.domain.instants import MAX_CLOCK_DIFFERENCE, to_text
from backend.domain.links import find_links
from backend.domain.schedule import UNRESTRICTED, SendRules
from backend.domain.stops import COLLEAGUE_REPLIED
from backend.domain.text import clean
from backend.domain.unsubscribe import NO_LINKS, UnsubscribeLinks
from backend.errors import (
    AgenticSalesError,
    ApprovalMissing,
    AskedAgain,
    CheckpointMismatch,
    DecisionUnderWay,
    DraftKept,
    LeaseLost,
    MailRefused,
    RunOverBudget,
    SendDeferred,
    SendNeedsPerson,
    SetAside,
    StatementFailed,
    StatementRefused,
    TextRefused,
    public_sentence,
)
from backend.graphs.campaign_graph import CampaignDeps
from backend.graphs.sending import APPROVAL_MAX_AGE_DAYS, Sending
from backend.ports import Clock, Enrolment, Lease, Mailer, MakeLLM, Remembered, Run, SendLedger, Threads
from backend.sweeps import SWEEP_WIDTH, RunReport, RunStatus, Sweep, SweepReport

LEASE = timedelta(seconds=180)
"""Longer than a run may take, so a live run is never taken over."""
RUN_DEADLINE_S = 150.0
"""Two model calls of 60 s and one send of 15 s, with room to commit."""
RUN_STEP_LIMIT = 12
"""Graph steps of one run; the longest honest run takes six."""
RETRY_AFTER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
"""Waits after the first four failures of a thread; the fifth parks it."""
ANSWER_WAITS_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 0.0)
"""Waits for the run of the first request under a key, between looks whether it has come to its end."""
MAX_FAILURES = len(RETRY_AFTER) + 1

_NEEDS_PERSON = (MailRefused, SendNeedsPerson, ApprovalMissing, CheckpointMismatch)

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Campaigns:
    """The verbs over one set of adapters; `graphs` maps whether the coach is on to the compiled campaign."""

    threads: Threads
    ledger: SendLedger
    graphs: Mapping[bool, CompiledStateGraph[Any, CampaignDeps, Any, Any]]
    make_llm: MakeLLM
    mailer: Mailer
    clock: Clock
    approval_max_age: timedelta = timedelta(days=APPROVAL_MAX_AGE_DAYS)
    sweep_width: int = SWEEP_WIDTH
    rules: SendRules = UNRESTRICTED
    links: UnsubscribeLinks = NO_LINKS
    run_deadline_s: float = RUN_DEADLINE_S
    run_step_limit: int = RUN_STEP_LIMIT

    async def enrol(
        self, campaign_id: str, contact_ids: Sequence[str], *, principal: str, reach: Reach = EVERYWHERE
    ) -> list[Enrolment]:
        """Make the one thread of this campaign and each contact, or find it.

        Raises:
            UnknownCampaign, UnknownContact: it does not exist or lies outside `reach`; nobody was enrolled.
        """
        return await self.threads.enrol(campaign_id, contact_ids, principal=principal, reach=reach)

    async def resume(self, *, max_threads: int = 1000, stop: asyncio.Event | None = None) -> SweepReport:
        """Run every due thread that nobody holds, the longest due first, and every decided draft whose run was cut off.

        Sweeps may overlap: a lease keeps a thread to one of them. A thread that fails never stops the others. When `stop` is
        set nothing more is claimed, and what runs is finished.
        """
        run = partial(self._run, principal="cron")
        sweep = Sweep(self.threads, run, lease=LEASE, width=self.sweep_width, max_threads=max_threads, stop=stop)
        return await sweep.make()

    async def decide(self, draft_id: str, request: DecisionRequest) -> RunReport:
        """Make a person's decision durable, then act on it at once; a crash in between loses nothing, a sweep goes on.

        Raises:
            UnknownDraft, DraftAlreadyDecided, DraftVersionStale, DraftNoLongerWaits, DraftWithdrawn, AddresseeChanged,
            DraftNotReady, TooManyVersions: nothing was decided.
            KeyReused: another request was made under this key; nothing was decided.
            DecisionUnderWay: the same request was made before, and its run has not come to its end yet.
            TextRefused: an edited text has faults and `request.override` is not set; nothing was decided.
            DraftKept: a new version was asked for and could not be written; the old one waits still.
        """
        if request.edited:
            request = replace(request, overridden=await self._examine(draft_id, request.edited, request))
        made = await self.threads.decide(draft_id, request, owner=uuid4().hex, lease=LEASE)
        if isinstance(made, Lease):
            report = await self._run(made, principal=request.principal)
        else:
            report = await self._recall(draft_id, request, made)
        if request.decision == "regenerate" and report.draft_id == draft_id:
            raise DraftKept(draft_id, report.reason)
        return report

    async def decide_together(self, asked: Mapping[str, DecisionRequest]) -> dict[str, AgenticSalesError | None]:
        """Make up to a hundred decisions of one person durable in one request, and say why for each that was not made.

        The next sweep acts on them.

        Raises:
            KeyReused: another request was made under this key; nothing was decided.
        """
        return await self.threads.decide_together(asked, owner=uuid4().hex)

    async def _recall(self, draft_id: str, request: DecisionRequest, made: Remembered) -> RunReport:
        """Answer as the first request under this key was answered, and wait for that where its run is under way."""
        answer = made.answer
        for wait_s in ANSWER_WAITS_S:
            if answer is not None:
                return RunReport(**json.loads(answer))
            await asyncio.sleep(wait_s)
            answer = await self.threads.recall(draft_id, request)
        raise DecisionUnderWay(draft_id)

    async def _examine(self, draft_id: str, edited: Email, request: DecisionRequest) -> tuple[str, ...]:
        """Hold a person's text to the gate that drafts pass, and return the faults that `override` lets through.

        The campaign's list is read only for a text with a link in it.
        """
        subject, body = edited["subject"], edited["body"]
        has_link = await asyncio.to_thread(find_links, clean(f"{subject}\n{body}"))
        links = await self.threads.allowed_links(draft_id, request.reach) if has_link else []
        faults = await asyncio.to_thread(find_faults, subject, body, links)
        if faults and not request.override:
            raise TextRefused(draft_id, faults)
        return tuple(faults)

    async def stop(
        self, campaign_id: str, contact_id: str, *, principal: str, reason: str = "", reach: Reach = EVERYWHERE
    ) -> None:
        """End a thread wherever it stands, between touches too; a draft that waits is withdrawn.

        Raises:
            UnknownCampaign, UnknownContact, UnknownThread: it does not exist or lies outside `reach`; nothing was written.
            ThreadEnded: nothing was written.
        """
        await self.threads.stop(campaign_id, contact_id, principal=principal, reason=reason, reach=reach)

    async def _run(self, lease: Lease, *, principal: str) -> RunReport:
        log = _log.bind(thread_id=lease.thread_id, fence=lease.fence)
        try:
            async with self.threads.run(lease) as run:
                self._compare_clocks(run.case)
                report = await self._commit(run, await self._think(run), principal)
        except LeaseLost as loss:
            log.warning("run.lease_lost")
            return RunReport(thread_id=lease.thread_id, status="lease_lost", error=str(loss))
        except Exception as error:  # noqa: BLE001  # the top of a sweep: one thread's trouble stays its own
            log.warning("run.not_committed", error=type(error).__name__)
            return RunReport(thread_id=lease.thread_id, status="not_committed", error=public_sentence(error))
        log.info("run.committed", status=report.status, step=report.step, sent=report.sent, failed=bool(report.error))
        return report

    def _compare_clocks(self, case: Case) -> None:
        """Say in the log when this host's clock is so far off that nothing will be sent."""
        off = self.clock.now() - case.now
        if abs(off) > MAX_CLOCK_DIFFERENCE:
            _log.error("clock.differs", seconds=round(off.total_seconds()))

    async def _commit(self, run: Run, report: RunReport, principal: str) -> RunReport:
        """Commit the run; what the database will never take is counted as a failure instead, by a small batch of its own."""
        action = run.case.decision["decision"] if run.case.decision else "resume"
        try:
            await run.commit(principal=principal, action=action, answer=json.dumps(asdict(report)))
        except (StatementFailed, StatementRefused) as refusal:
            report = self._fail(run, refusal, keep_state=False)
            await run.commit(principal=principal, action=action, answer=json.dumps(asdict(report)))
        return report

    async def _think(self, run: Run) -> RunReport:
        """Let the graph run and tell `run` what came of it; nothing is written here."""
        thread = run.case.thread
        try:
            _check_stops(run.case)
            async with asyncio.timeout(self.run_deadline_s):
                state = await self._invoke(run)
        except LeaseLost:
            raise
        except (_ThreadEnds, SetAside, SendDeferred, AskedAgain) as word:
            return _put_off(run, word)
        except (GraphRecursionError, TimeoutError) as error:
            budget = f"{self.run_deadline_s:g} s" if isinstance(error, TimeoutError) else f"{self.run_step_limit} steps"
            return self._fail(run, RunOverBudget(thread.thread_id, budget), keep_state=False)
        except Exception as error:  # noqa: BLE001  # the top of a sweep: whatever a node raised is counted against its thread
            return self._fail(run, error, keep_state=True)
        return _tell(run, state)

    async def _invoke(self, run: Run) -> dict[str, Any]:
        graph = self.graphs[run.case.flags.campaign_coach_enabled]
        config = RunnableConfig(configurable={"thread_id": run.case.thread.thread_id}, recursion_limit=self.run_step_limit)
        sending = Sending(self.ledger, self.mailer, self.clock, self.approval_max_age, self.rules, self.links)
        deps = CampaignDeps(case=run.case, lease=run.lease, make_llm=self.make_llm, sending=sending)
        begin = await _begin(graph, config, run.case)
        return await graph.ainvoke(begin, config, context=deps, durability="exit")

    def _fail(self, run: Run, error: Exception, *, keep_state: bool) -> RunReport:
        thread, why = run.case.thread, public_sentence(error)
        _log.warning("run.failed", thread_id=thread.thread_id, error=type(error).__name__, attempts=thread.attempts + 1)
        may_retry = not isinstance(error, _NEEDS_PERSON) and thread.attempts < len(RETRY_AFTER)
        retry_after = RETRY_AFTER[thread.attempts] if may_retry else None
        run.fail(why, retry_after=retry_after, keep_state=keep_state)
        next_touch_at = to_text(run.case.now + retry_after) if retry_after else None
        return _report(thread, thread.status if retry_after else "parked", why, error=why, next_touch_at=next_touch_at)


def _put_off(run: Run, word: Exception) -> RunReport:
    """Tell `run` that nothing was sent, though nothing failed: the thread ends, waits for a person, or is due again."""
    thread, why = run.case.thread, str(word)
    match word:
        case SendDeferred():
            run.defer(word.until, why, cause=word.cause, queue=word.queue)
            return _report(thread, thread.status, why, next_touch_at=to_text(word.until))
        case AskedAgain():
            run.ask_again(why)
            draft_id = run.case.decision["draft_id"] if run.case.decision else None
            return _report(thread, "awaiting_approval", why, draft_id=draft_id)
        case SetAside():
            run.set_aside(why)
            return _report(thread, thread.status, why)
        case _:
            run.schedule("stopped", step=thread.step, next_touch_at=None, reason=why)
            return _report(thread, "stopped", why)


class _ThreadEnds(Exception):  # a past fact
    """The thread comes to its end before anything is composed."""


def _check_stops(case: Case) -> None:
    """Let nothing be composed or sent for a thread that is paused or held; a touch that was attempted is the ledger's to judge.

    What composes and sends nothing goes on: a rejection, and a stop.
    """
    decision = case.decision["decision"] if case.decision else ""
    if case.attempted or decision in {"reject", "stop"}:
        return
    if case.reply_rule == "stop":
        raise _ThreadEnds(COLLEAGUE_REPLIED)
    if case.paused_why or case.reply_rule:
        raise SetAside(case.paused_why or COLLEAGUE_REPLIED)


def _tell(run: Run, state: dict[str, Any]) -> RunReport:
    """Tell `run` where the graph left the thread."""
    thread = run.case.thread
    for waiting in state.get("__interrupt__", ()):
        held: HeldDraft = waiting.value
        why = state["draft"]["graph_meta"].get("asked_again", "")
        run.hold(waiting.id, held, state["draft"], why)
        draft_id = draft_id_of(thread.thread_id, held["step"], held["version"])
        failures = _model_failures(state)
        return RunReport(
            thread.thread_id, "awaiting_approval", why, step=held["step"], draft_id=draft_id, model_failures=failures
        )
    standing: Standing = state["standing"]
    step, next_touch_at = state.get("step", 0), standing["next_touch_at"]
    run.schedule(standing["status"], step=step, next_touch_at=next_touch_at, reason=standing["reason"])
    sent = bool(run.case.decision) and any(
        touch["outcome"] == "sent" and touch["step"] == thread.step for touch in state.get("touches", [])
    )
    return RunReport(thread.thread_id, standing["status"], standing["reason"], step, sent=sent, next_touch_at=next_touch_at)


def _report(thread: Thread, status: RunStatus, reason: str, **more: Any) -> RunReport:
    return RunReport(thread.thread_id, status, reason, thread.step, **more)


async def _begin(
    graph: CompiledStateGraph[Any, CampaignDeps, Any, Any], config: RunnableConfig, case: Case
) -> dict[str, Any] | Command[Any] | None:
    """Choose the input of the graph: a new touch, the decision by its interrupt id, or the rest of a run that was cut off.

    Raises:
        CheckpointMismatch: the graph does not wait with the draft that was decided.
    """
    thread, decision = case.thread, case.decision
    if decision is None:
        return {"thread_id": thread.thread_id}
    snapshot = await graph.aget_state(config)
    waiting = {interrupt.id: interrupt.value for interrupt in snapshot.interrupts}
    if case.interrupt_id in waiting and waiting[case.interrupt_id]["version"] == decision["version"]:
        return Command(resume={case.interrupt_id: decision})
    if not waiting and snapshot.next and (snapshot.values.get("decision") or {}).get("draft_id") == decision["draft_id"]:
        return None
    raise CheckpointMismatch(thread.thread_id, decision["draft_id"])


def _model_failures(state: Mapping[str, Any]) -> int:
    """Count the asks of the run that made this draft and came to nothing; a plan is made in the run of the first draft."""
    metas = [state["draft"]["graph_meta"]]
    if (state.get("step", 0), state["version"]) == (0, 1):
        metas.append(state.get("coach_meta", {}))
    return sum(len(meta.get("model_failures", [])) for meta in metas)
