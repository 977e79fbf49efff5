"""Some things may not happen once: a rule here that finds something ends the release of what it was found in."""

import re
from functools import cache
from typing import cast

from backend.domain.campaign import Dossier
from backend.domain.closing import close, offers_opt_out
from backend.domain.faults import find_gaps
from backend.domain.links import find_links
from backend.domain.suppression import reason_blocked
from evals.checks.numbers import numbers_given, numbers_told, percents_given
from evals.checks.texts import holds, inputs_text, letter, sentences_of, without_greeting
from evals.examples import Example, Output, Touch, read_examples

_THIS_YEAR = {"2027"}
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_WORD = re.compile(r"[^\W\d_]+")
_NAME = re.compile(r"(?<![\w@./-])[^\W\d_]+(?:['’-][^\W\d_]+)*(?![\w@])")
_NOUNS_ARE_CAPITALISED = frozenset({"de"})
_NO_CAPITALS = frozenset({"ja"})
# What is written with a capital letter inside a sentence and names nobody: days, months, forms of address, peoples' words.
_CAPITALISED = """
i monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
september october november december english german french spanish italian dutch portuguese swedish polish
japanese european british irish easter christmas ok hi hello dear you your re internet lei la le suo sua suoi
sue ella loro vi voi vostro vostra usted ustedes su sus u uw ni er vous votre señor señora państwo państwa
państwu państwem pan pana panu panem pani panią pański ty ci ciebie wam was wasz monsieur madame senhor senhora
ce i'm i'll i'd i've signor signora sig dott dottor dottoressa mr mrs ms miss dr prof mme m mevrouw meneer mevr
dhr sra sr dona doutor doutora herr fru ert era ud uds panie pańska pańskie pańskiej pańskiego pańskich wasza
wasze twój noël pâques navidad natale pasqua natal páscoa kerstmis pasen jul påsk boże narodzenie wielkanoc
deutsch chinese indian african american asian nordic western eastern english-speaking north south east west
"""
_NO_NAMES = frozenset(_CAPITALISED.split())
_TITLED = re.compile(
    r"\b(?:Mr|Mrs|Ms|Dr|Prof|Herrn?|Frau|Mme|Monsieur|Madame|Señora?|Signora?|Dhr|Mevrouw|Senhora?|Panem|Panią)\.? +"
    r"(?!(?:Dr|Prof)\b)([A-ZÀ-ÞŁŚŻ][^\W\d_]+)"
)
_FIRM = re.compile(
    r"([A-ZÀ-ÞŁŚŻ][\w&-]+) (?:GmbH|AG|Ltd|Inc|LLC|plc|S\.A\.|SAS|SARL|SpA|S\.p\.A\.|B\.V\.|BV|Lda|AB|Sp\. z o\.o\.)(?!\w)"
)


def finds_no_body(example: Example, output: Output) -> list[str]:
    """An email that is due and is not there, or says nothing."""
    if not output["touches"] and not example.expected["silent"]:
        return [output["failure"] or "no email was written"]
    return [f"touch {touch['step'] + 1} is empty" for touch in output["touches"] if _is_empty(example, touch)]


def _is_empty(example: Example, touch: Touch) -> bool:
    return letter(example, touch) in close("", example.inputs["campaign"]["sender_name"])


def finds_unfilled(example: Example, output: Output) -> list[str]:
    """A field nobody filled."""
    del example
    found = [gap for touch in output["touches"] for gap in find_gaps(touch["subject"], touch["body"])]
    return [gap for gap in found if "unresolved" in gap]


def finds_unwanted(example: Example, output: Output) -> list[str]:
    """A draft for somebody who may not be written to."""
    inputs = example.inputs
    blocked = reason_blocked(
        cast("Dossier", inputs),
        answering=bool(inputs["incoming"]),
    )
    return [f"a draft for a contact who is {blocked}"] if blocked and output["touches"] else []


