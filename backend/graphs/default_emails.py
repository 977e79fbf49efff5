"""The texts that need no model: six touches and an answer, each of them worth approving as it stands.

They say nothing that stands in neither the facts nor the offer. A fact is quoted, since no rule can tell a sentence from a
note; a fact or a sentence of the offer that was sent before is not told again.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from backend.domain.campaign import Email, EmailPayload
from backend.domain.facts import Fact
from backend.domain.outside_words import orders_a_writer, wants_no_more_email
from backend.domain.text import clean, cut_on_word, one_line
from backend.graphs.writing import quotable

MAX_DEFAULT_SUBJECT_CHARS = 50
_MAX_NAME_CHARS = 60
_MIN_QUOTED_CHARS, _MAX_QUOTED_CHARS = 8, 200
_MAX_OFFER_CHARS = 400
_COIN_TOSS = 0.5
"""A fact no surer than this is not told to the person it is about."""


class _Touch(NamedTuple):
    """One touch. `fact` leads to a quoted fact and `so` follows it, or `plain` stands for both; `again` is for later ones."""

    subject: str
    subject_without_company: str
    again: str
    fact: str
    so: str
    plain: str
    offer: str
    point: str
    ask: str


_TOUCHES = (
    _Touch(
        subject="A question for {company}",
        subject_without_company="A question about your work",
        again="",
        fact="One line about {company} made me write to you:",
        so="{you} will know far better than I do what stands behind it.",
        plain=(
            "I do not know {company} from the inside, so I will not pretend that I do. I would rather say in a few lines "
            "what we offer, and leave it to you whether it has a place there."
        ),
        offer="What we offer is quickly told.",
        point=(
            "One email is no reason to change anything. What I would like is to understand how this is handled where you "
            "work, to listen more than to talk, and to say so plainly if I see no use for us in it. A plain no is as "
            "welcome as a yes."
        ),
        ask="Would a short call next week be worth your time?",
    ),
    _Touch(
        subject="What would change at {company}",
        subject_without_company="What would change, and for whom",
        again="You have had a note from me before, and this one adds to it.",
        fact="Here is a thing I have read about {company} and kept:",
        so="From outside I cannot tell what it means for an ordinary day, and that is what counts.",
        plain=(
            "What something new does to an ordinary day is hard to see from outside. I do not know yours at {company}, so"
            " I would rather describe than promise."
        ),
        offer="Here is one part of what we offer.",
        point=(
            "The fair test of it is a plain one: somebody tries it on real work and says honestly afterwards whether it "
            "was worth the trouble. The people who do that work notice a difference long before it shows in any report, "
            "and theirs is the opinion I would trust."
        ),
        ask="May I send you a single page that shows how it works?",
    ),
    _Touch(
        subject="What it would ask of {company}",
        subject_without_company="What it would ask of you",
        again="In what I wrote to you before, this side was left out.",
        fact="When I think of {company}, I think of this:",
        so="I would not want to add to anybody's work on the strength of a guess.",
        plain=(
            "New things cost time before they give any back, and as a rule the busiest people pay for it. I would not "
            "like to be the cause of that at {company}."
        ),
        offer="About our offer it helps to know this.",
        point=(
            "Before you think about what there is to gain, you may want to know what it would ask of your people, how "
            "long they would be busy with it, and how easily all of it could be undone. Those are the questions I would "
            "put first in your place, and I would rather answer them now than later."
        ),
        ask="What would have to be true for this to be useful to you?",
    ),
    _Touch(
        subject="Whether now is the time",
        subject_without_company="Whether now is the time",
        again="I have written to you before and do not want to press.",
        fact="This is what I have noted about {company}:",
        so="It does not tell me whether the moment is right, and the moment often decides.",
        plain=(
            "Whether a thing is good and whether it comes at the right moment are different questions. For {company} I "
            "can answer neither from where I sit."
        ),
        offer="Until then, this much about our offer.",
        point=(
            "If other things come first at present, that is a perfectly good reason to leave this alone. I would rather "
            "come back when it suits you than stand in the way, and nobody owes me an explanation for either. I plan far "
            "enough ahead to wait."
        ),
        ask="Is there a better time of year for you to look at this?",
    ),
    _Touch(
        subject="A smaller first step for {company}",
        subject_without_company="A smaller first step",
        again="Perhaps my earlier notes were too much at once.",
        fact="What I know of {company} is little, and this is part of it:",
        so="On so little I will not propose anything large.",
        plain="Large beginnings are easy to propose and hard to live with. For {company} I would think of something smaller.",
        offer="From our offer I would take a single piece.",
        point=(
            "A whole project is a lot to ask of anybody, and seldom the best way of finding out. A single case of your "
            "own, looked at together from beginning to end, tells both of us more. If it tells us nothing we leave it "
            "there, and all that was spent is a little time, more of mine than of yours."
        ),
        ask="Is there a case you would like to try it on first?",
    ),
    _Touch(
        subject="My last note on this",
        subject_without_company="My last note on this",
        again="You have been patient with my notes.",
        fact="Of what I have read about {company}, this has stayed with me:",
        so="I may well be reading it wrong from here.",
        plain=(
            "I do not want to fill your inbox at {company} with something you have no use for. So I will say what there "
            "is to say and then be quiet."
        ),
        offer="For completeness, this belongs to our offer too.",
        point=(
            "After this note you will not find another one from me on the subject. Should the question come up again some"
            " day, nothing is lost by having left it until then, and the answer will still be a straight one. I would "
            "only like to learn from how this went, so that the next person I write to is better chosen."
        ),
        ask="Have I come too early with this, or is it simply not for you?",
    ),
)

_OTHER_ASKS = (
    "Would it help you if I described a case like yours first?",
    "Whom would you ask about this if you were in my place?",
    "What do you do about it today, if I may ask?",
    "Do I have the right picture of your work, or the wrong one?",
)
"""For the versions after a touch's first, so that no touch asks what another one asks."""

