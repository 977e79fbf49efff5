"""Which faults the tests would not see: small changes are made to a module, one at a time, and its tests run on each.

`uv run python -m tests.mutation` mutates every module of `TESTS`; `--module` names some of them, `--limit` and `--seed` draw a
sample. Each mutant is a fork that imports the changed module in place of the real one, so nothing on disk is touched. It prints
each mutant with the test that killed it, and at the end the score and what survived; a survivor is a missing test, or a change
that makes no difference.
"""

import argparse
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_loader
from multiprocessing import connection, get_context
from multiprocessing.context import ForkProcess
from pathlib import Path
from types import CodeType, ModuleType
from typing import cast

import pytest

from tests.mutants import Mutant, mutants_of

ROOT = Path(__file__).parents[1]
PRELOADED = ("fastapi", "httpx", "hypothesis", "langchain_openai", "langgraph.graph", "structlog", "pydantic_settings")
"""What takes long to import and is not ours: once here instead of once a mutant."""

_TEAM = ("graphs/test_orchestrator", "graphs/test_orchestrator_gate", "policy/test_role_plan", "policy/test_review_draft")
_WRITERS = (
    *("graphs/test_workers", "graphs/test_default_emails", "graphs/test_finished_drafts", "graphs/test_orchestrator"),
    "story/test_model_failures",
)
_THREADS = (
    *("story/test_one_thread", "story/test_decisions", "story/test_gates", "story/test_outcomes", "story/test_flags"),
    *("story/test_sweeps", "story/test_uncertain_sends", "story/test_model_failures", "story/test_budgets"),
    *("story/test_crashes", "story/test_enrolment", "story/test_late_requests", "policy/test_specs"),
)
TESTS: dict[str, tuple[str, ...]] = {
    "backend/campaigns.py": (*_THREADS, "story/test_logs", "story/test_privacy", "api/test_cron", "api/test_deciding"),
    "backend/graphs/campaign_graph.py": ("policy/test_coach_plan", *_THREADS, "api/test_reading"),
    "backend/graphs/email_compose_graph.py": _WRITERS,
    "backend/graphs/email_orchestrator_graph.py": (*_TEAM, "graphs/test_workers", "policy/test_specs", "api/test_deciding"),
    "backend/graphs/email_outreach_graph.py": (*_WRITERS, "story/test_one_thread"),
    "backend/graphs/email_reply_graph.py": _WRITERS,
    "backend/graphs/email_research_graph.py": ("graphs/test_research", "graphs/test_orchestrator"),
    "backend/graphs/sending.py": ("story/test_uncertain_sends", "story/test_hosts", *_THREADS),
    "backend/graphs/writing.py": (*_WRITERS, "story/test_one_thread", "story/test_flags"),
    "backend/store/ledger.py": ("story/test_uncertain_sends", *_THREADS, "api/test_requeue"),
}
"""A module and the test files that speak of it, those first that find most."""


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: the test that killed it, or nothing when it survived."""

    mutant: Mutant
    killer: str
    seconds: float

    def __str__(self) -> str:
        fate = f"killed by {self.killer}" if self.killer else "SURVIVED"
        return f"{self.mutant}  {fate}, {self.seconds:.1f} s"


class MutantFinder:
    """Finds one module: the mutant instead of the file."""

    def __init__(self, mutant: Mutant) -> None:
        self._name = ".".join(Path(mutant.path).with_suffix("").parts)
        self._path = str(ROOT / mutant.path)
        self._code = mutant.compiled(self._path)

    def find_spec(self, name: str, _path: object = None, _target: ModuleType | None = None) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`."""
        return spec_from_loader(name, _MutantLoader(name, self._path, self._code)) if name == self._name else None


class _MutantLoader(SourceFileLoader):
    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType:
        """See `importlib.abc.InspectLoader`; the name is the mutant's."""
        assert fullname == self.name
        return self._code


def run_tests(mutant: Mutant | None, files: Sequence[str], folder: Path) -> None:
    """Be the process of one mutant, or of none, with `folder` for its own; how it ends is pytest's word."""
    os.setsid()
    os.chdir(ROOT)
    with (folder / "said").open("w") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    if mutant:
        sys.meta_path.insert(0, MutantFinder(mutant))
    known = "ignore::pytest.PytestAssertRewriteWarning"  # hypothesis is imported already
    options = ["-x", "-n", "0", "-W", known, "--hypothesis-profile=mutation", f"--basetemp={folder / 'tests'}"]
    os._exit(pytest.main([*options, *(f"tests/{name}.py" for name in files)]))


