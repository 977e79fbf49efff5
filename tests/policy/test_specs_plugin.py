"""The machinery that ties specs to tests, shown on small suites of its own."""

from collections.abc import Callable, Sequence

import pytest

Runs = Callable[..., pytest.RunResult]

TWO_SENTENCES = """\
# A spec

**X1-R1** — The first thing holds, and the sentence
goes on here.

**X1-R2** — The second thing holds.
"""
PROVES_BOTH = """\
import pytest

@pytest.mark.req("X1-R1", "X1-R2")
def test_both():
    pass
"""


@pytest.fixture
def run_suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Run a suite of its own against a spec of its own, with this plugin and no other."""
    pytester.makeini("[pytest]\ntestpaths = tests\nmarkers = req(*ids)")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(spec: str, tests: str, arguments: Sequence[str] = ()) -> pytest.RunResult:
        for folder, name, text in (
            ("specs", "X1.md", spec),
            ("tests", "test_it.py", tests),
            ("tests/part", "test_part.py", ""),
        ):
            path = pytester.path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        return pytester.runpytest_inprocess("-p", "tests.specs", *arguments)

    return run


def test_a_suite_that_proves_every_sentence_runs(run_suite: Runs) -> None:
    """Specs and tests that agree are not in anybody's way."""
    run_suite(TWO_SENTENCES, PROVES_BOTH).assert_outcomes(passed=1)


@pytest.mark.parametrize("arguments", [(), ("tests",), (".",), ("-k", "nothing"), ("-p", "xdist", "-n", "2")], ids=" ".join)
def test_an_unproven_sentence_stops_the_whole_suite(run_suite: Runs, arguments: Sequence[str]) -> None:
    """Not one test runs while a sentence has none, however all of the suite was asked for."""
    result = run_suite(TWO_SENTENCES, PROVES_BOTH.replace(', "X1-R2"', ""), arguments)
    assert result.ret != pytest.ExitCode.OK
    assert result.parseoutcomes().keys() == {"errors"}
    result.stdout.fnmatch_lines(["*No test is the evidence for these spec sentences: X1-R2.*"])


@pytest.mark.parametrize("arguments", [("tests/test_it.py",), ("tests/test_it.py::test_both",)], ids=" ".join)
def test_a_part_of_the_suite_need_not_prove_everything(run_suite: Runs, arguments: Sequence[str]) -> None:
    """A worker who runs one file is not told about the others."""
    run_suite(TWO_SENTENCES, PROVES_BOTH.replace(', "X1-R2"', ""), arguments).assert_outcomes(passed=1)


@pytest.mark.parametrize("arguments", [(), ("tests/test_it.py",), ("-p", "xdist", "-n", "2")], ids=" ".join)
def test_a_citation_of_no_sentence_is_refused_always(run_suite: Runs, arguments: Sequence[str]) -> None:
    """A test cannot be the evidence for what nobody stated; the refusal names the test."""
    result = run_suite(TWO_SENTENCES, PROVES_BOTH.replace("X1-R2", "X1-R9"), arguments)
    assert result.parseoutcomes().keys() == {"errors"}
    result.stdout.fnmatch_lines(["*No spec has the sentences these tests cite: X1-R9 (tests/test_it.py::test_both).*"])


def test_a_withdrawn_sentence_keeps_its_number_and_cannot_be_cited(run_suite: Runs) -> None:
    """Struck through, it needs no test; cited, it is unknown."""
    withdrawn = TWO_SENTENCES.replace("**X1-R2** — The second thing holds.", "~~**X1-R2** — The second thing held.~~ (0002)")
    run_suite(withdrawn, PROVES_BOTH.replace(', "X1-R2"', "")).assert_outcomes(passed=1)
    run_suite(withdrawn, PROVES_BOTH).stdout.fnmatch_lines(["*No spec has the sentences these tests cite: X1-R2*"])


def test_a_number_used_twice_is_refused(run_suite: Runs) -> None:
    """An id means one sentence for ever, a withdrawn one included."""
    result = run_suite(TWO_SENTENCES + "\n~~**X1-R1** — It was something else.~~ (0002)\n", PROVES_BOTH)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*These spec ids number more than one sentence: X1-R1.*"])


def test_citations_count_wherever_they_are_marked(run_suite: Runs) -> None:
    """A marker on a module, a class or one parameter set is a citation like any other."""
    spec = TWO_SENTENCES + "\n**X1-R3** — The third thing holds.\n"
    tests = """\
import pytest

pytestmark = pytest.mark.req("X1-R1")

@pytest.mark.req("X1-R2")
class TestClass:
    def test_method(self):
        pass

@pytest.mark.parametrize("n", [1, pytest.param(2, marks=pytest.mark.req("X1-R3"))])
def test_parameters(n):
    pass
"""
    run_suite(spec, tests).assert_outcomes(passed=3)


def test_a_module_that_does_not_import_is_reported_alone(run_suite: Runs) -> None:
    """A broken import is the finding; the sentences its tests would have proven are not."""
    result = run_suite(TWO_SENTENCES, "import nothing_of_this_name")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.no_fnmatch_line("*No test is the evidence*")
