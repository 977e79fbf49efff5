"""`D1Saver`: LangGraph's checkpointer on D1 (specs/D1-checkpointer.md).

    saver = D1Saver(database, key=checkpoint_key)     # key: at least 32 characters, or None for no encryption
    await saver.setup()
    graph = builder.compile(checkpointer=saver)       # ainvoke, aget_state …; async only

Outside a transaction every call is durable when it returns. Inside one the saver joins it: what it writes is staged and read back from
there, and is committed with the run. The run's opening batch may carry the saver's reads, so that the run itself makes none:

    reads = saver.latest_statements(thread_id)        # three SELECTs
    results = await database.batch([*own, *reads])
    saver.prefetch(transaction, thread_id, results[len(own):])
    with transaction.opened():
        await graph.ainvoke(…, durability="exit")     # no request
        await transaction.commit(database)            # one request
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, cast
from uuid import uuid4

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from backend.d1.checkpoint_codec import Codec
from backend.d1.checkpoint_commits import GroupCommit, Head, StagedRun, Unit, head_of, remember_head
from backend.d1.checkpoint_rows import Decoder, Encoder, Page, Stored
from backend.d1.checkpoint_sql import DELETE_THREAD, Place, select_one
from backend.d1.migrate import migrate
from backend.d1.transaction import Transaction, current_transaction
from backend.ports import Database, Result, Statement


class _Core:
    """What the shallow copies that `with_allowlist` makes of a saver share."""

    def __init__(self, database: Database, key: str | None) -> None:
        self.database = database
        self.codec = Codec(key)
        self.commits = GroupCommit(database)


class D1Saver(BaseCheckpointSaver[int]):
    """Keeps checkpoints in D1; asynchronous methods only."""

    def __init__(self, database: Database, key: str | None = None) -> None:
        super().__init__(serde=JsonPlusSerializer(allowed_msgpack_modules=None))
        self._core = _Core(database, key)

    async def setup(self) -> list[str]:
        """Apply the migrations that the database lacks and return their names."""
        return await migrate(self._core.database)

    def latest_statements(self, thread_id: str, checkpoint_ns: str = "") -> list[Statement]:
        """Return the three SELECTs that read the thread's latest checkpoint, for a batch that reads other things too."""
        return select_one(Place(thread_id, checkpoint_ns))

    def prefetch(
        self,
        transaction: Transaction,
        thread_id: str,
        results: Sequence[Result],
        checkpoint_ns: str = "",
    ) -> None:
        """Hand the results of `latest_statements` to the run's transaction, so that its reads make no request."""
        self._joined(transaction).prefetched[(thread_id, checkpoint_ns)] = Page.of(results)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Read one checkpoint, the latest unless `config` names one, in one request or none."""
        place = _place_of(config)
        transaction = current_transaction()
        page = await self._read(place, self._joined(transaction) if transaction else None)
        found = self._decoder().tuples(page)
        return found[0] if found else None

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,  # noqa: ARG002  # values are addressed by content, so what did not change is not sent again
    ) -> RunnableConfig:
        """Store a checkpoint."""
        parent = _place_of(config)
        kept = get_serializable_checkpoint_metadata(config, metadata)
        stored = self._encoder().checkpoint(parent, parent.checkpoint_id, checkpoint, kept)
        await self._write(parent, stored)
        return _config_of(Place(parent.thread_id, parent.checkpoint_ns, checkpoint["id"]))

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store the writes of a task on the checkpoint that `config` names."""
        place = _place_of(config)
        indexed = [(WRITES_IDX_MAP.get(channel, idx), channel, value) for idx, (channel, value) in enumerate(writes)]
        await self._write(place, self._encoder().writes(place, task_id, uuid4().hex, task_path, indexed))

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete everything of a thread, in one request."""
        await self._core.database.batch([Statement(sql, (f'["{thread_id}"]',)) for sql in DELETE_THREAD])

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002  # the contract's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """List checkpoints, the newest first."""
        raise NotImplementedError
        yield

    async def _read(self, place: Place, joined: StagedRun | None) -> Page:
        page = joined.prefetched.get((place.thread_id, place.checkpoint_ns)) if joined else None
        known = page is not None and (
            place.checkpoint_id is None or any(row["checkpoint_id"] == place.checkpoint_id for row in page.checkpoints)
        )
        if joined and not known and place.checkpoint_id:
            staged = joined.overlay(place, None)
            known = bool(staged.checkpoints)
        if not known:
            page = Page.of(await self._core.database.batch(select_one(place)))
        if head_of(self._core, place) is None or joined is None or not joined.units:
            remember_head(self._core, _head(place, page))
        return joined.overlay(place, page) if joined else page or Page([], [], [])

    async def _write(self, place: Place, stored: Stored) -> None:
        unit = Unit(stored, head_of(self._core, place))
        transaction = current_transaction()
        if transaction is not None:
            self._joined(transaction).units.append(unit)
        else:
            await self._core.commits.commit(unit)

    def _joined(self, transaction: Transaction) -> StagedRun:
        found = transaction.participant(self._core)
        return found if isinstance(found, StagedRun) else transaction.join(self._core, StagedRun())

    def _encoder(self) -> Encoder:
        return Encoder(self._core.codec, self.serde)

    def _decoder(self) -> Decoder:
        return Decoder(self._core.codec, self.serde)


def _head(place: Place, page: Page | None) -> Head:
    rows = page.checkpoints if page else []
    newest_id = rows[0]["newest"] if rows else None
    return Head((place.thread_id, place.checkpoint_ns), newest_id, set())


def _place_of(config: RunnableConfig) -> Place:
    configurable = cast("dict[str, Any]", config.get("configurable", {}))
    return Place(
        thread_id=str(configurable["thread_id"]),
        checkpoint_ns=configurable.get("checkpoint_ns") or "",
        checkpoint_id=configurable.get("checkpoint_id"),
    )


def _config_of(place: Place) -> RunnableConfig:
    return {
        "configurable": {
            "thread_id": place.thread_id,
            "checkpoint_ns": place.checkpoint_ns,
            "checkpoint_id": place.checkpoint_id,
        },
    }