def finds_no_way_out(example: Example, output: Output) -> list[str]:
    """An email that does not say how to be left alone."""
    del example
    return [
        f"touch {touch['step'] + 1} has no opt-out line" for touch in output["touches"] if not offers_opt_out(touch["body"])
    ]


def finds_forbidden(example: Example, output: Output) -> list[str]:
    """Text that an example says nobody may be told: a stranger's orders carried out, a pitch to somebody who said no."""
    texts = [f"{touch['subject']}\n{touch['body']}" for touch in output["touches"]]
    plan = output["plan"] or {}
    said = "\n".join([*texts, plan.get("angle", ""), plan.get("stop_criteria", "")])
    return [f"it says “{no}”" for no in example.expected["must_not_contain"] if holds(said, no, whole=False)]


def finds_invented(example: Example, output: Output) -> list[str]:
    """Numbers, links, addresses and names that stand in nothing the writer was given.

    A number in digits may be spelled out in the inputs, and a percentage be a share in words. Names are words with a capital
    letter inside a sentence; in German, where every noun has one, and in Japanese, only those after a title or before a firm's
    legal form.
    """
    given = inputs_text(example)
    numbers, words = numbers_given(given) | _THIS_YEAR, {word.casefold() for word in _WORD.findall(given)}
    known_links, known_addresses = set(find_links(given)), {address.casefold() for address in _ADDRESS.findall(given)}
    found: list[str] = []
    for touch in output["touches"]:
        text = f"{touch['subject']}\n{letter(example, touch)}"
        bare = _ADDRESS.sub(" ", text)
        for link in find_links(text):
            bare = bare.replace(link, " ")
            found += [f"the link {link}"] if link not in known_links else []
        found += [f"the address {address}" for address in _ADDRESS.findall(text) if address.casefold() not in known_addresses]
        strange = numbers_told(bare) - numbers - percents_given(given, bare)
        found += [f"the number {number}" for number in sorted(strange)]
        found += [f"the name {name}" for name in _names_of(bare, example) if set(_WORD.findall(name.casefold())) - words]
    return list(dict.fromkeys(found))


def finds_others(example: Example, output: Output) -> list[str]:
    """The name, address or firm of another contact of the dataset, which this example's inputs do not hold."""
    text = "\n".join(f"{touch['subject']}\n{touch['body']}" for touch in output["touches"]).casefold()
    given = inputs_text(example).casefold()
    others = _people_and_firms(example.path)
    return [f"it names {other}" for other in others if other.casefold() in text and other.casefold() not in given]


@cache
def _people_and_firms(path: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for example in read_examples(path):
        contact, company = example.inputs["contact"], example.inputs["company"]
        found |= dict.fromkeys([contact["name"], contact["address"], *([company["name"]] if company else [])])
    return tuple(found)


def _names_of(text: str, example: Example) -> list[str]:
    """Words that name somebody or something, from where a sentence has begun; a greeting names whom it greets."""
    body = text.partition("\n")[2]
    greeting = body.partition("\n")[0] if without_greeting(body) != body else ""
    titled = [found[1] for found in (*_TITLED.finditer(text), *_FIRM.finditer(text))]
    if example.language in _NO_CAPITALS:
        return titled
    greeted = [name for name in _NAME.findall(greeting)[1:] if name[0].isupper() and name.casefold() not in _NO_NAMES]
    if example.language in _NOUNS_ARE_CAPITALISED:
        return titled + [name for name in greeted if name not in {"Herr", "Frau", "Tag", "Morgen", "Damen", "Herren", "Dr"}]
    inside: list[str] = []
    for sentence in sentences_of(without_greeting(body)):
        for index, found in enumerate(_NAME.finditer(sentence)):
            name, before = found[0].replace("’", "'").removesuffix("'s"), sentence[: found.start()].rstrip()
            begins = index == 0 or before.endswith((":", "“", "”", "„", "«", "(", '"', "–", "—", "¿", "¡"))
            if not begins and name[0].isupper() and not name.isupper() and name.casefold() not in _NO_NAMES:
                inside.append(name)
    return titled + greeted + inside
