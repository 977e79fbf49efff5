"""The five prompt paths as they are measured: one example, run in one arm through the graphs the service runs.

Nothing but the model is asked: clock, records, ledger and mailer are in memory. What the product does wrong is part of the
output; a model that could not be reached says nothing of the product and raises.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import count
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, Interrupt

from backend.domain.campaign import (
    Campaign,
    Case,
    DecisionRecord,
    Dossier,
    Draft,
    Email,
    GraphMeta,
    PastTouch,
    Thread,
    draft_id_of,
    thread_id_of,
)
from backend.domain.facts import MAX_COMPANY_FACTS
from backend.domain.flags import Flags
from backend.domain.instants import from_text, to_text
from backend.errors import ModelCallFailed
from backend.graphs.campaign_graph import CampaignDeps, CoachPlan
from backend.graphs.email_orchestrator_graph import OrchestratorDeps, RolePlan
from backend.graphs.registry import GRAPHS
from backend.graphs.sending import Sending
from backend.graphs.writing import add_up
from backend.ports import Lease, MakeLLM
from evals.evaluators import CHECKS
from evals.examples import Arm, Example, Output, Subject, Touch
from evals.stage import PaperLedger, PaperMailer, PaperRecords, StageClock

STARTS_AT = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)
_MAX_RUNS = 20
"""Six touches take six runs to a draft, six to a send and one for the first gap."""
_APPROVER = "eval"

_played = count()


@dataclass
class _Thread:
    """One campaign thread in memory; each run reads a case that holds what was sent before."""

    example: Example
    arm: Arm
    make_llm: MakeLLM

    def __post_init__(self) -> None:
        self.clock = StageClock(STARTS_AT)
        self.dossier = _dossier(self.example)
        self.history = [*self.dossier["history"]]
        self.dossier["history"] = self.history
        campaign = _campaign(self.example)
        contact_id = self.dossier["contact"]["contact_id"]
        self.thread_id = thread_id_of(campaign["campaign_id"], contact_id)
        self.graph: Any = _campaign_graph(coach=self.arm == "on")
        self.key = f"{self.thread_id}:{next(_played)}"
        self.config = RunnableConfig(configurable={"thread_id": self.key})
        self.state: dict[str, Any] = {}
        self.touches: list[Touch] = []
        self.metas: list[GraphMeta] = []

    async def play(self, *, first_draft_only: bool) -> None:
        """Run the thread until a draft is held, or approve every draft until the thread has ended."""
        try:
            for _ in range(_MAX_RUNS):
                held: Sequence[Interrupt] = await self._run({"thread_id": self.thread_id})
                if held and not first_draft_only:
                    await self._run(Command(resume={held[0].id: self._approve()}))
                elif held:
                    return
                standing = self.state["standing"]
                if standing["status"] != "scheduled":
                    return
                self.clock.at = from_text(standing["next_touch_at"])
        finally:
            await cast("InMemorySaver", self.graph.checkpointer).adelete_thread(self.key)

    async def _run(self, begin: Any) -> Sequence[Interrupt]:
        """One run of the graph; what it waits with, or nothing."""
        lease = Lease(self.thread_id, owner=_APPROVER, fence=1)
        sending = Sending(PaperLedger(self.clock), PaperMailer(), self.clock)
        deps = CampaignDeps(case=self._case(), lease=lease, make_llm=self.make_llm, sending=sending)
        self.state = await self.graph.ainvoke(begin, self.config, context=deps, durability="exit")
        held: Sequence[Interrupt] = self.state.get("__interrupt__", ())
        if held:
            draft: Draft = self.state["draft"]
            due_day = (self.clock.now() - STARTS_AT).days
            step = self.state.get("step", 0)
            self.touches.append(Touch(step=step, due_day=due_day, subject=draft["subject"], body=draft["body"]))
            self.metas.append(draft["graph_meta"])
        return held

    def _case(self) -> Case:
        return Case(
            now=self.clock.now(),
            thread=Thread(
                thread_id=self.thread_id,
                campaign_id=self.example.inputs["campaign"]["campaign_id"],
                contact_id=self.dossier["contact"]["contact_id"],
                status="scheduled",
                step=len(self.touches),
                enrolled_at=to_text(STARTS_AT),
                next_touch_at=to_text(self.clock.now()),
                status_reason="",
                attempts=0,
            ),
            campaign=_campaign(self.example),
            dossier=self.dossier,
            flags=Flags(campaign_coach_enabled=self.arm == "on"),
        )

    def _approve(self) -> DecisionRecord:
        """The approval of the held draft, and the draft as the email it becomes."""
        touch, version = self.touches[-1], self.state["version"]
        at = to_text(self.clock.now())
        sent = PastTouch(step=touch["step"], subject=touch["subject"], body=touch["body"], sent_at=at)
        self.history.append(sent)
        return DecisionRecord(
            decision="approve",
            draft_id=draft_id_of(self.thread_id, touch["step"], version),
            version=version,
            decided_by=_APPROVER,
            decided_at=at,
            approved=Email(subject=touch["subject"], body=touch["body"]),
            feedback="",
            reason="",
            accepts_default=True,
        )


async def _play_plan(example: Example, arm: Arm, make_llm: MakeLLM) -> Output:
    return await _play_campaign(example, arm, make_llm, first_draft_only=True)


async def _play_sequence(example: Example, arm: Arm, make_llm: MakeLLM) -> Output:
    return await _play_campaign(example, arm, make_llm, first_draft_only=False)


async def _play_campaign(example: Example, arm: Arm, make_llm: MakeLLM, *, first_draft_only: bool) -> Output:
    thread = _Thread(example, arm, make_llm)
    await thread.play(first_draft_only=first_draft_only)
    plan: CoachPlan | None = thread.state.get("coach_plan")
    status = thread.state.get("standing", {}).get("status")
    return Output(
        touches=thread.touches,
        plan={**plan} if plan else None,
        roles=None,
        treated=plan is not None and plan["provenance"]["source"] == "model",
        failure="" if thread.touches or status == "stopped" else "the thread came to no draft",
        meta=add_up(thread.state.get("coach_meta", GraphMeta()), *thread.metas),
    )


async def _play_email(example: Example, arm: Arm, make_llm: MakeLLM) -> Output:
    """Have the orchestrator write one email, with the role plan in the arm `on`."""
    campaign, dossier = _campaign(example), _dossier(example)
    begin: dict[str, Any] = {"campaign_id": campaign["campaign_id"], "contact_id": dossier["contact"]["contact_id"]}
    if incoming := example.inputs["incoming"]:
        begin["incoming"] = incoming
    deps = OrchestratorDeps(PaperRecords(campaign, dossier), make_llm, StageClock(STARTS_AT))
    graph = GRAPHS["email_orchestrator"].build(role_plan=arm == "on")
    state: dict[str, Any] = await graph.ainvoke(begin, context=deps)
    plan: RolePlan | None = state.get("role_plan")
    draft: Draft | None = state.get("draft")
    step = len(dossier["history"])
    return Output(
        touches=[Touch(step=step, due_day=0, subject=draft["subject"], body=draft["body"])] if draft else [],
        plan=None,
        roles=list(plan["roles"]) if plan else None,
        treated=plan is not None and plan["provenance"]["source"] == "model",
        failure="" if draft or state["action"] == "skip" else "the team wrote no draft",
        meta=state.get("graph_meta", GraphMeta()),
    )


def _subject(path: str, play: Callable[[Example, Arm, MakeLLM], Awaitable[Output]]) -> Subject:
    async def run(example: Example, arm: Arm, make_llm: MakeLLM) -> Output:
        """Run one example; only what says nothing of the product raises: `ModelCallFailed` and `OSError`."""
        try:
            output = await play(example, arm, make_llm)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever else is raised is what the product did with the example
            failure = f"{type(error).__name__}: {error}"
            return Output(touches=[], plan=None, roles=None, treated=False, failure=failure, meta=GraphMeta())
        for failed in output["meta"].get("model_failures", []):
            if failed["error"] == ModelCallFailed.__name__:
                raise ModelCallFailed(failed["why"])
        return output

    return Subject(path=path, checks=CHECKS[path], run=run)


@cache
def _campaign_graph(*, coach: bool) -> Any:
    return GRAPHS["campaign"].build(InMemorySaver(), coach=coach)


def _campaign(example: Example) -> Campaign:
    return cast("Campaign", example.inputs["campaign"])


def _dossier(example: Example) -> Dossier:
    """Read what is known of the example's contact; of the facts the surest, as the store gives them."""
    inputs = example.inputs
    facts = sorted(inputs["facts"], key=lambda fact: (-fact["confidence"], fact["field"], fact["source"]))
    return Dossier(
        contact=inputs["contact"],
        company=inputs["company"],
        facts=facts[:MAX_COMPANY_FACTS],
        history=inputs["history"],
        memories=inputs["memories"],
        suppressed=inputs["suppressed"],
    )


SUBJECTS: dict[str, Subject] = {
    "campaign:coach_plan": _subject("campaign:coach_plan", _play_plan),
    "campaign:final_response": _subject("campaign:final_response", _play_sequence),
    "email:role_plan": _subject("email:role_plan", _play_email),
    "email:compose": _subject("email:compose", _play_email),
    "email:reply": _subject("email:reply", _play_email),
}
"""Each prompt path as it is run and checked; the judged checks are added by whoever has a judge (`evals.judge`)."""
