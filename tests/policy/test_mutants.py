"""The faults that `tests.mutation` makes are the ones it says it makes."""

from types import ModuleType

import pytest

from tests.mutants import Mutant, mutants_of
from tests.mutation import ROOT, TESTS, drawn

SOURCE = '''\
"""A module."""

LIMIT: int = 3
QUERY = "SELECT 1 WHERE a = ?1 AND b IS NULL"


def check(age: int, old: bool) -> str | None:
    """Says no word of prose."""
    if not old and 0 <= age < LIMIT:
        raise ValueError("of an age that nobody has")
    names = [name for name in ("a", "b") if old]
    return names[0] if age > 1 else None
'''


def changed(source: str) -> list[str]:
    """Each mutant in a line."""
    return [f"{mutant.line}: {mutant.before} → {mutant.after}" for mutant in mutants_of("module.py", source)]


@pytest.mark.parametrize(
    "change",
    [
        "3: 3 → 4",
        "4: SELECT 1 WHERE a = ?1 AND b IS NULL → = read as <>",
        "4: SELECT 1 WHERE a = ?1 AND b IS NULL → AND read as OR",
        "4: SELECT 1 WHERE a = ?1 AND b IS NULL → IS NULL read as IS NOT NULL",
        "9: not old and 0 <= age < LIMIT → not old or 0 <= age < LIMIT",
        "9: not old → old",
        "9: 0 <= age < LIMIT → 0 < age < LIMIT",
        "9: 0 <= age < LIMIT → 0 <= age <= LIMIT",
        "10: raise ValueError('of an age that nobody has') → pass",
        "11: 'a' → 'a?'",
        "12: return names[0] if age > 1 else None → return None",
        "12: names[0] if age > 1 else None → names[0] if not age > 1 else None",
        "12: age > 1 → age >= 1",
    ],
)
def test_a_fault_is_made_of_each_kind(change: str) -> None:
    """Comparisons, conditions, constants, statements, answers and the words of a query."""
    assert change in changed(SOURCE)


def test_what_says_nothing_to_the_machine_is_left_alone() -> None:
    """Docstrings, annotations and prose have no mutants."""
    assert [line for line in changed(SOURCE) if line.startswith(("1:", "7:", "8:"))] == []
    assert [line for line in changed(SOURCE) if "nobody has?" in line] == []


def test_a_mutant_is_the_module_with_one_change() -> None:
    """Run in place of the module it behaves differently, and only there."""
    (mutant,) = [mutant for mutant in mutants_of("module.py", SOURCE) if mutant.after == "age >= 1"]
    module = ModuleType("module")
    exec(mutant.compiled("module.py"), module.__dict__)  # noqa: S102  # our own source
    assert [module.check(age, old=True) for age in (0, 1, 2)] == [None, "a", "a"]


@pytest.mark.parametrize("path", TESTS)
def test_every_mutant_of_a_module_can_be_run(path: str) -> None:
    """Each compiles, has a line of its module, and is drawn again by the same seed; the test files are there."""
    mutants: list[Mutant] = mutants_of(path, (ROOT / path).read_text("utf-8"))
    sample = drawn(mutants, 5, seed=1)
    assert [mutant.compiled(path).co_filename for mutant in sample] == [path] * 5
    assert sample == drawn(mutants, 5, seed=1) != drawn(mutants, 5, seed=2)
    assert min(mutant.line for mutant in mutants) > 0
    assert [name for name in TESTS[path] if not (ROOT / "tests" / f"{name}.py").exists()] == []
