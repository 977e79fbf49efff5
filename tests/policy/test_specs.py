"""The specs beside the code: their constants hold, their pictures are the compiled graphs, their numbers are in order."""

import re
from ast import literal_eval
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, get_args, is_typeddict

import pytest
from langgraph.graph.state import CompiledStateGraph

from backend.graphs.campaign_graph import build as build_campaign
from backend.graphs.email_orchestrator_graph import build as build_orchestrator
from backend.graphs.registry import GRAPHS
from tests.goldens import FOLDER, CheckGolden
from tests.specs import numbered_sentences

ROOT = Path(__file__).parents[2]
SPECS = ROOT / "specs"
SPEC_FILES = sorted(path for path in SPECS.glob("*.md") if path.name != "README.md")
SECTIONS = ["Why", "In one picture", "Words", "Constants", "Requirements", "Decisions", "Not here", "Sources"]

_ROW = re.compile(r"^\| ([^|]+) \| (`[^|]+`) \| (`[^|]+`) \|$", re.MULTILINE)

DRAWINGS: dict[str, CompiledStateGraph[Any, Any, Any, Any]] = {
    "campaign_coached": build_campaign(None, coach=True),
    "campaign_baseline": build_campaign(None, coach=False),
    "email_orchestrator_led": build_orchestrator(role_plan=True),
    "email_orchestrator_baseline": build_orchestrator(role_plan=False),
}
PICTURED = {
    "AA02-hierarchical-campaign-coach-worker.md": "campaign_coached",
    "AA06-organized-team-role-assignment.md": "email_orchestrator_led",
}


def sections(markdown: str) -> dict[str, str]:
    """The text under each heading of the second level."""
    _, *parts = re.split(r"^## (.+)$", markdown, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def constants() -> list[Any]:
    """Each row of each constants table: its value and the place it is read from."""
    tables = {path.stem.split("-")[0]: sections(path.read_text("utf-8"))["Constants"] for path in SPEC_FILES}
    rows = [(spec, [cell.strip(" `") for cell in row]) for spec, table in tables.items() for row in re.findall(_ROW, table)]
    return [pytest.param(value, where, id=f"{spec} {name}") for spec, (name, value, where) in rows]


def read_constant(where: str) -> object:
    """What stands in the code; a Literal stands for its members, a TypedDict for its keys."""
    found = resolve_name(where)
    return tuple(found.__annotations__) if is_typeddict(found) else get_args(found) or found


@pytest.mark.parametrize(("value", "where"), constants())
def test_a_constant_is_what_its_spec_says(value: str, where: str) -> None:
    """Every row of a constants table equals what stands in the place it names, type included."""
    if where.startswith("backend/edge/"):
        path, name = where.split(" ")
        assert f"const {name} = {value};" in (ROOT / path).read_text("utf-8")
    else:
        stated, found = literal_eval(value), read_constant(where)
        assert (type(stated), stated) == (type(found), found)


@pytest.mark.parametrize("path", SPEC_FILES, ids=lambda path: path.stem)
def test_no_row_of_a_constants_table_is_overlooked(path: Path) -> None:
    """Every row has the form that is compared with the code: a name, a value and a place."""
    _, _, *rows = re.findall(r"^\|.*$", sections(path.read_text("utf-8"))["Constants"], re.MULTILINE)
    assert [row for row in rows if not _ROW.fullmatch(row)] == []


@pytest.mark.req("AA02-R2", "AA06-R1")
@pytest.mark.parametrize("name", list(DRAWINGS))
def test_a_golden_drawing_is_the_compiled_graph(name: str, check_golden: CheckGolden) -> None:
    """Nodes and edges of each topology, as LangGraph draws them, are the ones somebody looked at."""
    check_golden(f"{name}.mmd", f"{DRAWINGS[name].get_graph().draw_mermaid(with_styles=False).strip()}\n")


@pytest.mark.parametrize(("spec", "name"), list(PICTURED.items()))
def test_the_picture_of_a_spec_is_the_golden_drawing(spec: str, name: str) -> None:
    """A reader of the spec sees the graph that runs."""
    picture = re.findall(
        r"^```mermaid\n(.*?)^```$", sections((SPECS / spec).read_text("utf-8"))["In one picture"], re.DOTALL | re.MULTILINE
    )
    assert picture == [(FOLDER / f"{name}.mmd").read_text("utf-8")]


@pytest.mark.req("AA02-R3", "AA06-R2")
def test_the_baseline_differs_by_the_flagged_nodes_alone() -> None:
    """With the flag off the flagged nodes are not in the compiled graph, and every other node is."""
    nodes = {name: set(graph.get_graph().nodes) for name, graph in DRAWINGS.items()}
    assert nodes["campaign_coached"] - nodes["campaign_baseline"] == {"coach_plan"}
    assert nodes["email_orchestrator_led"] - nodes["email_orchestrator_baseline"] == {"plan_roles", "review_draft"}
    assert nodes["campaign_baseline"] < nodes["campaign_coached"]
    assert nodes["email_orchestrator_baseline"] < nodes["email_orchestrator_led"]


@pytest.mark.parametrize("path", SPEC_FILES, ids=lambda path: path.stem)
def test_a_spec_has_its_sections_and_its_numbers_in_order(path: Path) -> None:
    """Every spec has the same eight sections, and its sentences count up from 1 under its own name, withdrawn ones included."""
    markdown = path.read_text("utf-8")
    prefix = path.stem.split("-")[0]
    sentences = numbered_sentences(markdown)
    assert list(sections(markdown)) == SECTIONS
    assert [sentence.req for sentence in sentences] == [f"{prefix}-R{n}" for n in range(1, len(sentences) + 1)]
    assert 0 < len(sentences) <= 25


@pytest.mark.parametrize("path", SPEC_FILES, ids=lambda path: path.stem)
def test_a_numbered_sentence_is_one_sentence_without_shall(path: Path) -> None:
    """It ends in its only full stop, and says what is true rather than what should be."""
    for sentence in numbered_sentences(path.read_text("utf-8")):
        if sentence.in_force:
            assert re.fullmatch(r"[^.]([^.]|\.(?! ))*\.", sentence.text), sentence.req
            assert not re.search(r"\b(shall|should)\b", sentence.text), sentence.req


def test_the_readme_of_the_specs_lists_every_spec() -> None:
    """A spec nobody can find is not one."""
    readme = (SPECS / "README.md").read_text("utf-8")
    assert [path.name for path in SPEC_FILES if f"]({path.name})" not in readme] == []


def test_every_leader_names_its_spec() -> None:
    """The first line of a graph that has a spec leads to it."""
    for entry in GRAPHS.values():
        stated = re.match(r"(AA\d\d): ", entry.line)
        if stated:
            [spec] = SPECS.glob(f"{stated[1]}-*.md")
            assert f"specs/{spec.name}" in (resolve_name(entry.build.__module__).__doc__ or "")
