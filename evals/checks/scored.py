"""Rules tell a good email as far as a rule can; each looks at one touch and returns what it found, or nothing."""

import re

from backend.domain.conversation import without_re
from backend.domain.languages import language_of
from backend.domain.text import clean
from evals.checks.texts import (
    count_words,
    holds,
    letter,
    runs_of,
    sentences_of,
    share_in,
    without_greeting,
    without_quotations,
    words_in,
)
from evals.examples import Example, Output, Touch

_MIN_SUBJECT_CHARS, _MAX_SUBJECT_CHARS = 3, 50
_MAX_REPLY_SUBJECT_CHARS = 80
"""A reply keeps the subject it answers."""
_MAX_OPENING_SENTENCES = 3
_MIN_TELLING_WORDS = 12
NEAR_COPY = 0.3
"""Of the shorter text's runs, how many may stand in another email."""
_ASKED = re.compile(r"[?？]")
_TOLD_TO_ACT = re.compile(
    r"\b(?:let me know|book (?:a|your)|sign up|click|schedule (?:a|your)|reply (?:to|with)|get in touch|give me a call)\b"
    r"|\b(?:geben sie mir bescheid|melden sie sich|buchen sie|vereinbaren sie|klicken sie|rufen sie)\b"
    r"|\b(?:faites-moi savoir|dites-moi|réservez|cliquez|contactez-moi|appelez-moi)\b"
    r"|\b(?:avíseme|dígame|reserve|haga clic|llámeme|contácteme)\b|\b(?:mi faccia sapere|prenot[ia]|clicchi|mi chiami)\b"
    r"|\b(?:laat (?:het )?me weten|boek|klik|bel mij)\b|\b(?:diga-me|avise-me|marque|clique|ligue-me)\b"
    r"|\b(?:hör av (?:dig|er)|boka|klicka|ring mig)\b|\b(?:proszę dać znać|proszę o kontakt|kliknij|proszę kliknąć)\b"
    r"|お知らせください|ご連絡ください|ご予約ください|クリックして",
    re.IGNORECASE,
)
_STOCK = re.compile(
    r"finds? you well|hope (?:you are|you're) (?:doing )?well|just following up|touch(?:ing)? base"
    r"|circl(?:e|ing) back|quick question|reach(?:ing)? out|leverag|synerg|game.?chang|cutting.edge|in today's"
    r"|fast.paced|unlock|seamless|revolution|best.in.class|take .{0,20}to the next level|delve|world.class"
    r"|excited to|es geht ihnen gut|hoffe,? (?:diese|meine) (?:e-?mail|nachricht)|auf das nächste level"
    r"|maßgeschneidert|nahtlos|bahnbrechend|j'espère que (?:vous allez bien|ce (?:message|mail))"
    r"|solution clé en main|révolutionn|sur[- ]mesure|espero que (?:este|se encuentre|esté bien|esteja)"
    r"|soluciones? innovador|de vanguardia|spero che (?:stia|questa)|all'avanguardia|hoop dat (?:het goed|deze)"
    r"|naar een hoger niveau|naadloos|soluções inovadoras|de ponta a ponta|hoppas att (?:du|ni|allt|detta)"
    r"|banbrytande|mam nadzieję,? że (?:ta wiadomość|wszystko)|innowacyjn|kompleksow|突然のご連絡失礼|革新的|シームレス",
    re.IGNORECASE,
)


def subject_fits(example: Example, touch: Touch) -> str:
    """A subject of 3 to 50 characters, without its `Re:`; an answer's may be longer, because it keeps the one it answers."""
    limit = _MAX_REPLY_SUBJECT_CHARS if example.inputs["incoming"] else _MAX_SUBJECT_CHARS
    chars = len(clean(without_re(touch["subject"])))
    return "" if _MIN_SUBJECT_CHARS <= chars <= limit else f"the subject has {chars} characters"


def length_fits(example: Example, touch: Touch) -> str:
    """A letter as long as the example wants it, without greeting, signature and opt-out line."""
    low, high = example.expected["words"]
    words = count_words(letter(example, touch), example.expected["language"])
    return "" if low <= words <= high else f"the letter has {words} words"


def opening_is_short(example: Example, touch: Touch) -> str:
    """A first paragraph of at most three sentences; what it quotes counts as part of the sentence around it."""
    opening = without_greeting(letter(example, touch)).split("\n\n")[0]
    sentences = len(sentences_of(without_quotations(opening)))
    return "" if sentences <= _MAX_OPENING_SENTENCES else f"the opening has {sentences} sentences"


def asks_once(example: Example, touch: Touch) -> str:
    """As many calls to action as the example wants: questions, and orders to do something; a quotation asks nothing."""
    low, high = example.expected["asks"]
    said = sentences_of(without_quotations(letter(example, touch)))
    asks = sum(bool(_ASKED.search(sentence) or _TOLD_TO_ACT.search(sentence)) for sentence in said)
    return "" if low <= asks <= high else f"it asks {asks} times"


def signs_once(example: Example, touch: Touch) -> str:
    """The sender's name on a line of its own, once."""
    sender = example.inputs["campaign"]["sender_name"].casefold()
    names = {sender, sender.split()[0]}
    signed = sum(line.strip(" ,.–—-").casefold() in names for line in touch["body"].split("\n"))
    return "" if signed == 1 else f"it is signed {signed} times"


def says_nothing_stock(example: Example, touch: Touch) -> str:
    """None of the phrases that mass mail and models are known by; what the offer says itself is no such phrase."""
    given = example.inputs["campaign"]["offer"].casefold()
    text = without_quotations(f"{touch['subject']}\n{letter(example, touch)}")
    stock = [found[0] for found in _STOCK.finditer(text) if found[0].casefold() not in given]
    return f"it says “{stock[0]}”" if stock else ""


def is_in_the_language(example: Example, touch: Touch) -> str:
    """The language the example wants, told by the letter without what it quotes; a thank you may be too short to tell."""
    text = without_quotations(letter(example, touch))
    spoken = language_of(text) or language_of(letter(example, touch))
    if not spoken and len(words_in(text)) < _MIN_TELLING_WORDS:
        return ""
    return "" if spoken == example.expected["language"] else f"it is written in {spoken or 'no language a rule can tell'}"


def leaves_out_the_unsure(example: Example, touch: Touch) -> str:
    """Nothing that is no surer than a coin toss, or that something newer has overtaken."""
    told = [doubt for doubt in example.expected["better_not"] if holds(touch["body"], doubt)]
    return f"it tells “{told[0]}”" if told else ""


def uses_a_signal(example: Example, output: Output) -> str:
    """One of the things the example says a good answer rests on, in any of its emails."""
    wanted: list[str] = example.expected["must_use"]
    text = "\n".join(f"{touch['subject']}\n{touch['body']}" for touch in output["touches"]).casefold()
    return "" if not wanted or any(signal.casefold() in text for signal in wanted) else f"it uses none of {', '.join(wanted)}"


def is_no_near_copy(example: Example, earlier: list[str], touch: Touch) -> str:
    """Less than a third of the letter's runs of words stand in one earlier email."""
    language = example.expected["language"]
    runs = runs_of(without_greeting(letter(example, touch)), language)
    shared = max((share_in(runs, runs_of(without_greeting(past), language)) for past in earlier), default=0.0)
    return "" if shared <= NEAR_COPY else f"{shared:.0%} of it stands in an earlier email"
