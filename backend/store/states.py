"""The state of a thread's graph, as its latest checkpoint holds it."""

from collections.abc import Sequence
from typing import cast

from langchain_core.runnables import RunnableConfig

from backend.checkpointer import D1Saver
from backend.d1.statements import Result
from backend.d1.transaction import Transaction
from backend.errors import CheckpointTampered, public_sentence
from backend.graphs.campaign_graph import CampaignState


async def read_state(saver: D1Saver, thread_id: str, results: Sequence[Result]) -> tuple[CampaignState, str]:
    """Read a thread's state from the results of `saver.latest_statements`; with none, say what is wrong with the checkpoint."""
    transaction = Transaction()
    saver.prefetch(transaction, thread_id, results)
    try:
        with transaction.opened():
            found = await saver.aget_tuple(RunnableConfig(configurable={"thread_id": thread_id}))
    except CheckpointTampered as refused:
        return {}, public_sentence(refused)
    return cast("CampaignState", found.checkpoint["channel_values"] if found else {}), ""
