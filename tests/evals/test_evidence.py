"""A verdict on file: what it holds, that it can be made again, and every way in which it stops counting."""

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from backend.cli.commands import app
from backend.source import Commit, read_commit
from evals.evidence import Evidence, Measurement, seal_of, verified_exit_code, verify, write_evidence
from evals.gate import Conditions
from evals.report import to_markdown, to_svg
from evals.trials import Trial
from tests.evals.grids import FLAG, PATH, change, design, fill, is_on

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SOURCES = {PATH: {"file": "three.jsonl", "sha256": "f" * 64}}
COMMIT = Commit("a" * 40, "Ana Ngata <ana@vendor.example>", has_changes=False)


def keep(trials: list[Trial], folder: Path = Path("verdicts"), **conditions: Any) -> tuple[Path, Evidence]:
    """A verdict on file."""
    return write_evidence(folder, Measurement(FLAG, [design()], trials, Conditions(**conditions), COMMIT, NOW, SOURCES))


def check(file: Path, *, commit: str = COMMIT.sha, days: int = 0) -> tuple[str, int]:
    """The code and the exit code of a verification."""
    misfit, evidence = verify(file, commit=commit, now=NOW + timedelta(days=days))
    return (misfit.code if misfit else "", verified_exit_code(misfit, evidence))


@pytest.mark.req("GATE-R17")
def test_a_verdict_is_verified_by_making_it_again() -> None:
    """A PROMOTE verifies as one, and so does a ROLLBACK, for seven days."""
    promoted, _ = keep(fill(design()))
    sunk, _ = keep(change(fill(design()), is_on, scores={"leak": 0.0}), Path("sunk"))
    assert [check(promoted), check(promoted, days=7), check(sunk)] == [("", 0), ("", 0), ("", 20)]


def resealed(**changes: Any) -> Callable[[Path], None]:
    """An edit of the verdict by somebody who knows how it is sealed."""

    def edit(file: Path) -> None:
        evidence = json.loads(file.read_text())
        for name, value in changes.items():
            evidence[name] = {**evidence[name], **value} if isinstance(value, dict) else value
        evidence["seal"] = seal_of(evidence)
        file.write_text(json.dumps(evidence))

    return edit


def cells_of(file: Path) -> Path:
    """The cells beside a verdict."""
    return file.with_suffix(".cells.jsonl")


EDITS: dict[str, Callable[[Path], object]] = {
    "verdict_edited": lambda file: file.write_text(file.read_text().replace('"author": "Ana', '"author": "Bea')),
    "verdict_differs": resealed(verdict={"decision": "HOLD", "exit_code": 10}),
    "other_policy": resealed(policy_sha256="0"),
    "verdict_unreadable": lambda file: file.write_text("{}"),
    "cells_missing": lambda file: cells_of(file).unlink(),
    "cells_edited": lambda file: cells_of(file).write_text(cells_of(file).read_text().replace("1.0", "0.9", 1)),
}


@pytest.mark.req("GATE-R18")
@pytest.mark.parametrize("code", EDITS)
def test_an_edited_verdict_does_not_count(code: str) -> None:
    """Whatever was changed, the exit code is 30 and the reason has a code."""
    file, _ = keep(fill(design()))
    EDITS[code](file)
    assert check(file) == (code, 30)


@pytest.mark.req("GATE-R18")
def test_a_cell_line_that_is_missing_does_not_count() -> None:
    """The first line of the cells taken out."""
    file, _ = keep(fill(design()))
    cells = cells_of(file)
    cells.write_text(cells.read_text().partition("\n")[2])
    assert check(file) == ("cells_edited", 30)


@pytest.mark.req("GATE-R18")
def test_a_rollback_cannot_be_edited_into_a_promote() -> None:
    """Neither the verdict nor its criteria may be written by hand: the cells speak."""
    file, _ = keep(change(fill(design()), is_on, scores={"leak": 0.0}))
    resealed(verdict={"decision": "PROMOTE", "exit_code": 0})(file)
    assert check(file) == ("verdict_differs", 30)


