"""`D1Saver`: LangGraph's checkpointer on D1. What it promises is numbered in specs/D1-checkpointer.md.

    saver = D1Saver(database, key=checkpoint_key)     # a key of at least 32 characters, or None for no encryption
    await saver.setup()
    graph = builder.compile(checkpointer=saver)       # ainvoke, aget_state …: asynchronous methods only

Outside a transaction a call returns when its rows are durable; calls that arrive while a batch is in flight share the next. The
one exception is the checkpoint of a run's input that another task than the one which read the thread puts, as LangGraph does:
its call returns at once, and it is durable when the run's next call returns.

Inside a transaction the saver joins it: what it writes is staged, read back from there, and committed with the run. The batch
that opens a run may carry the saver's reads, so that the run itself makes none:

    reads = saver.latest_statements(thread_id)
    results = await database.batch([*own, *reads])
    transaction = Transaction()
    saver.prefetch(transaction, thread_id, results[len(own):])
    with transaction.opened():
        await graph.ainvoke(…, durability="exit")     # no request
        await transaction.commit(database)            # one request
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from backend.checkpointer.async_only import AsyncOnlySaver
from backend.checkpointer.copying import copied
from backend.checkpointer.core import Core
from backend.checkpointer.decode import Decoder, config_of, place_of
from backend.checkpointer.encode import Encoder
from backend.checkpointer.rows import Page, to_json
from backend.checkpointer.sql import (
    DELETE_RUNS,
    DELETE_THREADS,
    PRUNE,
    Listing,
    Place,
    select_latest,
    select_thread,
    statement,
)
from backend.d1.migrate import migrate
from backend.d1.statements import Database, Result, Statement
from backend.d1.transaction import Transaction
from backend.errors import FilterRefused

PAGE_SIZE = 25
"""Checkpoints read in one request by `alist`."""
_FILTER_KEY = re.compile(r"[A-Za-z0-9_]+")


class D1Saver(AsyncOnlySaver):
    """Keeps checkpoints in D1.

    With `keep_latest` a thread keeps only its latest checkpoint, which is all that a run needs: there is no history then, and
    no going back. A checkpoint whose delta channels are rebuilt from ancestors keeps those.

    Raises:
        SettingRefused: the key is short, or the extra `encryption` is not installed.
    """

    def __init__(self, database: Database, key: str | None = None, *, keep_latest: bool = False) -> None:
        super().__init__(serde=JsonPlusSerializer(allowed_msgpack_modules=None))
        self._core = Core(database, key)
        self._keep_latest = keep_latest

    async def setup(self) -> list[str]:
        """Apply the saver's own migrations that the database lacks, and return their names."""
        return await migrate(self._core.database, "backend.checkpointer")

    # A run's transaction

    def latest_statements(self, *thread_ids: str, checkpoint_ns: str = "") -> list[Statement]:
        """Return the three SELECTs that read the latest checkpoint of each thread, for a batch that reads other things too."""
        return select_latest(thread_ids, checkpoint_ns)

    def prefetch(self, transaction: Transaction, thread_id: str, results: Sequence[Result], checkpoint_ns: str = "") -> None:
        """Hand what `latest_statements` found of this thread to the run's transaction, so that reading it makes no request."""
        self._core.prefetch(transaction, Place(thread_id, checkpoint_ns), Page.of(results, thread_id))

    # Reading

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Read one checkpoint, the latest unless `config` names one, in one request; in none where the transaction has it.

        Raises:
            CheckpointTampered: a row is not one that was written under this key.
        """
        page = await self._core.read(place_of(config))
        return next(iter(self._decoder(page).tuples()), None)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002  # the contract's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """List committed checkpoints, the newest first, `PAGE_SIZE` a request.

        Raises:
            FilterRefused: a filter's key is not made of letters, digits and underscores. Nothing was sent.
            CheckpointTampered: a row is not one that was written under this key.
        """
        listing = self._listing(config, filter or {}, before)
        left = limit
        while left is None or left > 0:
            size = PAGE_SIZE if left is None else min(left, PAGE_SIZE)
            page = await self._core.fetch(listing.statements(size))
            for found in self._decoder(page).tuples():
                yield found
            if len(page.checkpoints) < size:
                return
            left = None if left is None else left - size
            listing = listing.after(page.checkpoints[-1])

    async def aget_delta_channel_history(
        self,
        *,
        config: RunnableConfig,
        channels: Sequence[str],
    ) -> Mapping[str, DeltaChannelHistory]:
        """Read the writes of `channels` since their nearest stored values, in one request however far up those are."""
        if not channels:
            return {}
        place = place_of(config)
        if place.checkpoint_id is None:
            latest = await self.aget_tuple(config)
            place = place_of(latest.config) if latest else place._replace(checkpoint_id="")
        page = await self._core.read_ancestors(place, to_json(list(channels)))
        return self._decoder(page).delta_history(channels)

    # Writing

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,  # noqa: ARG002  # values go by content, so what did not change is not sent again
    ) -> RunnableConfig:
        """Store a checkpoint under the parent that `config` names.

        Raises:
            ThreadMovedOn: another run committed to the thread since this one read it; nothing was written.
        """
        kept = get_serializable_checkpoint_metadata(config, metadata)
        stored = self._encoder().checkpoint(place_of(config), checkpoint, kept)
        await self._core.write(stored, may_wait=kept.get("source") == "input")
        return config_of(stored.place)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store what a task wrote on the checkpoint that `config` names.

        Raises:
            ThreadMovedOn: another run committed to the thread since this one read it; nothing was written.
        """
        indexed = [(WRITES_IDX_MAP.get(channel, index), channel, value) for index, (channel, value) in enumerate(writes)]
        stored = self._encoder().writes(place_of(config), indexed, task_id=task_id, task_path=task_path, call_id=uuid4().hex)
        await self._core.write(stored)

    # Deleting and copying; each is one batch, also inside a transaction, and not part of it

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete everything of a thread."""
        await self._delete(DELETE_THREADS, [thread_id])

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints that these runs made, their writes, and the blobs nothing else needs."""
        await self._delete(DELETE_RUNS, run_ids)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Keep the latest checkpoint of each namespace and the ancestors its delta channels need, or with "delete" nothing.

        Raises:
            ValueError: there is no such strategy; nothing was deleted.
        """
        plans = {"keep_latest": PRUNE, "delete": DELETE_THREADS}
        if strategy not in plans:
            message = f"strategy is {strategy!r}, and may be 'keep_latest' or 'delete'"
            raise ValueError(message)
        await self._delete(plans[strategy], thread_ids)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy everything of a thread, sealed anew for its place: one request to read, one to write.

        Raises:
            CheckpointTampered: a row is not one that was written under this key; nothing was copied.
        """
        page = await self._core.fetch(select_thread(source_thread_id))
        statements = copied(page, source_thread_id, target_thread_id, self._core.codec)
        await self._core.change(statements)

    # How

    async def _delete(self, plan: Sequence[str], ids: Sequence[str]) -> None:
        if ids:
            await self._core.change([statement(sql, to_json(list(ids))) for sql in plan])

    def _listing(self, config: RunnableConfig | None, wanted: Mapping[str, Any], before: RunnableConfig | None) -> Listing:
        for key in wanted:
            if not _FILTER_KEY.fullmatch(key):
                raise FilterRefused(key)
        configurable: Mapping[str, Any] = config.get("configurable", {}) if config else {}
        absent: dict[str, str | None] = {self._core.codec.tag(key): None for key, value in wanted.items() if value is None}
        return Listing(
            thread_id=str(configurable["thread_id"]) if "thread_id" in configurable else None,
            checkpoint_ns=configurable.get("checkpoint_ns"),
            checkpoint_id=configurable.get("checkpoint_id"),
            before_id=before.get("configurable", {}).get("checkpoint_id") if before else None,
            tags=absent | self._encoder().tags(dict(wanted)),
        )

    def _encoder(self) -> Encoder:
        return Encoder(self._core.codec, self.serde, keep_latest=self._keep_latest)

    def _decoder(self, page: Page) -> Decoder:
        return Decoder(self._core.codec, self.serde, page)
