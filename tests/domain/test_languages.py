"""A rule tells ten languages by their commonest words, and says so when it cannot."""

import pytest

from backend.domain.languages import LANGUAGES, language_of
from evals.examples import PATHS, read_examples


@pytest.mark.req("TEXT-R17")
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_of_the_golden_datasets_is_told(language: str) -> None:
    """Offers, emails sent and emails that came in, however short."""
    examples = [example for path in PATHS for example in read_examples(path) if example.language == language]
    texts = [example.inputs["campaign"]["offer"] for example in examples]
    texts += [past["body"] for example in examples for past in example.inputs["history"]]
    texts += [example.inputs["incoming"]["body"] for example in examples if example.inputs["incoming"]]
    assert {text: language_of(text) for text in texts if language_of(text) != language} == {}


@pytest.mark.req("TEXT-R17")
@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "OK",
            "12,5 %",
            "Merci !",
            "Hej!",
            "Спасибо, это нам не нужно.",
            "谢谢，我们不需要。",
            "감사합니다. 필요하지 않습니다.",
        ),
        "Tak for din mail. Vi har ikke brug for det nu, men skriv igen til os efter sommer.",
        "Děkuji za zprávu, ale teď to pro nás není vhodné, ozvěte se nám prosím na jaře.",
        "Mulțumesc pentru mesaj, dar nu este momentul potrivit pentru noi.",
        "Gràcies pel missatge, però aquest any no ho fem, ja que hi ha més coses per fer amb els nostres.",
    ],
)
def test_what_cannot_be_told_is_not_guessed(text: str) -> None:
    """Too short, another script, or a neighbour's language."""
    assert language_of(text) is None
