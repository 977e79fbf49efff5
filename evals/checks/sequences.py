"""Rules over the touches of one thread, and over an email and those sent before it; they count the touches that keep them."""

import re
from itertools import pairwise

from backend.domain.facts import stems_of, tells
from backend.graphs.campaign_graph import (
    _DEFAULT_CADENCE_DAYS,  # pyright: ignore[reportPrivateUsage]  # what governs a thread without a plan
    _DEFAULT_MAX_TOUCHES,  # pyright: ignore[reportPrivateUsage]  # as above
)
from evals.checks.texts import letter, runs_of, sentences_of, share_in, without_greeting
from evals.examples import Example, Output, Touch

_SAME_SENTENCE = 0.6
_MIN_RUNS = 4
"""A sentence with fewer runs of words is too short to be an argument."""
_EXCITED = re.compile(r"[!！]")
# How a contact is addressed, near and far, where a language tells the two apart by words of their own.
_NEAR_AND_FAR = {
    "de": (r"\b(?:du|dich|dir|dein\w*)\b", r"\b(?:Sie|Ihnen|Ihr\w*)\b"),
    "fr": (r"\b(?:[Tt]u|te|toi|tes)\b", r"\b(?:[Vv]ous|[Vv]otre|[Vv]os|vôtres?)\b"),
    "es": (r"\b(?:[Tt]ú|[Tt]us?|ti|contigo)\b", r"\b[Uu]sted(?:es)?\b"),
    "nl": (r"\b(?:[Jj]e|[Jj]ij|jou|[Jj]ouw|jullie)\b", r"\b(?:[Uu]|[Uu]w)\b"),
}


def letters_before(example: Example, output: Output, touch: Touch) -> list[str]:
    """The letters the contact has by the time of `touch`: those of the inputs and those of this output."""
    sent = [letter(example, Touch(step=0, due_day=0, subject="", body=past["body"])) for past in example.inputs["history"]]
    return sent + [letter(example, other) for other in output["touches"] if other["step"] < touch["step"]]


def tells_no_fact_twice(example: Example, output: Output) -> tuple[int, list[str]]:
    """Count the touches that tell no fact that an earlier email told."""
    twice: list[str] = []
    for touch in output["touches"]:
        before = letters_before(example, output, touch)
        told = (fact["value"] for fact in example.inputs["facts"] if tells(letter(example, touch), fact["value"]))
        again = next((value for value in told if any(tells(past, value) for past in before)), None)
        twice += [f"touch {touch['step'] + 1} tells again: {again}"] if again else []
    return len(output["touches"]) - len(twice), twice


def argues_nothing_twice(example: Example, output: Output) -> tuple[int, list[str]]:
    """Count the touches that hold no sentence that stood in an earlier email, in the same words or nearly so."""
    language = example.expected["language"]
    twice: list[str] = []
    for touch in output["touches"]:
        before = [runs for past in letters_before(example, output, touch) for _, runs in _sentences(past, language)]
        said = _sentences(letter(example, touch), language)
        again = next((text for text, runs in said if any(share_in(runs, past) >= _SAME_SENTENCE for past in before)), None)
        twice += [f"touch {touch['step'] + 1} says again: {again}"] if again else []
    return len(output["touches"]) - len(twice), twice


def keeps_its_angle(example: Example, output: Output) -> tuple[int, list[str]]:
    """Count the touches that speak of the angle of the plan in force, of the offer, or of what was written about it."""
    plan = output["plan"] if output["treated"] else None
    argument = plan["angle"] if plan else example.inputs["campaign"]["offer"]
    facts = "\n".join(fact["value"] for fact in example.inputs["facts"])
    subject = output["touches"][0]["subject"] if output["touches"] else ""
    stems = stems_of(f"{argument}\n{example.inputs['campaign']['offer']}\n{facts}\n{subject}")
    lost = [
        f"touch {touch['step'] + 1} is about something else"
        for touch in output["touches"]
        if not stems & stems_of(letter(example, touch))
    ]
    return len(output["touches"]) - len(lost), lost


def keeps_its_tone(example: Example, output: Output) -> tuple[int, list[str]]:
    """Count the touches that address the contact as the first one does, and shout no more than it."""
    if not output["touches"]:
        return 0, []
    language, first = example.expected["language"], letter(example, output["touches"][0])
    forms = [form for touch in output["touches"] if (form := _addresses(letter(example, touch), language))]
    changed: list[str] = []
    for touch in output["touches"]:
        text = letter(example, touch)
        if _addresses(text, language) not in {"", *forms[:1]}:
            changed.append(f"touch {touch['step'] + 1} addresses the contact otherwise")
        elif len(_EXCITED.findall(text)) > max(1, len(_EXCITED.findall(first))):
            changed.append(f"touch {touch['step'] + 1} shouts")
    return len(output["touches"]) - len(changed), changed


def honours_its_cadence(example: Example, output: Output) -> tuple[int, list[str]]:
    """Count all touches when they lie apart as the plan in force says, or the defaults, and are as many; else none."""
    del example
    plan = output["plan"]
    gaps, budget = (plan["cadence_days"], plan["max_touches"]) if plan else (_DEFAULT_CADENCE_DAYS, _DEFAULT_MAX_TOUCHES)
    days = [touch["due_day"] for touch in output["touches"]]
    kept = [later - earlier for earlier, later in pairwise([0, *days])]
    wrong = [] if kept == gaps[: len(days)] and len(days) == budget else [f"{len(days)} touches after gaps of {kept}"]
    return len(days) if not wrong else 0, wrong


def _sentences(text: str, language: str) -> list[tuple[str, set[str]]]:
    found = ((sentence, runs_of(sentence, language)) for sentence in sentences_of(without_greeting(text)))
    return [(sentence, runs) for sentence, runs in found if len(runs) >= _MIN_RUNS]


def _addresses(text: str, language: str) -> str:
    near, far = (len(re.findall(form, text)) for form in _NEAR_AND_FAR.get(language, ("(?!)", "(?!)")))
    return "" if near == far else "near" if near > far else "far"
