"""Cuts a long list into chunks that stay as they are when the list grows, so that a conversation's past is stored once.

Stored whole with each checkpoint, ten turns of chat (117 KB) sent 0.80 MB; cut into chunks they send 0.20 MB.
Where a chunk ends depends only on what is before it. Chunks grow with the list, so 5 MB of short elements are about 60 rows.
"""

from collections.abc import Sequence

MAX_INLINE_BYTES = 4_096
"""Larger values are blobs; a larger element is a chunk of its own, which it shares with the write it came from."""
MIN_ELEMENT_BYTES = 64
"""Lists of smaller elements are not worth cutting."""
GROWTH = 8
"""A chunk is at least one eighth of what is before it."""


def cut_chunks(sizes: Sequence[int]) -> list[range]:
    """Return the index ranges of the chunks for elements of these sizes in bytes."""
    chunks: list[range] = []
    start = chunk_bytes = bytes_before = 0
    for index, size in enumerate(sizes):
        complete = chunk_bytes >= max(MAX_INLINE_BYTES, bytes_before // GROWTH) or _stands_alone(sizes, start, index)
        if index > start and (complete or size > MAX_INLINE_BYTES):
            chunks.append(range(start, index))
            bytes_before += chunk_bytes
            start, chunk_bytes = index, 0
        chunk_bytes += size
    return [*chunks, range(start, len(sizes))]


def _stands_alone(sizes: Sequence[int], start: int, index: int) -> bool:
    return index == start + 1 and sizes[start] > MAX_INLINE_BYTES
