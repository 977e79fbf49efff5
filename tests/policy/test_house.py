"""The house itself: its layout, its floors, its pages and what it says of itself."""

import re
import subprocess
import sys
from fnmatch import fnmatch
from inspect import iscoroutinefunction
from itertools import pairwise
from pathlib import Path
from pkgutil import resolve_name

import pytest

import backend
from backend.graphs.registry import GRAPHS
from backend.settings import Settings

ROOT = Path(__file__).parents[2]
ROOMS = {"backend", "evals", "specs", "tests", "CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml", "wrangler.toml"}
DOTFILES = {".ci", ".dockerignore", ".env.example", ".git", ".gitignore"}
PYTHON = [
    path for room in ("backend", "evals", "tests") for path in (ROOT / room).rglob("*.py") if "node_modules" not in path.parts
]
GRAPH_SECTIONS = ("Policy", "State", "Nodes", "Topology")


def name_in_house(path: Path) -> str:
    """The path as it is written in a listing of the repository."""
    return path.relative_to(ROOT).as_posix()


def test_the_top_level_holds_what_a_reader_must_know() -> None:
    """Nothing stands beside the named rooms but what git ignores."""
    ignored = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text("utf-8").split()]
    found = {path.name for path in ROOT.iterdir() if not any(fnmatch(path.name, pattern) for pattern in ignored)}
    assert found - ROOMS - DOTFILES == set()


def test_the_example_environment_is_every_setting_with_its_default(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`.env.example` names each variable of the settings once, in their order, explains it and changes nothing."""
    for field in Settings.model_fields:
        monkeypatch.delenv(field.upper(), raising=False)
    example = (ROOT / ".env.example").read_text("utf-8")
    lines = example.splitlines()
    named = [line.partition("=")[0] for line in lines if not line.startswith("#") and line]
    assert named == [field.upper() for field in Settings.model_fields]
    assert all(above.startswith("# ") for above, line in pairwise(lines) if line.partition("=")[0] in named)
    (own_folder / ".env").write_text(example, "utf-8")
    assert Settings() == Settings.model_construct()


def test_the_import_contracts_are_kept() -> None:
    """The floors, the org chart and the single reader of settings hold for every import of the house."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
    linted = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  # our own tool
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_a_module_is_a_page() -> None:
    """No module is longer than 400 lines, and no test file longer than 350."""
    limit = {path: 350 if path.name.startswith("test_") else 400 for path in PYTHON}
    assert [name_in_house(path) for path in PYTHON if len(path.read_text("utf-8").splitlines()) > limit[path]] == []


def test_an_exemption_gives_its_code_and_its_reason() -> None:
    """A linter or a type checker is overruled by name and with a reason, never wholesale."""
    exemption = re.compile(r"#\s*(noqa|type:\s*ignore|pyright:\s*ignore)(?P<rest>.*)")
    reasoned = re.compile(r"(: ?[A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)*|\[[A-Za-z-]+(, ?[A-Za-z-]+)*\]) {2}# .+")
    bare = [
        f"{name_in_house(path)}:{number}"
        for path in PYTHON
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if (found := exemption.search(line)) and not reasoned.fullmatch(found["rest"]) and path != Path(__file__)
    ]
    assert bare == []


def test_no_test_is_skipped_or_expected_to_fail() -> None:
    """A test is the evidence for something or it is not there."""
    dodge = re.compile(r"pytest\.(mark\.)?(skip|skipif|xfail|importorskip)\b")
    assert [name_in_house(path) for path in PYTHON if dodge.search(path.read_text("utf-8")) and path != Path(__file__)] == []


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_module_is_one_page_in_the_fixed_order(name: str) -> None:
    """Docstring with a drawing, then policy, state, nodes and topology, so that any graph is read like any other."""
    module = resolve_name(GRAPHS[name].build.__module__)
    docstring, source = module.__doc__ or "", Path(module.__file__ or "").read_text("utf-8")
    found = re.findall(r"^# (\w+)", source, re.MULTILINE)
    order = [heading for heading in found if heading in GRAPH_SECTIONS]
    assert order == [heading for heading in GRAPH_SECTIONS if heading in order]
    assert set(order) >= {"Nodes", "Topology"}
    assert re.match(r"[^\n]+\.", docstring)
    assert "─►" in docstring
    assert "TYPE_CHECKING" not in source


@pytest.mark.parametrize("name", GRAPHS)
def test_a_node_is_the_function_of_its_name(name: str) -> None:
    """Whoever sees a node in a trace finds its function by name, in the graph's module, with a sentence on it."""
    entry = GRAPHS[name]
    module = resolve_name(entry.build.__module__)
    source = Path(module.__file__ or "").read_text("utf-8")
    nodes = re.findall(r"\.add_node\((\w+)\)", source)
    assert len(nodes) == source.count(".add_node(") > 0
    for node in nodes:
        assert iscoroutinefunction(getattr(module, node)), node
        assert getattr(module, node).__doc__, node


def test_the_map_of_the_package_lists_what_exists() -> None:
    """The docstring of `backend` names every module and folder of it, and no other."""
    entries = re.findall(r"^ {4}((?:\w+(?:/|\.py) +)+)\w", backend.__doc__ or "", re.MULTILINE)
    mapped = [name for entry in entries for name in entry.split()]
    folders = {f"{path.name}/" for path in (ROOT / "backend").iterdir() if path.is_dir() and path.name != "__pycache__"}
    modules = {path.name for path in (ROOT / "backend").glob("*.py")} - {"__init__.py"}
    assert sorted(mapped) == sorted(folders | modules)


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "specs").rglob("*.md")], ids=name_in_house
)
def test_a_link_leads_somewhere(path: Path) -> None:
    """Every relative link of a page names a file that exists."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text("utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_a_docstring_begins_with_a_sentence() -> None:
    """No docstring of the service begins with a relative clause: what is said of a thing has a subject and a verb."""
    begins = re.compile(r'^ *"""(?:What|Which|Who|Whom|Whether|When|Where|Why|How)\b', re.MULTILINE)
    service = [path for path in PYTHON if not path.is_relative_to(ROOT / "tests")]
    assert [name_in_house(path) for path in service if begins.search(path.read_text("utf-8"))] == []
