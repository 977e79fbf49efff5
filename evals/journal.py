"""The trials of a run under way, a line each, on disk as soon as they are made: a killed run is taken up where it stood.

Every line is sealed with the one before it. A last line without its end was being written when the process died, and is
dropped; any other line that does not fit was edited, and the run is refused.
"""

import fcntl
import json
import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from io import BufferedRandom
from pathlib import Path
from typing import Any

from evals.trials import Trial, dump, read_trial


class JournalRefused(ValueError):
    """The trials on disk are not what a run of this design wrote, or another run writes them."""


class Journal:
    """The open file of one run; `trials` are those it holds."""

    def __init__(self, file: BufferedRandom, head: dict[str, Any]) -> None:
        self._file = file
        self._seal = ""
        self.trials: list[Trial] = []
        entries = self._read()
        if not entries:
            self._write(head)
        elif entries[0] != json.loads(dump(head)):
            problem = "the trials on disk are of another run"
            raise JournalRefused(problem)
        self.trials = [read_trial(fields) for fields in entries[1:]]

    def add(self, trial: Trial) -> None:
        """Write a trial down; it survives the process from here on."""
        self._write(json.loads(trial.line()))
        self.trials.append(trial)

    def _write(self, entry: dict[str, Any]) -> None:
        self._seal = _seal(self._seal, entry)
        self._file.write(f"{dump({'seal': self._seal, 'entry': entry})}\n".encode())
        self._file.flush()
        os.fsync(self._file.fileno())

    def _read(self) -> Sequence[dict[str, Any]]:
        """Read whole lines, check that each follows from the one before, and cut off a half one."""
        text = self._file.read()
        whole, _, half = text.rpartition(b"\n")
        entries: list[dict[str, Any]] = []
        for number, line in enumerate(whole.split(b"\n") if whole else [], 1):
            try:
                found = json.loads(line)
                entry, seal = found["entry"], found["seal"]
            except (ValueError, KeyError, TypeError) as error:
                problem = f"line {number} cannot be read"
                raise JournalRefused(problem) from error
            self._seal = _seal(self._seal, entry)
            if seal != self._seal:
                problem = f"line {number} was edited, or a line before it is gone"
                raise JournalRefused(problem)
            entries.append(entry)
        self._file.truncate(len(text) - len(half))
        self._file.seek(0, os.SEEK_END)
        return entries


@contextmanager
def open_journal(path: Path, head: dict[str, Any]) -> Generator[Journal]:
    """Open the journal of the run that `head` describes, alone.

    Raises:
        JournalRefused: another process has it open, it is of another run, or it was edited; nothing was written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            problem = "another run of this attempt is under way"
            raise JournalRefused(problem) from error
        yield Journal(file, head)


def _seal(before: str, entry: dict[str, Any]) -> str:
    return sha256(f"{before}{dump(entry)}".encode()).hexdigest()
