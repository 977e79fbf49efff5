"""Outsiders' words are judged by rules where no model decides. Wordings of the languages mail comes in."""

import re

from backend.domain.text import clean

# A machine that is spoken to and an order: both have to be there, because firms do use AI and assistants do get hired.
_MACHINE = re.compile(
    r"(?<![A-Za-z])(?:AI|A\.I\.|KI|IA|SI|LLM|GPT)(?![A-Za-z])|assist[ae]n|asist[ae]n|asystent|chatbot|language model"
    r"|\bsystem (?:note|prompt|message)|\bprompt\b|your emails",
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"\b(?:ignor|disregard|forget|tell |mention|write|say |include|promise|offer |vergiss|schreib|biete|oubli|écri|mentionn"
    r"|olvid|escri|promet|menciona|dimentica|scriv|esque[çc]|negeer|vergeet|schrijf|vermeld|pomi[ńj]|zignoruj|napisz|zapomnij"
    r"|glöm|skriv)|無視|書き|書いて",
    re.IGNORECASE,
)
_NO_MORE = re.compile(
    r"unsubscribe|(?:remove|delete) (?:me|my)|take me off|stop (?:writing|emailing|mailing|contacting|sending)"
    r"|(?:do not|don't|not to) (?:write|email|mail|contact)|leave me alone"
    r"|abmelden|austragen|keine (?:weiteren )?(?:e-?mails?|mails?|nachrichten|werbung)"
    r"|nicht (?:mehr|weiter) (?:an)?(?:schreib|kontakt)"
    r"|désabonn|désinscri|(?:écrivez|contactez|écrire|contacter) plus|plus (?:de mails?|recevoir|m'écrire|me contacter)"
    r"|de baja|no me (?:escrib|contact|env)|dej\w+ de (?:escrib|envi|recib)|no (?:quiero|deseo) (?:recibir )?más"
    r"|disiscri|cancell\w+ dal|non (?:mi )?(?:scriv|contatt|invi)|non voglio (?:più|ricevere)"
    r"|afmelden|uitschrijven|(?:niet|geen) (?:\w+ )?meer (?:mail|schrij|benader|ontvang|bericht)|geen (?:mails?|berichten) meer"
    r"|wypisa|(?:nie|przestać) (?:pisa|wysyła|kontaktow)|usuń|usunię"
    r"|descadastr|remov\w+ (?:o meu|meu|me)|não (?:me )?(?:escrev|contact|envi|quero)|deix\w+ de (?:me )?(?:escrev|envi)"
    r"|avregistrera|avsluta|(?:inte|sluta) (?:skriv|kontakt|mejl|skicka)"
    r"|配信停止|配信を停止|(?:連絡|メール)(?:は|を)?(?:不要|お?送らない|しない|やめ|止め)",
    re.IGNORECASE,
)

_AUTOMATIC = re.compile(
    r"automatic reply|auto-?reply|out[- ]of[- ](?:the )?office|\bI(?: am|['’]m) (?:away|on \w+ leave)\b"  # noqa: RUF001  # an apostrophe
    r"|abwesenheitsnotiz|automatische antwort|(?:bin|bis) [^.\n]{0,60}nicht im büro"
    r"|réponse automatique|absence :|absente? du bureau|respuesta automática|fuera de la oficina"
    r"|risposta automatica|fuori ufficio|automatisch antwoord|afwezig(?:heid)?\b"
    r"|resposta automática|ausência|ausente do escritório|frånvaro|autosvar|på semester till"
    r"|automatyczna odpowiedź|nieobecn|自動返信|不在にして",
    re.IGNORECASE,
)


def orders_a_writer(text: str) -> bool:
    """Tell whether `text` speaks to a machine and tells it what to write, which no fact does."""
    seen = clean(text)
    return _MACHINE.search(seen) is not None and _ORDER.search(seen) is not None


def wants_no_more_email(text: str) -> bool:
    """Tell whether somebody asks not to be written to; a rule that is wrong here errs on the side of silence."""
    return _NO_MORE.search(clean(text)) is not None


def is_automatic(text: str) -> bool:
    """Tell whether an email was sent by a machine in somebody's absence; it asks nothing and is owed nothing."""
    return _AUTOMATIC.search(clean(text)) is not None
