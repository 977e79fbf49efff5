"""The golden datasets: lines of one shape, invented people, no two alike, and enough of them to decide on."""

import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from backend.domain.campaign import Campaign, Company, Contact, Email, Memory, PastTouch
from backend.domain.facts import Fact
from backend.domain.languages import LANGUAGES
from evals import shape
from evals.checks.texts import inputs_text, runs_of
from evals.examples import DATASETS, PATHS, DatasetRefused, Example, dataset_file, read_examples

EVERY_PATH = pytest.mark.parametrize("path", PATHS)
MAX_SHARED = 0.55
RESERVED = re.compile(r"[\w-]+\.example(?:$|[/:\s])")


@EVERY_PATH
@pytest.mark.req("EVALS-R1")
def test_each_path_has_enough_to_decide_on(path: str) -> None:
    """At least 60 examples under ids of their own, in 20 clusters of at most 6, in all ten languages, English the most."""
    examples = read_examples(path)
    clusters, languages = Counter(e.cluster for e in examples), Counter(e.language for e in examples)
    assert len({example.example_id for example in examples}) == len(examples) >= 60
    assert len(clusters) >= 20
    assert max(clusters.values()) <= 6
    assert set(languages) == set(LANGUAGES)
    assert languages.most_common(1)[0][0] == "en"


@EVERY_PATH
@pytest.mark.req("EVALS-R2")
def test_a_line_holds_exactly_the_six_keys(path: str) -> None:
    """In this order, and it is read back as the example it is."""
    lines = dataset_file(path).read_text("utf-8").splitlines()
    keys = ["example_id", "inputs", "expected", "cluster", "slice", "language"]
    assert {tuple(json.loads(line)) for line in lines} == {tuple(keys)}
    assert [json.loads(line)["example_id"] for line in lines] == [example.example_id for example in read_examples(path)]


@pytest.mark.req("EVALS-R2")
@pytest.mark.parametrize(
    ("key", "value"),
    [("mood", "good"), ("language", "tlh"), ("slice", "nice"), ("cluster", ""), ("inputs", {}), ("expected", {"silent": 1})],
)
def test_what_is_no_example_is_refused_with_its_place(key: str, value: Any, own_folder: Path) -> None:
    """A key too many, a language nobody checks, a value of another kind: the error names file and line."""
    first, second = dataset_file("email:reply").read_text("utf-8").splitlines()[:2]
    spoiled = json.dumps({**json.loads(second), key: value})
    dataset_file("email:reply", own_folder).write_text(f"{first}\n{spoiled}\n", "utf-8")
    with pytest.raises(ValueError, match=r"^email\.reply\.jsonl, line 2: "):
        read_examples("email:reply", own_folder)


@pytest.mark.req("EVALS-R2")
@pytest.mark.parametrize(("lines", "why"), [(2, ", line 2: reply-"), (0, ", line 1: "), (-1, " is not in UTF-8")])
def test_an_id_is_given_once_and_a_file_holds_examples(lines: int, why: str, own_folder: Path) -> None:
    """The same line twice, an empty file and one in another encoding; the gate then measures nothing and ends with 1."""
    first = dataset_file("email:reply").read_bytes().split(b"\n")[0]
    dataset_file("email:reply", own_folder).write_bytes(b"\n".join([first] * lines) if lines >= 0 else b"\xff")
    with pytest.raises(DatasetRefused, match=rf"^email\.reply\.jsonl{why}"):
        read_examples("email:reply", own_folder)


@pytest.mark.req("EVALS-R2")
def test_the_schema_beside_the_datasets_is_the_shape() -> None:
    """Whoever reads it without Python reads the same; `ExampleLine.model_json_schema()` writes it anew."""
    assert json.loads((DATASETS / "example.schema.json").read_text("utf-8")) == shape.ExampleLine.model_json_schema()


@pytest.mark.req("EVALS-R2")
@pytest.mark.parametrize(
    ("kind", "noun"),
    [
        (shape.CampaignShape, Campaign),
        (shape.ContactShape, Contact),
        (shape.CompanyShape, Company),
        (shape.FactShape, Fact),
        (shape.PastTouchShape, PastTouch),
        (shape.MemoryShape, Memory),
        (shape.EmailShape, Email),
    ],
)
def test_inputs_are_the_nouns_of_the_service(kind: Any, noun: Any) -> None:
    """Key for key, so that an example is given to a graph as it is; what a campaign may have, no example needs."""
    assert set(kind.model_fields) == noun.__required_keys__


@EVERY_PATH
@pytest.mark.req("EVALS-R3")
def test_no_two_examples_of_a_path_are_near_copies(path: str) -> None:
    """Of all runs of words of two examples' texts, at most 55 in a hundred stand in both."""
    runs = {example.example_id: runs_of(told(example), example.language) for example in read_examples(path)}
    shared = {pair: len(runs[pair[0]] & runs[pair[1]]) / len(runs[pair[0]] | runs[pair[1]]) for pair in combinations(runs, 2)}
    closest = max(shared, key=lambda pair: shared[pair])
    assert shared[closest] <= MAX_SHARED, closest


def told(example: Example) -> str:
    """What a writer reads of an example."""
    inputs = example.inputs
    incoming = inputs["incoming"]["body"] if inputs["incoming"] else ""
    facts, history = [fact["value"] for fact in inputs["facts"]], [past["body"] for past in inputs["history"]]
    contact = [inputs["contact"]["name"], inputs["contact"]["title"]]
    return "\n".join([inputs["campaign"]["offer"], *contact, *facts, *history, incoming])


@EVERY_PATH
@pytest.mark.req("EVALS-R4")
def test_nobody_in_them_exists(path: str) -> None:
    """Every address, link and domain is under `.example`, which nobody can own."""
    for example in read_examples(path):
        text = inputs_text(example)
        hosts = re.findall(r"(?:https?://|@)([^\s/>]+)", text)
        hosts += [example.inputs["company"]["domain"]] if example.inputs["company"] else []
        assert len(hosts) >= 3, example.example_id
        assert [host for host in hosts if not re.fullmatch(r"[a-z0-9.-]+\.example", host)] == []


@EVERY_PATH
@pytest.mark.req("EVALS-R5")
def test_what_is_wanted_can_be_had(path: str) -> None:
    """Each wanted signal stands in the inputs, nothing is both wanted and forbidden, and the silent ones are few."""
    examples = read_examples(path)
    for example in examples:
        expected, given = example.expected, inputs_text(example)
        assert [signal for signal in expected["must_use"] if signal.casefold() not in given.casefold()] == []
        assert not set(expected["must_use"]) & {*expected["must_not_contain"], *expected["better_not"]}
        assert expected["words"] == sorted(expected["words"])
    assert 0 < sum(example.expected["silent"] for example in examples) <= len(examples) * 0.04


@pytest.mark.req("EVALS-R5")
def test_every_kind_of_case_is_there() -> None:
    """Thin, rich, contradictory, unsure and hostile facts; questions, objections, absences, wishes to be left alone."""
    slices = {path: {example.slice for example in read_examples(path)} for path in PATHS}
    by_facts = {"rich", "thin", "bare", "contradictory", "unsure", "hostile", "blocked"}
    assert by_facts <= slices["campaign:coach_plan"] & slices["campaign:final_response"]
    assert by_facts | {"follow_up"} <= slices["email:compose"]
    answers = {"question", "objection", "referral", "later", "hostile", "out_of_office", "unsubscribe", "blocked"}
    assert answers == slices["email:reply"]
