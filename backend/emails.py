"""One email for one contact, written by the organised team of AA06; a draft comes back, and nothing is sent."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphRecursionError
from langgraph.graph.state import CompiledStateGraph

from backend.domain.access import EVERYWHERE, Reach
from backend.domain.campaign import Email
from backend.errors import RunOverBudget
from backend.graphs.email_orchestrator_graph import OrchestratorDeps
from backend.ports import Clock, MakeLLM, Records

RUN_DEADLINE_S = 150.0
RUN_STEP_LIMIT = 15


@dataclass(frozen=True, slots=True)
class Emails:
    """The orchestrator over one set of adapters; `graphs` maps whether the role plan is on to the compiled graph."""

    records: Records
    graphs: Mapping[bool, CompiledStateGraph[Any, OrchestratorDeps, Any, Any]]
    make_llm: MakeLLM
    clock: Clock

    async def write(
        self, campaign_id: str, contact_id: str, *, incoming: Email | None = None, reach: Reach = EVERYWHERE
    ) -> dict[str, Any]:
        """Run the team once and return what it found: `action`, its provenance, and unless it is `skip` the `draft`.

        Raises:
            UnknownCampaign, UnknownContact: it does not exist or lies outside `reach`; no draft was made.
            RunOverBudget: no draft was made and nothing was remembered.
        """
        flags = await self.records.flags()
        graph = self.graphs[flags.orchestrator_role_plan]
        deps = OrchestratorDeps(self.records, self.make_llm, self.clock, reach)
        begin = {"campaign_id": campaign_id, "contact_id": contact_id, **({"incoming": incoming} if incoming else {})}
        try:
            async with asyncio.timeout(RUN_DEADLINE_S):
                state = await graph.ainvoke(begin, RunnableConfig(recursion_limit=RUN_STEP_LIMIT), context=deps)
        except (GraphRecursionError, TimeoutError) as error:
            raise RunOverBudget(contact_id, f"{RUN_DEADLINE_S:.0f} s and {RUN_STEP_LIMIT} steps") from error
        found = ("action", "action_provenance", "role_plan", "draft", "graph_meta")
        return {key: state[key] for key in found if key in state}
