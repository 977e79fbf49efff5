"""A saver without synchronous methods, which says so."""

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple


class AsyncOnlySaver(BaseCheckpointSaver[int]):
    """Refuses every synchronous method with the name of the one to call."""

    def get_tuple(self, config: Any) -> CheckpointTuple | None:
        """Refuse."""
        return self._refuse("aget_tuple", config)

    def list(self, config: Any, **conditions: Any) -> Iterator[CheckpointTuple]:
        """Refuse."""
        return self._refuse("alist", config, conditions)

    def put(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
        """Refuse."""
        return self._refuse("aput", config, checkpoint, metadata, new_versions)

    def put_writes(self, config: Any, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = "") -> None:
        """Refuse."""
        self._refuse("aput_writes", config, writes, task_id, task_path)

    def delete_thread(self, thread_id: str) -> None:
        """Refuse."""
        self._refuse("adelete_thread", thread_id)

    def _refuse(self, name: str, *_arguments: Any) -> NoReturn:
        message = f"{type(self).__name__} is asynchronous: call {name}, or ainvoke, aget_state … on the graph."
        raise NotImplementedError(message)
