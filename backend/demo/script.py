"""The scripted model plans, assigns roles, writes and answers out of a prompt's own data, and no other.

`speak` is a pure function, so the same prompt gets the same words. Its phrases are `data/words.json`. It stands in for a model
and nowhere claims to be one: it knows six ways to begin, a handful of topics and the few words of feedback named below.
"""

import json
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

_FENCE = re.compile(r"<<<(?:DATA|WISH) ([^\n]+)\n(.*?)\n(?:DATA|WISH) \1>>>", re.DOTALL)
_TOUCH = re.compile(r"This is touch (\d+) of the sequence, version (\d+)\.")
_FACT = re.compile(r"(\w+): (.*) \(source: .*\)")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")

_WORDS: dict[str, Any] = json.loads((files("backend.demo") / "data" / "words.json").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class _Brief:
    """A prompt, read: `facts` are (field, sentence) in the order given, `step` counts from 0, `version` from 1."""

    data: dict[str, str]
    facts: list[tuple[str, str]]
    angle: str
    tone: str
    step: int
    version: int

    @property
    def turn(self) -> int:
        """Counts what was written before, so that a new version begins elsewhere too."""
        return self.step + self.version - 1

    @property
    def offer(self) -> list[str]:
        """The offer's sentences, at least three; a short offer repeats its last one."""
        sentences = _SENTENCE_END.split(self.data.get("offer", ""))
        return sentences + sentences[-1:] * (3 - len(sentences))


def speak(prompt_name: str, _system: str, user: str) -> str:
    """Answer one prompt of the fleet with a model's words; a prompt it does not know gets `{}`."""
    brief = _read(user)
    match prompt_name:
        case "campaign:coach_plan":
            return _plan(brief)
        case "email:role_plan":
            return json.dumps({"roles": ["researcher", "composer", "reviewer"] if brief.facts else ["composer", "reviewer"]})
        case "email:compose":
            return json.dumps(_compose(brief), ensure_ascii=False)
        case "email:reply":
            return json.dumps(_reply(brief), ensure_ascii=False)
        case _:
            return "{}"


def _read(user: str) -> _Brief:
    data = dict(_FENCE.findall(user))
    touch = _TOUCH.search(_FENCE.sub("", user))
    facts = [_FACT.fullmatch(line) for line in data.get("facts", "").splitlines()]
    return _Brief(
        data=data,
        facts=[(fact[1], fact[2]) for fact in facts if fact],
        angle=data.get("angle set by the coach", ""),
        tone=data.get("tone set by the coach", ""),
        step=int(touch[1]) - 1 if touch else 0,
        version=int(touch[2]) if touch else 1,
    )


def _plan(brief: _Brief) -> str:
    """The plan that suits the surest fact; for one topic the words of a model that forgot it was asked for JSON."""
    topic = _topic(brief)
    return topic.get("prose") or json.dumps(topic["plan"])


def _topic(brief: _Brief) -> dict[str, Any]:
    """The coach's topic where there is one, for all touches; else that of this touch's fact."""
    topics: dict[str, dict[str, Any]] = _WORDS["topics"]
    planned = [topic for topic in topics.values() if brief.angle and topic.get("plan", {}).get("angle") == brief.angle]
    field = brief.facts[brief.turn % len(brief.facts)][0] if brief.facts else ""
    return planned[0] if planned else topics.get(field, topics["fleet"])


def _compose(brief: _Brief) -> dict[str, str]:
    touch = _WORDS["touches"][brief.step % len(_WORDS["touches"])]
    tone = _WORDS["tones"].get(brief.tone, _WORDS["tones"]["consultative"])
    feedback = brief.data.get("feedback of the approver", "").lower()
    note = _note(brief)
    offer = "{what}" if "short" in feedback else touch["offer"]
    ask = _WORDS["question"] if "question" in feedback else touch["ask"]
    angle = _WORDS["angle"].replace("{angle}", brief.angle) if brief.angle and brief.step == 0 else ""
    paragraphs = [
        tone["greeting"],
        _argue(brief, touch, note["argument"]),
        _join(angle, _fill(offer, brief)),
        _join(ask, tone["closings"][brief.step % len(tone["closings"])]),
    ]
    return {"subject": note["subject"], "body": _name_the_firm("\n\n".join(paragraphs), brief)}


def _note(brief: _Brief) -> dict[str, str]:
    """The next subject and argument of the topic, passing over what was sent before."""
    notes: list[dict[str, str]] = _topic(brief)["notes"]
    first = brief.turn if brief.angle else brief.turn // max(len(brief.facts), 1)
    in_order = [notes[(first + offset) % len(notes)] for offset in range(len(notes))]
    sent = brief.data.get("emails sent before", "")
    return next((note for note in in_order if note["subject"] not in sent), in_order[0])


def _argue(brief: _Brief, touch: dict[str, str], argument: str) -> str:
    """A fact that leads to the argument; from the second touch on, the coach's argument that a fact is laid beside."""
    fact = brief.facts[brief.turn % len(brief.facts)][1] if brief.facts else _WORDS["no_fact"]
    if brief.angle and "aside" in touch:
        return _join(argument, touch["aside"].replace("{fact}", fact))
    return _join(touch["opening"].replace("{fact}", fact), argument)


def _reply(brief: _Brief) -> dict[str, Any]:
    """Answer what the email names, in the order the phrases stand, and note what it taught."""
    answers = _WORDS["answers"]
    incoming = brief.data.get("email to answer", "")
    subject, _, asked = incoming.partition("\n")
    parts = [part for part in answers["parts"] if part["when"] in asked.lower()]
    said = [_fill(part["say"], brief) for part in parts] or [_fill(answers["otherwise"], brief)]
    ask = answers["ask"] if parts else answers["ask_otherwise"]
    paragraphs = [_WORDS["tones"]["warm"]["greeting"], _join(answers["thanks"], said[0]), *said[1:], ask]
    return {
        "subject": subject if subject.lower().startswith("re:") else f"Re: {subject}",
        "body": "\n\n".join(paragraphs),
        "learned": [part["learned"] for part in parts],
    }


def _fill(phrase: str, brief: _Brief) -> str:
    """`phrase` with the offer's own sentences and the first allowed link in it; without a link its sentence is left out."""
    what, how, pilot = brief.offer[:3]
    link = brief.data.get("allowed links", "").split("\n")[0]
    kept = [sentence for sentence in _SENTENCE_END.split(phrase) if link or "{link}" not in sentence]
    filled = " ".join(kept).replace("{what}", what).replace("{how}", how)
    return filled.replace("{pilot}", pilot).replace("{link}", link)


def _name_the_firm(body: str, brief: _Brief) -> str:
    """Leave the firm's name to be filled in where there is one, and speak of the reader's firm where none is known."""
    if "company" in brief.data:
        return body
    return re.sub(r"(?m)^{{company}}", "Your firm", body).replace("{{company}}", "your firm")


def _join(*parts: str) -> str:
    return " ".join(part for part in parts if part)
