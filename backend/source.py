"""The commit this code is of, as git knows it: its author, and whether the working tree holds more than it."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit by its SHA-1, blank where there is none. Verdicts of earlier runs are no uncommitted change."""

    sha: str
    author: str
    has_changes: bool


def read_commit(folder: Path = ROOT) -> Commit:
    """Ask git about `folder`; where git or a commit is missing, the commit is blank and has changes.

    The folder has to be a repository itself: code that was installed into another one is not of that one's commit.
    """
    if not (folder / ".git").exists():
        return Commit("", "", has_changes=True)
    sha, _, author = (_git(folder, "log", "-1", "--format=%H %an <%ae>") or "").partition(" ")
    changes = _git(folder, "status", "--porcelain", "--", ".", ":!evals/verdicts", ":!evals/reports")
    return Commit(sha, author, has_changes=not sha or changes is None or bool(changes))


def _git(folder: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)  # noqa: S603  # no word of a user
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
