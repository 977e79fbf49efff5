"""What the service is worth without a model, measured on the golden datasets."""

from io import StringIO

import pytest
from rich.console import Console

from backend.domain.languages import LANGUAGES
from evals.evaluators import CHECKS
from evals.examples import PATHS, Score, read_examples
from evals.fallbacks import Cell, Fallback, measure, report
from tests.evals.outputs import example

EVERY = {"campaign:coach_plan": 2, "campaign:final_response": 4, "email:role_plan": 2}
"""Of the paths whose emails the others write too, every so-many-th example is run; `python -m evals.fallbacks` runs all."""


@pytest.mark.req("EVALS-R20")
@pytest.mark.parametrize("path", PATHS)
async def test_the_fallbacks_keep_their_bar(path: str) -> None:
    """No critical check fails in any example, and in each of the ten languages at least 0.80 of the scored cells pass."""
    measured = await measure(path, read_examples(path)[:: EVERY.get(path, 1)])
    assert [f"{cell.example.example_id} {cell.metric}: {cell.score.reason}" for cell in measured.critical_failures] == []
    assert {cell.example.language for cell in measured.cells} == set(LANGUAGES)
    assert measured.weakest[0] >= 0.80
    assert measured.holds
    assert len(measured.cells) == len(measured.outputs) * len(CHECKS[path])


@pytest.mark.req("EVALS-R20")
def test_the_table_says_what_failed() -> None:
    """One critical cell is enough to fail a path, and the first of each kind is told."""
    right, wrong = Score(1.0, ""), Score(0.5, "the number 37")
    cells = [Cell(example(), "length", critical=False, score=right), Cell(example(), "grounded", critical=True, score=wrong)]
    measured = Fallback("email:compose", cells, [])
    told = StringIO()
    report([measured], Console(file=told, width=200))
    assert not measured.holds
    assert Fallback("email:compose", cells[:1], []).holds
    german = Cell(example(expected={"language": "de"}), "length", critical=False, score=wrong)
    assert Fallback("email:compose", [*[cells[0]] * 9, german], []).weakest == (0.0, "de")
    assert not Fallback("email:compose", [*[cells[0]] * 9, german], []).holds
    assert "fails" in told.getvalue()
    assert "grounded  1 of 0, as in plan-harbourline-1: the number 37" in told.getvalue()
