"""The texts that need no model: six touches and an answer, each of them worth approving as it stands.

They say nothing that stands in neither the facts nor the offer. A fact is quoted, since no rule can tell a sentence from a
note; a fact or a sentence of the offer that was sent before is not told again.
"""

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from backend.domain.campaign import Email, EmailPayload
from backend.domain.conversation import without_re
from backend.domain.facts import Fact
from backend.domain.languages import LANGUAGES, language_of
from backend.domain.outside_words import is_automatic, orders_a_writer, wants_no_more_email
from backend.domain.text import clean, cut_on_word, one_line
from backend.graphs.writing import quotable

MAX_DEFAULT_SUBJECT_CHARS = 50
_MAX_NAME_CHARS = 60
_MIN_QUOTED_CHARS, _MAX_QUOTED_CHARS = 8, 200
_MAX_OFFER_CHARS = 400
_COIN_TOSS = 0.5
"""A fact no surer than this is not told to the person it is about."""


class _Touch(NamedTuple):
    """One touch. `fact` leads to a quoted fact and `so` follows it, or `plain` stands for both; `again` is for later ones.

    `so_titled` takes the place of `so` where a title is known, `about` that of `offer` where all of the offer was told.
    """

    subject: str
    subject_without_company: str
    again: str
    fact: str
    so: str
    plain: str
    offer: str
    about: str
    point: str
    ask: str
    so_titled: str = ""


class _Words(NamedTuple):
    """One language's words; `greets_by` is `first_name` or `name`. `other_asks` serve the versions after a touch's first.

    Fields in braces: {company} or `your_company`, {at} where they work, {title}, {name}, {link}, {subject}, {text}.
    """

    greeting: str
    greeting_unnamed: str
    greets_by: str
    your_company: str
    at_company: str
    at_your_company: str
    quotation: str
    link: str
    left_alone: str
    automatic: str
    question: str
    answer: str
    answer_more: str
    other_asks: list[str]
    touches: list[_Touch]


_WORDS = Path(__file__).parent / "words"

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])")  # noqa: RUF001  # Japanese ends its sentences so
_ASKS = ("?", "？")  # noqa: RUF001  # as above
_ENDS = (".", "!", "。", "…")
_INNER_QUOTES = str.maketrans('“”„"«»「」', "‘’‚'‹›『』")  # noqa: RUF001  # a quotation inside one
_NOT_A_NAME = (".", ",", ":")


def default_touch(payload: EmailPayload, evidence: Sequence[str]) -> Email:
    """The touch of the payload's step, with another fact and question for each version; its links are still to be checked."""
    words, step, other_version = _words_for(payload), payload["step"], payload["version"] - 2
    touch = words.touches[step % len(words.touches)]
    ask = touch.ask if other_version < 0 else words.other_asks[(step + other_version) % len(words.other_asks)]
    opening = _open(payload, words, touch, _untold_fact(payload) if evidence else "")
    paragraphs = [_greet(payload, words), opening, _tell_offer(payload, words, touch), touch.point, ask]
    return Email(subject=_head(payload, words, touch), body="\n\n".join(filter(None, paragraphs)))


def default_reply_body(payload: EmailPayload) -> str:
    """An answer that promises nothing but an answer and quotes what was asked.

    To a wish to be left alone it is a plain yes, and to an automatic reply a plain thank you.
    """
    incoming, words = payload.get("incoming", Email(subject="", body="")), _words_for(payload)
    whole = f"{incoming['subject']}\n{incoming['body']}"
    if wants_no_more_email(whole):
        return f"{_greet(payload, words)}\n\n{words.left_alone}"
    if is_automatic(whole):
        return f"{_greet(payload, words)}\n\n{words.automatic}"
    asked = _question_of(incoming["body"])
    question = [f"{words.question} {words.quotation.format(text=asked)}"] if asked else []
    return "\n\n".join([_greet(payload, words), *question, words.answer, words.answer_more])


def _words_for(payload: EmailPayload) -> _Words:
    """The words of the language the contact wrote in, else of the offer's, else the English ones."""
    wrote = _own_words(payload.get("incoming", Email(subject="", body=""))["body"])
    return _read_words(language_of(wrote) or language_of(payload["offer"]) or LANGUAGES[0])


@cache
def _read_words(language: str) -> _Words:
    words: dict[str, Any] = tomllib.loads((_WORDS / f"{language}.toml").read_text("utf-8"))
    touches = [_Touch(**touch) for touch in words.pop("touches")]
    return _Words(**words, touches=touches)


