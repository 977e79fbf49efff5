"""An email ends with a signature and an opt-out line, added once and by rule, and taken off a text that has them already.

Models sign although they are told not to, and people edit what was signed, so both are recognised in the wording of several
languages. What cannot be told from the letter itself stays.
"""

import re

from backend.domain.languages import language_of
from backend.domain.text import UNRESOLVED_FIELD

OPT_OUT_LINE = 'If you would rather not hear from me again, reply with "unsubscribe" and I will not write again.'

_CLOSINGS = {
    "de": ("Mit freundlichen Grüßen,", "Wenn Sie nichts mehr von mir hören möchten, antworten Sie mit „abmelden“."),
    "fr": ("Cordialement,", "Si vous préférez ne plus recevoir de message de ma part, répondez « désinscrire »."),
    "es": ("Un cordial saludo,", "Si prefiere no recibir más mensajes míos, responda “dar de baja”."),
    "it": ("Cordiali saluti,", "Se preferite non ricevere più messaggi da me, rispondete “disiscrivimi”."),
    "nl": ("Met vriendelijke groet,", "Wilt u niets meer van mij horen, antwoord dan met “uitschrijven”."),
    "pt": ("Com os melhores cumprimentos,", "Se prefere não receber mais mensagens minhas, responda “descadastrar”."),
    "sv": ("Med vänliga hälsningar,", "Om ni hellre slipper höra av mig mer, svara med ”avregistrera”."),
    "pl": ("Z poważaniem,", "Jeśli nie chcą Państwo więcej wiadomości ode mnie, proszę odpowiedzieć „wypisać się”."),
    "ja": ("敬具", "今後のご連絡がご不要でしたら、「配信停止」とご返信ください。"),
}
"""Farewell and opt-out line by language; the word to answer with is one that `outside_words` understands."""
_UNSUBSCRIBE = {
    "de": "Abmelden:",
    "fr": "Se désinscrire :",
    "es": "Darse de baja:",
    "it": "Disiscriversi:",
    "nl": "Uitschrijven:",
    "pt": "Cancelar a subscrição:",
    "sv": "Avregistrera:",
    "pl": "Wypisz się:",
    "ja": "配信停止:",
}
"""The words before the link to unsubscribe."""
_MAX_SIGNATURE_LINES = 6
_MAX_SIGNATURE_LINE_CHARS = 60
_MAX_OPT_OUT_CHARS = 300
_PARAGRAPH_END = re.compile(r"\n[^\S\n]*\n\s*")
_POSTSCRIPT = re.compile(r"P\.?\s?P?\.?S\b", re.IGNORECASE)
_FAREWELLS = (
    r"(?:with )?(?:my )?(?:very )?(?:best|kind|kindest|warm|warmest) (?:regards|wishes)|regards|all the best",
    r"sincerely(?: yours)?|yours (?:sincerely|truly|faithfully)|respectfully(?: yours)?|cordially|warmly",
    r"(?:mit )?(?:freundliche[nr]?|beste[nr]?|herzliche[nr]?|liebe[nr]?|viele[n]?|schöne[n]?) (?:grüßen?|grüssen?|gruß|gruss)",
    r"mfg|hochachtungsvoll|(?:bien |très )?cordialement|bien à vous|(?:sincères|cordiales|meilleures) salutations",
    r"(?:un |muchos )?(?:cordial )?saludos?(?: cordial(?:es)?)?|atentamente|(?:cordiali|distinti) saluti|un (?:caro )?saluto",
    r"cordialmente|atenciosamente|(?:com os )?(?:melhores )?cumprimentos",
    r"(?:met )?(?:vriendelijke|hartelijke) groet(?:en)?|groeten",
    r"(?:med )?(?:vänlig|vänliga|bästa) hälsning(?:ar)?|mvh|(?:med )?venn?lige? hilsen",
    r"(?:serdecznie )?pozdrawiam|z poważaniem|敬具",
)
_FAREWELL = re.compile(
    f"(?:{'|'.join(_FAREWELLS)}|best|cheers|(?:many )?thanks(?: again)?|thank you|talk soon|gruß|merci|gracias|grazie)"
    r"(?P<rest>[ ,.!].*|)",
    re.IGNORECASE,
)
_OPT_OUT = re.compile(
    r"rather not (?:hear|receive|get)|(?:no longer|n[o']t) (?:wish|want|like) to (?:hear|receive|get|be contacted)"
    r"|stop receiving|\b(?:reply|answer|respond|write back)\b[^.?!\n]{0,40}\b(?:unsubscribe|stop)\b"
    r"|(?:^|[.!;(] ?)(?:to|please) (?:unsubscribe|opt out)\b|\bunsubscribe (?:here|at|by|from)\b|\bopt out (?:here|at|by|of)\b"
    r"|\babmelden\b|\babbestellen\b|nichts mehr von (?:mir|uns)|keine weiteren (?:e-?mails?|nachrichten)"
    r"|désabonner|désinscrire|ne plus recevoir|(?:darse|darme|dar) de baja|dejar de recibir|no (?:desea|quiere)s? recibir más"
    r"|disiscriv|non (?:ricevere|riceverne) più|descadastr|cancelar a (?:inscrição|subscrição)|deixar de receber"
    r"|\bafmelden\b|\buitschrijven\b|geen (?:e-?mails?|berichten) meer|wypisać się|avregistrera|配信停止|配信を停止",
    re.IGNORECASE,
)