@pytest.mark.req("GATE-R18")
def test_a_verdict_of_another_commit_or_week_does_not_count() -> None:
    """Other code was not measured, a verdict counts for seven days, before and after; no commit is no match."""
    file, _ = keep(fill(design()))
    assert check(file, commit="b" * 40) == ("other_commit", 30)
    assert check(file, commit="") == ("other_commit", 30)
    assert [check(file, days=days) for days in (8, -8)] == [("stale", 30), ("stale", 30)]
    assert check(Path("nowhere.json")) == ("verdict_unreadable", 30)


@pytest.mark.req("GATE-R19")
def test_a_verdict_holds_ids_scores_and_hashes() -> None:
    """The fields are these, the file is written whole, and the same cells give the same bytes in any order."""
    file, evidence = keep(fill(design()))
    fields = "alpha arms author cells commit conditions dataset_sha256 decided_at designs flag format policy policy_sha256 seal"
    assert sorted(evidence) == [*fields.split(), "sources", "tools", "verdict"]
    assert set(json.loads(cells_of(file).read_text().partition("\n")[0])) == set(Trial.__dataclass_fields__)
    assert sorted(path.suffix for path in file.parent.iterdir()) == [".json", ".jsonl"]
    other, _ = keep(fill(design())[::-1], Path("others"))
    assert [path.read_bytes() for path in (file, cells_of(file))] == [path.read_bytes() for path in (other, cells_of(other))]


@pytest.mark.req("GATE-R20")
def test_the_report_says_what_binds_and_what_is_missing() -> None:
    """The page has every criterion, slice and count, and the picture draws each bound beside its bar."""
    _, evidence = keep(change(fill(design()), is_on, most=18, scores={"tone": 0.0, "scored_0": 0.0}))
    page, picture = to_markdown(evidence), to_svg(evidence)
    assert page.startswith(f"# HOLD: {FLAG}\n\nThe flag stays as it is. Exit code 10.\n")
    for words in ("0 of 1800 verdicts are missing", "What binds: **difference_lower_bound**", "| rich | 25 | 1.000 |"):
        assert words in page
    assert picture.count("<circle") == 2
    assert "bar 0.8" in picture
    assert "bar -0.05" in picture


@pytest.mark.req("GATE-R5")
def test_a_folder_without_git_has_uncommitted_changes(own_folder: Path) -> None:
    """No commit is known, so nothing can be promoted for one."""
    assert read_commit(own_folder) == Commit("", "", has_changes=True)
    assert len(read_commit().sha) in {0, 40}


@pytest.mark.req("FLAG-R12")
def test_code_installed_into_a_repository_is_not_of_its_commit(own_folder: Path) -> None:
    """The repository itself is; a package in its environment is of no commit that git could tell."""
    git = ["git", "-c", "user.name=Ana", "-c", "user.email=ana@vendor.example", "-C", str(own_folder)]
    for order in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "one"]):
        subprocess.run([*git, *order], check=True)  # noqa: S603  # words of this test
    installed = own_folder / ".venv" / "site-packages"
    installed.mkdir(parents=True)
    assert len(read_commit(own_folder).sha) == 40
    assert read_commit(installed) == Commit("", "", has_changes=True)


@pytest.mark.req("GATE-R21")
def test_the_commands_show_and_verify_a_verdict() -> None:
    """`show` prints the page; `verify` says why a verdict of another commit counts for nothing, and ends with 30."""
    file, evidence = keep(fill(design()))
    shown, verified = (CliRunner().invoke(app, ["gate", command, str(file)]) for command in ("show", "verify"))
    assert (shown.exit_code, shown.stdout) == (0, f"{to_markdown(evidence)}\n")
    assert verified.exit_code == 30
    assert verified.stderr.startswith(("other_commit: The verdict is about commit aaaaaaaaaaaa, not ", "stale: "))
    assert CliRunner().invoke(app, ["gate", "show", str(cells_of(file))]).exit_code == 1
