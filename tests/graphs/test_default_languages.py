"""Without a model the service writes ten languages by one set of rules: each text is held to the same bounds."""

import re
from itertools import combinations
from typing import Any

import pytest

from backend.domain.campaign import Draft, Email
from backend.domain.closing import close, offers_opt_out, without_closing
from backend.domain.faults import find_faults
from backend.domain.languages import LANGUAGES, language_of
from backend.domain.outside_words import is_automatic, wants_no_more_email
from backend.graphs.default_emails import _read_words
from evals.checks.texts import count_words, runs_of, sentences_of, share_in, without_greeting, without_quotations
from evals.examples import read_examples
from tests.graphs.test_default_emails import REPLY, UNKNOWN, draft_of, known, sequence

EVERY_LANGUAGE = pytest.mark.parametrize("language", LANGUAGES)
CASES = {language: next(e for e in read_examples("campaign:coach_plan") if e.language == language) for language in LANGUAGES}


def inputs_of(language: str) -> dict[str, Any]:
    """What a payload takes of the first example in this language."""
    inputs = CASES[language].inputs
    contact = {key: inputs["contact"][key] for key in ("name", "title")}
    return {
        "offer": inputs["campaign"]["offer"],
        "allowed_links": inputs["campaign"]["allowed_links"],
        "facts": inputs["facts"],
        "contact": {**contact, "first_name": contact["name"].split()[0]},
        "company": {"name": inputs["company"]["name"], "domain": ""},
    }


def letters(drafts: list[Draft]) -> list[str]:
    """The texts without greeting and closing."""
    return [without_greeting(without_closing(draft["body"], "Ben Ortiz")) for draft in drafts]


@EVERY_LANGUAGE
@pytest.mark.req("TEXT-R12", "TEXT-R17")
@pytest.mark.parametrize("unknown", [{}, {**UNKNOWN}], ids=["known", "unknown"])
async def test_each_language_keeps_the_bounds(language: str, unknown: dict[str, Any]) -> None:
    """Length, subject, opening, one question at the end, and no fault, whether much is known or nothing."""
    drafts = await sequence(**{**inputs_of(language), **unknown})
    for draft, text in zip(drafts, letters(drafts), strict=True):
        said = without_quotations(text)
        assert language_of(said) == language
        assert 60 <= count_words(text, language) <= 240
        assert 3 <= len(draft["subject"]) <= 50
        assert len(sentences_of(without_quotations(text.split("\n\n")[0]))) <= 3
        assert len(re.findall("[?？]", said)) == len(re.findall("[?？]", said.split("\n\n")[-1])) == 1
        assert find_faults(draft["subject"], draft["body"], inputs_of(language)["allowed_links"]) == []


@EVERY_LANGUAGE
@pytest.mark.req("TEXT-R13", "TEXT-R17")
async def test_no_touch_of_a_language_is_a_near_copy_of_another(language: str) -> None:
    """Of the shorter one's runs at most three in ten stand in the other, and no subject comes twice."""
    drafts = await sequence(**inputs_of(language))
    runs = [runs_of(text, language) for text in letters(drafts)]
    assert max(share_in(one, other) for one, other in combinations(runs, 2)) <= 0.3
    assert len({draft["subject"] for draft in drafts}) == 6


@EVERY_LANGUAGE
@pytest.mark.req("TEXT-R17")
async def test_the_contacts_language_comes_before_the_offers(language: str) -> None:
    """They are answered as they wrote; where that cannot be told, as the offer is written."""
    wrote = next(e for e in read_examples("email:reply") if e.language == language).inputs["incoming"]
    offer = inputs_of("en" if language != "en" else "de")["offer"]
    answer = await draft_of(await known(incoming=wrote, offer=offer), REPLY)
    assert language_of(without_quotations(answer["body"])) == language
    unclear = await draft_of(await known(incoming=Email(subject="", body="OK"), **inputs_of(language)), REPLY)
    assert language_of(without_quotations(unclear["body"])) == language


@EVERY_LANGUAGE
@pytest.mark.req("TEXT-R18")
def test_each_language_ends_in_its_own_words(language: str) -> None:
    """Once, whoever closes it again, and the quoted word is understood when somebody answers with it."""
    letter = f"{_read_words(language).greeting_unnamed}\n\n{_read_words(language).touches[0].point}"
    closed = close(letter, "Ben Ortiz")
    assert close(closed, "Ben Ortiz") == closed
    assert without_closing(closed, "Ben Ortiz") == letter
    ending = closed.removeprefix(letter)
    assert offers_opt_out(ending)
    assert language_of(ending) == language
    asked_for = re.findall(r"[“„”\"«「]\s?([^“„”\"«»「」]+?)\s?[“”\"»」]", ending)
    assert wants_no_more_email(asked_for[0])


@EVERY_LANGUAGE
@pytest.mark.req("TEXT-R19")
async def test_an_automatic_reply_is_thanked_for(language: str) -> None:
    """In one sentence or two, and nothing is asked; what a person writes of somebody's absence is no automatic reply."""
    subject = {
        "en": "Automatic reply: x",
        "de": "Abwesenheitsnotiz",
        "fr": "Absence : x",
        "es": "Respuesta automática: x",
        "it": "Risposta automatica: x",
        "nl": "Automatisch antwoord: x",
        "pt": "Resposta automática: x",
        "sv": "Frånvaro: x",
        "pl": "Automatyczna odpowiedź: x",
        "ja": "自動返信",
    }[language]
    draft = await draft_of(await known(incoming=Email(subject=subject, body="…"), **inputs_of(language)), REPLY)
    (text,) = letters([draft])
    assert text == _read_words(language).automatic
    assert not re.search("[?？]", text)


@pytest.mark.parametrize(
    "text", ["My boss is away until May.", "Sie ist im Urlaub, ich antworte für sie.", "We automate our replies."]
)
def test_a_person_who_speaks_of_absence_is_no_machine(text: str) -> None:
    """They are answered."""
    assert not is_automatic(text)


def test_every_language_says_every_piece() -> None:
    """The files hold the same fields and as many texts; one that lacks a piece cannot be read."""
    words = [_read_words(language) for language in LANGUAGES]
    assert {(len(each.touches), len(each.other_asks)) for each in words} == {(6, 4)}
    for each in words:
        assert [touch.again == "" for touch in each.touches] == [True] + [False] * 5
        assert all(part for touch in each.touches for part in touch[3:-1])
