"""The trials of a run on disk: what a killed run leaves is taken up, and what was edited is refused."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from evals import journal
from evals.journal import JournalRefused, open_journal
from tests.evals.actors import FLAG, Actor, examples
from tests.evals.test_run import JOURNAL, measure


@pytest.mark.req("MEASURE-R5")
def test_a_killed_run_is_taken_up_where_it_stood() -> None:
    """Killed by the kernel in the middle, half a line left behind: no trial is made twice, and the verdict is the same."""
    victim = "import asyncio; from tests.evals.test_run import *; asyncio.run(measure(Actor(kills='e4'), examples(6, 6)))"
    environment = {"PYTHONPATH": str(Path(journal.__file__).parents[1])}
    command = [sys.executable, "-c", victim]
    killed = subprocess.run(command, env=environment, check=False, capture_output=True)  # noqa: S603  # our own code
    assert killed.returncode == -9
    before = JOURNAL.read_bytes()
    assert before.count(b"\n") > 3
    JOURNAL.write_bytes(before + b'{"seal": "half')
    verdict, outcome = asyncio.run(measure(Actor(), examples(6, 6)))
    assert JOURNAL.read_bytes().startswith(before)
    assert len({trial.key for trial in outcome.trials}) == len(outcome.trials) == 36
    assert verdict.paths[0].missing == 0


@pytest.mark.req("MEASURE-R6")
def test_a_journal_that_was_edited_is_refused() -> None:
    """A line changed, a line taken out, a line that is none, and a journal of another run; another process's is left alone."""
    asyncio.run(measure(Actor(), examples(2, 2)))
    whole = JOURNAL.read_bytes()
    lines = whole.splitlines(keepends=True)
    edits = [whole.replace(b"0.001", b"0.002", 1), b"".join(lines[:3] + lines[4:]), whole + b"{}\n", b"".join(lines[1:])]
    for edited in edits:
        JOURNAL.write_bytes(edited)
        with pytest.raises(JournalRefused), open_journal(JOURNAL, {"flag": FLAG}):
            pass
        assert JOURNAL.read_bytes() == edited
    JOURNAL.write_bytes(whole)
    with pytest.raises(JournalRefused, match="of another run"), open_journal(JOURNAL, {"flag": "other"}):
        pass
    first, second = (open_journal(JOURNAL, {"flag": FLAG}) for _ in range(2))
    with first, pytest.raises(JournalRefused, match="under way"), second:
        pass