class Runner:
    """Runs the mutants of one module, some side by side."""

    def __init__(self, path: str, home: Path, workers: int) -> None:
        self.path = path
        self._files = list(TESTS[path])
        self._home, self._workers = home, workers
        self._deadline_s = 0.0
        self._running: dict[int, _Trial] = {}

    def measure(self) -> float:
        """Run the tests on the module as it is, and return the seconds they take.

        Raises:
            SystemExit: they fail; nothing can be learned from them.
        """
        trial = self._start(None)
        trial.process.join()
        if trial.process.exitcode:
            sys.exit(f"The tests of {self.path} fail as it is:\n{trial.said[-2000:]}")
        self._deadline_s = 10 + 4 * trial.seconds
        return trial.seconds

    def verdicts(self, mutants: Sequence[Mutant]) -> Iterator[Verdict]:
        """What becomes of each mutant, in the order in which it is known."""
        waiting = deque(mutants)
        while waiting or self._running:
            while waiting and len(self._running) < self._workers:
                trial = self._start(waiting.popleft())
                self._running[trial.process.sentinel] = trial
            for sentinel in connection.wait(list(self._running), timeout=1):
                yield self._judge(self._running.pop(cast("int", sentinel)))
            for trial in self._running.values():
                if trial.seconds > self._deadline_s:
                    os.killpg(trial.process.pid or 0, signal.SIGKILL)

    def _start(self, mutant: Mutant | None) -> "_Trial":
        folder = Path(tempfile.mkdtemp(dir=self._home))
        process = get_context("fork").Process(target=run_tests, args=(mutant, self._files, folder))
        process.start()
        return _Trial(mutant, process, folder, time.monotonic())

    def _judge(self, trial: "_Trial") -> Verdict:
        trial.process.join()
        seconds, killer = trial.seconds, ""
        if trial.process.exitcode == -signal.SIGKILL:
            killer = "its time"
        elif trial.process.exitcode:
            failed = re.search(r"^(?:FAILED|ERROR) (\S+)", trial.said, re.MULTILINE)
            killer = failed[1] if failed else "its import"
            self._files.sort(key=lambda name: f"tests/{name}.py" not in killer)
        shutil.rmtree(trial.folder, ignore_errors=True)
        return Verdict(cast("Mutant", trial.mutant), killer, seconds)


@dataclass(frozen=True)
class _Trial:
    mutant: Mutant | None
    process: ForkProcess
    folder: Path
    began: float

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    @property
    def said(self) -> str:
        return (self.folder / "said").read_text("utf-8")


def main() -> None:
    """Run what the command line asks for."""
    asked = argparse.ArgumentParser(prog="python -m tests.mutation", description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--module", action="append", choices=sorted(TESTS), help="a module to mutate; all of them unless named")
    asked.add_argument("--limit", type=int, help="so many mutants a module, drawn by the seed")
    asked.add_argument("--seed", type=int, default=0, help="which mutants a limit draws (0)")
    asked.add_argument("--workers", type=int, default=os.cpu_count(), help="mutants side by side (one a core)")
    options = asked.parse_args()
    os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"  # read once, by the imports that follow
    for name in PRELOADED:
        import_module(name)
    verdicts: list[Verdict] = []
    with tempfile.TemporaryDirectory() as home:
        for path in options.module or sorted(TESTS):
            runner = Runner(path, Path(home), options.workers)
            mutants = drawn(mutants_of(path, (ROOT / path).read_text("utf-8")), options.limit, options.seed)
            say(f"{path}: {len(mutants)} mutants, and {runner.measure():.1f} s for its tests")
            for number, verdict in enumerate(runner.verdicts(mutants), 1):
                verdicts.append(verdict)
                say(f"{number:4}/{len(mutants)}  {verdict}")
    survivors = [verdict.mutant for verdict in verdicts if not verdict.killer]
    killed = len(verdicts) - len(survivors)
    say(f"{killed} of {len(verdicts)} mutants killed, {killed / max(1, len(verdicts)):.0%}")
    for survivor in survivors:
        say(f"survived  {survivor}")


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def drawn(mutants: Sequence[Mutant], limit: int | None, seed: int) -> list[Mutant]:
    """The mutants themselves, or a sample of them in their order."""
    if limit is None or limit >= len(mutants):
        return list(mutants)
    return sorted(random.Random(seed).sample(mutants, limit), key=lambda mutant: mutant.line)  # noqa: S311  # a sample


if __name__ == "__main__":
    main()
