"""The orchestrator with fakes at its ports: what its tests are told with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backend.domain.campaign import Dossier, Email, PastTouch
from backend.domain.facts import Fact
from backend.graphs import email_orchestrator_graph
from backend.graphs.email_orchestrator_graph import OrchestratorDeps
from tests.fakes.clock import FixedClock
from tests.fakes.records import RememberingRecords
from tests.fakes.scripted_model import Lines, ScriptedLLM
from tests.northwind import CAMPAIGN, COMPANY, CONTACT

EMAIL = {"subject": "Your month-end close", "body": "Hello {{first_name}}, three days are a long close. Shall we talk?"}
REPLY = {"subject": "Re: Your month-end close", "body": "Hello {{first_name}}, a fair point. Shall we talk in May?"}
INCOMING = Email(subject="Re: Your month-end close", body="Too dear for us this year, ask again in May.")
SCRIPT: dict[str, Lines] = {
    "email:role_plan": {"roles": ["researcher", "composer", "reviewer"]},
    "email:compose": EMAIL,
    "email:reply": REPLY,
}

_GRAPHS: dict[bool, Any] = {role_plan: email_orchestrator_graph.build(role_plan=role_plan) for role_plan in (False, True)}


def known_records() -> RememberingRecords:
    """One campaign, one contact of a company with two facts, and one email sent before."""
    facts = [
        Fact(
            field="close_days",
            value="Its close takes three days",
            confidence=0.9,
            source="annual report",
            observed_at="2026-10-01",
        ),
        Fact(field="erp", value="It runs two ledgers", confidence=0.5, source="careers page", observed_at="2026-09-01"),
    ]
    history = [PastTouch(step=0, subject="A question", body="May I ask one?", sent_at="2026-11-01T09:00:00.000Z")]
    dossier = Dossier(contact={**CONTACT, "time_zone": None}, company=COMPANY, facts=facts, history=history, memories=[], suppressed=False)
    return RememberingRecords({"close": CAMPAIGN}, {"ada": dossier})


@dataclass
class Team:
    """The orchestrator, its script, and what became of its runs; `payloads` holds what its workers were handed."""

    model: ScriptedLLM
    records: RememberingRecords = field(default_factory=known_records)
    clock: FixedClock = field(default_factory=FixedClock)
    payloads: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    async def write(self, incoming: Email | None = None, *, led: bool = True) -> dict[str, Any]:
        """Run once, led or as the baseline, and return the state at the end."""
        state: dict[str, Any] = {"campaign_id": "close", "contact_id": "ada"}
        if incoming:
            state["incoming"] = incoming
        deps = OrchestratorDeps(records=self.records, make_llm=self.model, clock=self.clock)
        async for namespace, values in _GRAPHS[led].astream(state, context=deps, stream_mode="values", subgraphs=True):
            if not namespace:
                state = values
            elif values.keys() == {"payload"}:
                self.payloads.append(values["payload"])
        return state

    def requests(self, name: str | None = None) -> list[dict[str, str]]:
        """What the model was asked, of one prompt path or of all, in order."""
        return [
            {"tier": asked.tier, "name": asked.prompt.name, "system": asked.prompt.system, "user": asked.prompt.user}
            for asked in self.model.asked
            if name in {None, asked.prompt.name}
        ]


def team(**lines: Lines | Sequence[Lines]) -> Team:
    """A team whose model follows `SCRIPT`, with these lines instead: `role_plan`, `compose` or `reply`."""
    instead: Mapping[str, Any] = {f"email:{path}": line for path, line in lines.items()}
    return Team(ScriptedLLM({**SCRIPT, **instead}))


def silent_team() -> Team:
    """A team whose model may not be asked."""
    return Team(ScriptedLLM({}, switched_off=True))