_REPLY = (
    (
        "Thank you for writing back. I would rather answer you properly than quickly, so I will go through your email point by "
        "point and send you a whole answer. Where the honest answer is that we cannot help, you will read exactly that."
    ),
    "If one of your points matters more to you than the others, a line about it is enough and I will begin there.",
)
_REPLY_QUESTION = "I have your question in front of me:"
_LEFT_ALONE = "Understood, and thank you for saying so. I will not write to you again."

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])")  # noqa: RUF001  # Japanese ends its sentences so
_ASKS = ("?", "？")  # noqa: RUF001  # as above
_ENDS = (".", "!", "。", "…")
_INNER_QUOTES = str.maketrans('“”„"', "‘’‚'")  # noqa: RUF001  # a quotation inside one
_NOT_A_NAME = (".", ",", ":")


def default_touch(payload: EmailPayload, evidence: Sequence[str]) -> Email:
    """The touch of the payload's step, with another fact and question for each version; its links are still to be checked."""
    step, other_version = payload["step"], payload["version"] - 2
    touch = _TOUCHES[step % len(_TOUCHES)]
    ask = touch.ask if other_version < 0 else _OTHER_ASKS[(step + other_version) % len(_OTHER_ASKS)]
    opening = _open(payload, touch, _untold_fact(payload) if evidence else "")
    paragraphs = [_greet(payload), opening, _tell_offer(payload, touch), touch.point, ask]
    return Email(subject=_head(payload, touch), body="\n\n".join(filter(None, paragraphs)))


def default_reply_body(payload: EmailPayload) -> str:
    """An answer that promises nothing but an answer and quotes what was asked; to a wish to be left alone, a plain yes."""
    incoming = payload.get("incoming", Email(subject="", body=""))
    if wants_no_more_email(f"{incoming['subject']}\n{incoming['body']}"):
        return f"{_greet(payload)}\n\n{_LEFT_ALONE}"
    asked = _question_of(incoming["body"])
    return "\n\n".join([_greet(payload), *([f"{_REPLY_QUESTION} “{asked}”"] if asked else []), *_REPLY])


def _head(payload: EmailPayload, touch: _Touch) -> str:
    company = _short(payload["company"]["name"])
    subject = touch.subject.format(company=company) if company else touch.subject_without_company
    return subject if len(subject) <= MAX_DEFAULT_SUBJECT_CHARS else touch.subject_without_company


def _open(payload: EmailPayload, touch: _Touch, fact: str) -> str:
    title = _short(payload["contact"]["title"])
    known = {"company": _short(payload["company"]["name"]) or "your company", "you": f"As {title} you" if title else "You"}
    opening = f"{touch.fact.format(**known)} “{fact}” {touch.so.format(**known)}" if fact else touch.plain.format(**known)
    return f"{touch.again} {opening}" if touch.again and payload["history"] else opening


def _greet(payload: EmailPayload) -> str:
    first_name, name = payload["contact"]["first_name"], payload["contact"]["name"]
    greeted = _short(name if first_name.endswith(_NOT_A_NAME) else first_name)
    return f"Hello {greeted}," if greeted else "Hello,"


def _tell_offer(payload: EmailPayload, touch: _Touch) -> str:
    """The sentences of the offer that no email told yet, two in the first touch and then one; after them, what it was about."""
    sentences = [one_line(sentence) for sentence in _SENTENCE_END.split(clean(payload["offer"])) if sentence]
    said = [sentence for sentence in sentences if not sentence.endswith(_ASKS)] or sentences
    untold = [sentence for sentence in said if not _was_told(sentence, payload)]
    told = " ".join(untold[: 2 if touch is _TOUCHES[0] else 1])
    if told:
        return f"{touch.offer} {_cut(told, _MAX_OFFER_CHARS)}"
    link = next((link for link in payload["allowed_links"] if not _was_told(link, payload)), "")
    subject = quotable(payload["history"][0]["subject"]) if payload["history"] else ""
    return f"The details are at {link}" if link else f"It is about what I wrote to you under “{subject}”." if subject else ""


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
    """The first question of the contact's own words, `""` without one; what they quote stands under `>`."""
    lines = [line for line in clean(body).split("\n") if not line.startswith(">")]
    said = [sentence.strip() for sentence in _SENTENCE_END.split(" ".join(lines))]
    asked = (one_line(sentence) for sentence in said if sentence.endswith(_ASKS) and len(sentence) <= _MAX_QUOTED_CHARS)
    return next((question.translate(_INNER_QUOTES) for question in asked if _is_quotable(question)), "")


def _was_told(text: str, payload: EmailPayload) -> bool:
    return any(text in one_line(past["body"]) for past in payload["history"])


def _short(text: str) -> str:
    """`text` if it may stand in the middle of a sentence, else `""`."""
    line = quotable(text)
    return line if len(line) <= _MAX_NAME_CHARS else ""


def _cut(text: str, max_chars: int) -> str:
    return text if len(text) <= max_chars else f"{cut_on_word(text, max_chars - 1).rstrip('.,;:')}…"
