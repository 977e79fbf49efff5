"""An email is taken apart here: its letter, words, sentences, quotations, and the runs of words two texts share."""

import re
from collections.abc import Iterator
from functools import lru_cache

from backend.domain.closing import without_closing
from backend.domain.text import clean
from evals.examples import Example, Touch

UNSPACED = frozenset({"ja"})
"""Languages written without blanks; two of their characters count as a word."""
_CHARACTERS_A_WORD = 2
_RUN_OF_WORDS, _RUN_OF_CHARACTERS = 3, 6
_UNSPACED = re.compile("[\u3041-\u9fff]")
_WORD = re.compile(r"[^\W_]+(?:['’.,-][^\W_]+)*")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[”\"»“’)]*\s+|(?<=[。！？])(?![」』])|\n+")
_QUOTATION = re.compile(r"[“„][^“”„]*[“”]|”[^”]*”|«[^«»]*»|「[^「」]*」|\"[^\"\n]*\"")
_DOT = re.compile(r"\b(?:Dr|Mr|Mrs|Ms|Prof|St|z\.B|u\.a|Sr|Sra|M|Mme|ca|bzw|e\.g|i\.e|np|tzn|t\.ex)\.")


def letter(example: Example, touch: Touch) -> str:
    """The body without signature and opt-out line."""
    return _letter(touch["body"], example.inputs["campaign"]["sender_name"])


@lru_cache(maxsize=1_000)
def _letter(body: str, sender_name: str) -> str:
    return without_closing(clean(body), sender_name)


def without_greeting(text: str) -> str:
    """`text` without its first line, where that is no sentence but a greeting."""
    first, _, rest = text.partition("\n")
    return rest.strip() if rest and not first.rstrip().endswith((".", "!", "?", "。", "？")) else text


def without_quotations(text: str) -> str:
    """`text` without what it quotes, which is somebody else's word."""
    return _QUOTATION.sub(" ", text)


def holds(text: str, words: str, *, whole: bool = True) -> bool:
    """Tell whether `text` holds `words` in any case, as words of their own; without `whole` they may go on."""
    if _UNSPACED.search(words):
        return words in text
    return re.search(rf"(?<!\w){re.escape(words)}" + (r"(?!\w)" if whole else ""), text, re.IGNORECASE) is not None


def words_in(text: str) -> list[str]:
    """The words of `text` in lower case."""
    return _WORD.findall(text.casefold())


def count_words(text: str, language: str) -> int:
    """Count the words of `text`; where words are not set apart, half its characters."""
    if language in UNSPACED:
        return len(re.sub(r"\W", "", text)) // _CHARACTERS_A_WORD
    return len(words_in(text))


def sentences_of(text: str) -> list[str]:
    """The sentences of `text`; a line's end is a sentence's end."""
    whole = _DOT.sub(lambda found: found[0].replace(".", "\u2024"), text)
    parts = (part.strip() for part in _SENTENCE_END.split(whole))
    return [part.replace("\u2024", ".") for part in parts if _WORD.search(part)]


@lru_cache(maxsize=4_000)
def runs_of(text: str, language: str) -> set[str]:
    """Every run of three words, or of six characters where words are not set apart."""
    if language in UNSPACED:
        bare = re.sub(r"\W", "", text)
        return {bare[start : start + _RUN_OF_CHARACTERS] for start in range(len(bare) - _RUN_OF_CHARACTERS + 1)}
    words = words_in(text)
    return {" ".join(words[start : start + _RUN_OF_WORDS]) for start in range(len(words) - _RUN_OF_WORDS + 1)}


def share_in(one: set[str], other: set[str]) -> float:
    """Compare two sets: the share of the smaller one that stands in the other, from 0 to 1."""
    return len(one & other) / min(len(one), len(other)) if one and other else 0.0


def inputs_text(example: Example) -> str:
    """Everything the writer was given, as one text."""
    return "\n".join(_leaves(example.inputs))


def _leaves(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for part in value.values():  # pyright: ignore[reportUnknownVariableType]  # JSON of the dataset
                yield from _leaves(part)  # pyright: ignore[reportUnknownArgumentType]  # as above
        case list():
            for part in value:  # pyright: ignore[reportUnknownVariableType]  # as above
                yield from _leaves(part)  # pyright: ignore[reportUnknownArgumentType]  # as above
        case _:
            return
