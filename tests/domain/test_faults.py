"""What is found in a text before it leaves, and the words it is told in."""

import pytest
from hypothesis import given

from backend.domain.faults import find_faults
from backend.domain.text import UNRESOLVED_FIELD
from tests.northwind import LINK
from tests.strategies import any_text

OPT_OUT = 'Reply with "unsubscribe" and I will not write again.'
PLACEHOLDERS = [
    *("[First Name]", "[Company]", "[Your Name]", "[your company's name]", "[FIRST_NAME]", "[ First Name ]", "[Prénom]"),
    *("<name>", "<First Name>", "<your-company>", "{{name}}", "[name/title]"),
    *("\uff3b名前\uff3d", "【会社名】", "{first_name}", "{company}", "%FIRST_NAME%", "*|FNAME|*", "XXX", "[insert pain point]"),
]


@pytest.mark.req("TEXT-R5")
@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
def test_a_placeholder_is_a_field_nobody_filled(placeholder: str) -> None:
    """However it is bracketed, wherever it stands."""
    assert UNRESOLVED_FIELD.findall(f"Hello {placeholder}, may I?") == [placeholder]


@pytest.mark.req("TEXT-R5")
@pytest.mark.parametrize(
    "prose",
    [
        "See [1] and [12].",
        "He [sic] said […] or [...].",
        "[EXTERNAL] Hi",
        "It is so [see below], or [emphasis mine].",
        "Read it [here](https://vendor.example/close) or {so}.",
        "10% of 20% and XXL",
        "I <3 it.",
        "2 < 3 and 5 > 4",
        "<ada@x.example>",
        "[]",
    ],
)
def test_other_brackets_are_prose(prose: str) -> None:
    """Footnotes, omissions, `[sic]`, a mail server's tag, comparisons and addresses."""
    assert UNRESOLVED_FIELD.findall(prose) == []


@pytest.mark.req("TEXT-R6")
def test_each_fault_is_told_once_in_words() -> None:
    """A person who reads the list knows what to change, and where."""
    assert find_faults("For {{company}}", f"Dear [Name], [Name], see https://evil.example or {LINK}.", [LINK]) == [
        "the subject holds an unresolved {{company}}",
        "the body holds an unresolved [Name]",
        "the body holds a link that the campaign does not allow: https://evil.example",
        "the body has no opt-out line: it does not say how to be left alone",
    ]


@pytest.mark.req("TEXT-R6")
def test_a_text_as_the_writers_finish_it_has_no_fault() -> None:
    """Plain words, an allowed link and the line that offers a way out."""
    assert find_faults("A question", f"Hello Ada, see {LINK}.\n\n{OPT_OUT}", [LINK]) == []
    assert find_faults("Frage", "Hallo Ada,\n\nzum Abmelden genügt „abmelden“ als Antwort.", [LINK]) == []


@pytest.mark.req("TEXT-R6")
def test_an_empty_body_is_one_fault() -> None:
    """What is not there has no opt-out line either, and that goes without saying."""
    assert find_faults("", " \u200b", []) == ["the body is empty"]


@pytest.mark.req("TEXT-R6")
@pytest.mark.parametrize("hidden", ["https:\u200b//evil.example", "[First\u200b Name]", "{\u200b{name}}"], ids=ascii)
def test_a_fault_is_found_as_its_reader_sees_it(hidden: str) -> None:
    """An invisible character hides nothing."""
    assert len(find_faults("Hi", f"{hidden} {OPT_OUT}", [])) == 1


@given(any_text, any_text)
def test_finding_faults_raises_nothing(subject: str, body: str) -> None:
    """Whatever a person typed."""
    assert all(find_faults(subject, body, []))
