"""An earlier commit is measured by today's benchmarks: its own code, in a folder of its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.d1.wrangler import REPOSITORY, find_program

OVERLAID = ("tests/bench", "tests/d1/wrangler.py")
"""What an earlier commit borrows from today's tests; all else is its own."""

Figures = dict[str, str]
"""What was measured, by what it is; in the order of the table."""


@contextmanager
def checked_out(commit: str) -> Generator[Path]:
    """A folder with `commit` and today's benchmarks, gone when the block ends."""
    with TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        _run(["git", "clone", "-q", "--no-checkout", "--shared", str(REPOSITORY), str(tree)], REPOSITORY)
        _run(["git", "checkout", "-q", commit], tree)
        for name in OVERLAID:
            copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
            shutil.rmtree(tree / name) if (tree / name).is_dir() else (tree / name).unlink(missing_ok=True)
            copy(REPOSITORY / name, tree / name)
        yield tree


def measure_earlier(commit: str, module: str, arguments: Sequence[str] = ()) -> Figures:
    """Run a benchmark of this folder with `--json` under an earlier commit, and return what it found."""
    with checked_out(commit) as tree:
        found: Figures = json.loads(_run(["uv", "run", "-q", "python", "-m", module, "--json", *arguments], tree))
        return found


def show(module: str, measured: Figures, *, before: str | None, as_json: bool, arguments: Sequence[str] = ()) -> None:
    """Print the figures: as JSON for the run that compares, or as a Markdown table beside those of commit `before`."""
    if as_json:
        sys.stdout.write(json.dumps(measured))
        return
    columns: list[tuple[str, Mapping[str, str]]] = [("now", measured)]
    if before:
        columns.insert(0, (before, measure_earlier(before, module, arguments)))
    rows = [["", *(name for name, _ in columns)], ["---"] * (len(columns) + 1)]
    names = list(dict.fromkeys(name for _, figures in columns for name in figures))
    rows += [[name, *(figures.get(name, "none") for _, figures in columns)] for name in names]
    sys.stdout.write("".join(f"| {' | '.join(row)} |\n" for row in rows))


def _run(command: list[str], folder: Path) -> str:
    """Run a program of ours to its end in `folder`; what it says of its progress goes where ours does."""
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    command = [find_program(command[0]), *command[1:]]
    done = subprocess.run(  # noqa: S603  # a command line of our own
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout
