"""Copies the rows of one thread to another: a body is bound to its thread, so each is opened and sealed anew."""

from collections import Counter
from collections.abc import Callable

from backend.checkpointer.codec import Codec, TextRefused
from backend.checkpointer.rows import BLOB_MARK, Page, about_checkpoint, about_part, about_writes
from backend.checkpointer.sql import COPY_CHECKPOINT, COPY_WRITES, PUT_BLOB, PUT_RUN, statement
from backend.d1.statements import Row, Statement
from backend.errors import CheckpointTampered


def copied(page: Page, source_thread_id: str, target_thread_id: str, codec: Codec) -> list[Statement]:
    """Return what inserts the rows of `page` for the target thread; rows it has already are left alone.

    Raises:
        CheckpointTampered: a row is not one that was written under this key.
    """
    parts = Counter(row["blob_id"] for row in page.blobs)

    def about_blob(row: Row) -> str:
        return about_part(row["thread_id"], row["blob_id"], row["part"], parts[row["blob_id"]])

    def moved(row: Row, about: Callable[[Row], str]) -> Row:
        target = {name: value for name, value in row.items() if name != "newest_id"} | {"thread_id": target_thread_id}
        mark = BLOB_MARK if row["body"].startswith(BLOB_MARK) else ""
        packed = codec.open(row["body"].removeprefix(mark), mark + about(row))
        return target | {"body": mark + codec.seal(packed, mark + about(target))}

    try:
        blobs = [moved(row, about_blob) for row in sorted(page.blobs, key=lambda row: row["part"], reverse=True)]
        writes = [moved(row, about_writes) for row in page.writes]
        checkpoints = [moved(row, about_checkpoint) for row in page.checkpoints]
    except TextRefused as refused:
        raise CheckpointTampered(source_thread_id, str(refused)) from refused
    runs = sorted({row["run_id"] for row in checkpoints if row["run_id"]})
    return [
        *(statement(PUT_BLOB, *row.values()) for row in blobs),
        *(statement(COPY_WRITES, *row.values()) for row in writes),
        *(statement(PUT_RUN, run_id, target_thread_id) for run_id in runs),
        *(statement(COPY_CHECKPOINT, *row.values()) for row in checkpoints),
    ]