def close(body: str, sender_name: str) -> str:
    """`body` with the signature and the opt-out line below it, once each, in its language, whoever had signed it before."""
    letter = without_closing(body, sender_name)
    farewell, opt_out = _CLOSINGS.get(language_of(letter) or "", ("Best regards,", OPT_OUT_LINE))
    return f"{letter}\n\n{farewell}\n{sender_name}\n\n{opt_out}"


def footer_of(body: str, postal_address: str, link: str) -> str:
    """The lines below `body`: the link to unsubscribe, in its language, and the postal address; `""` without either."""
    lead = _UNSUBSCRIBE.get(language_of(body) or "", "Unsubscribe:")
    return "\n".join(filter(None, [f"{lead} {link}" if link else "", postal_address]))


def without_closing(body: str, sender_name: str) -> str:
    """`body` without the signature and the opt-out line at its end; a postscript stays, and a body that is nothing else.

    Closing and taking off again gives the same text, and so does taking off twice.
    """
    paragraphs, postscripts = _PARAGRAPH_END.split(body.strip()), list[str]()
    names = {name.casefold() for name in (sender_name, *sender_name.split(" ")[:1]) if name}
    while True:
        last = paragraphs[-1]
        if len(paragraphs) > 1 and _POSTSCRIPT.match(last):
            postscripts.insert(0, paragraphs.pop())
            continue
        letter = _without_last_lines(last, names)
        if letter == last or not (letter or paragraphs[:-1]):
            return "\n\n".join([*paragraphs, *postscripts])
        paragraphs[-1:] = [letter] if letter else []


def offers_opt_out(body: str) -> bool:
    """Tell whether `body` says how not to be written to again, in the rule's words or in others."""
    return _OPT_OUT.search(body) is not None


def _without_last_lines(paragraph: str, names: set[str]) -> str:
    """`paragraph` without the closing it ends with; `""` when it is nothing else."""
    lines = paragraph.split("\n")
    if _is_opt_out(" ".join(lines)):
        return ""
    if _is_opt_out(lines[-1]):
        return "\n".join(lines[:-1])
    first = max(0, len(lines) - _MAX_SIGNATURE_LINES)
    begins = next((index for index in range(first, len(lines)) if _is_signature(lines[index:], names)), len(lines))
    return "\n".join(lines[:begins]).rstrip()


def _is_opt_out(text: str) -> bool:
    """A paragraph that asks something is part of the letter, whatever it speaks of."""
    return len(text) <= _MAX_OPT_OUT_CHARS and "?" not in text and offers_opt_out(text)


def _is_signature(lines: list[str], names: set[str]) -> bool:
    """A farewell, a name or the mark of a signature, and below it nothing but short lines that begin no sentence."""
    line, *below = (line.strip() for line in lines)
    if any(len(other) > _MAX_SIGNATURE_LINE_CHARS or _is_prose(other) for other in below):
        return False
    farewell = _FAREWELL.fullmatch(line)
    rest = farewell["rest"].strip(" ,.!") if farewell else line
    return (not rest and bool(line)) or line == "--" or _is_name(rest, names)


def _is_prose(line: str) -> bool:
    return line.endswith("?") or (line[:1].islower() and " " in line)


def _is_name(text: str, names: set[str]) -> bool:
    bare = text.strip(" ,.!-–—")  # a dash before the name, of any length
    return bare.casefold() in names or UNRESOLVED_FIELD.fullmatch(bare) is not None