def _head(payload: EmailPayload, words: _Words, touch: _Touch) -> str:
    company = _short(payload["company"]["name"])
    if company:
        subject = touch.subject.format(company=company, at=words.at_company.format(company=company))
        if len(subject) <= MAX_DEFAULT_SUBJECT_CHARS:
            return subject
    return touch.subject_without_company


def _open(payload: EmailPayload, words: _Words, touch: _Touch, fact: str) -> str:
    title, company = _short(payload["contact"]["title"]), _short(payload["company"]["name"])
    at = words.at_company.format(company=company) if company else words.at_your_company
    known = {"company": company or words.your_company, "at": at, "title": title}
    so = (touch.so_titled if title else "") or touch.so
    quoted = f"{touch.fact.format(**known)} {words.quotation.format(text=fact)} {so.format(**known)}"
    opening = quoted if fact else touch.plain.format(**known)
    return f"{touch.again} {opening}" if touch.again and payload["history"] else opening


def _greet(payload: EmailPayload, words: _Words) -> str:
    first_name, name = payload["contact"]["first_name"], payload["contact"]["name"]
    by_first_name = words.greets_by == "first_name" and not first_name.endswith(_NOT_A_NAME)
    greeted = _short(first_name if by_first_name else name)
    return words.greeting.format(name=greeted) if greeted else words.greeting_unnamed


def _tell_offer(payload: EmailPayload, words: _Words, touch: _Touch) -> str:
    """The sentences of the offer that no email told yet, two in the first touch and then one; after them, what it was about."""
    sentences = [one_line(sentence) for sentence in _SENTENCE_END.split(clean(payload["offer"])) if sentence]
    said = [sentence for sentence in sentences if not sentence.endswith(_ASKS)] or sentences
    untold = [sentence for sentence in said if not _was_told(sentence, payload)]
    told = " ".join(untold[: 2 if touch is words.touches[0] else 1])
    if told:
        return f"{touch.offer} {_cut(told, _MAX_OFFER_CHARS)}"
    link = next((link for link in payload["allowed_links"] if not _was_told(link, payload)), "")
    subject = quotable(without_re(payload["history"][0]["subject"])) if payload["history"] else ""
    about = touch.about.format(subject=words.quotation.format(text=subject)) if subject else ""
    return words.link.format(link=link) if link else about


def _untold_fact(payload: EmailPayload) -> str:
    """The first sentence of a fact that no email told yet, another one for each draft that was not sent; `""` without one."""
    newest: dict[str, Fact] = {}
    for fact in payload["facts"]:
        if fact["confidence"] <= _COIN_TOSS or not _quote(fact["value"]):
            continue
        known = newest.setdefault(fact["field"], fact)
        if fact["observed_at"] > known["observed_at"]:
            newest[fact["field"]] = fact
    untold = [quote for quote in (_quote(fact["value"]) for fact in newest.values()) if not _was_told(quote, payload)]
    unsent = payload["step"] - len(payload["history"]) + payload["version"] - 1
    return untold[unsent % len(untold)] if untold else ""


def _quote(value: str) -> str:
    line = one_line(value)
    sentence = _cut(_SENTENCE_END.split(line)[0], _MAX_QUOTED_CHARS).translate(_INNER_QUOTES)
    if len(line) < _MIN_QUOTED_CHARS or not _is_quotable(line) or sentence.endswith(_ASKS):
        return ""
    return sentence if sentence.endswith(_ENDS) else f"{sentence}."


def _is_quotable(line: str) -> bool:
    return bool(quotable(line)) and not orders_a_writer(line)


def _question_of(body: str) -> str:
    """The first question of the contact's own words, `""` without one."""
    said = [sentence.strip() for sentence in _SENTENCE_END.split(_own_words(body))]
    asked = (one_line(sentence) for sentence in said if sentence.endswith(_ASKS) and len(sentence) <= _MAX_QUOTED_CHARS)
    return next((question.translate(_INNER_QUOTES) for question in asked if _is_quotable(question)), "")


def _own_words(body: str) -> str:
    """Put what the contact wrote on one line, without what they quote under `>`."""
    return " ".join(line for line in clean(body).split("\n") if not line.startswith(">"))


def _was_told(text: str, payload: EmailPayload) -> bool:
    return any(text in one_line(past["body"]) for past in payload["history"])


def _short(text: str) -> str:
    """`text` if it may stand in the middle of a sentence, else `""`."""
    line = quotable(text)
    return line if len(line) <= _MAX_NAME_CHARS else ""


def _cut(text: str, max_chars: int) -> str:
    return text if len(text) <= max_chars else f"{cut_on_word(text, max_chars - 1).rstrip('.,;:')}…"
