"""How an email ends: a signature and a line that offers a way out, added by rule and therefore never written by a model."""

import re

OPT_OUT_LINE = 'If you would rather not hear from me again, reply with "unsubscribe" and I will not write again.'
_MAX_SIGNATURE_LINES = 5
_MAX_SIGNATURE_LINE_CHARS = 60
_GREETINGS = (
    r"(?:with )?(?:(?:best|kind|warm|kindest|warmest|many) )?(?:regards|wishes|greetings)|all the best|best|cheers"
    r"|(?:many )?thanks|thank you|sincerely|(?:yours|best) (?:sincerely|truly|faithfully)|talk soon"
    r"|mit (?:freundlichen|besten|herzlichen) grüßen"
    r"|(?:viele|beste|herzliche|liebe|freundliche) grüße|(?:bien )?cordialement|bien à vous|saludos(?: cordiales)?|un saludo"
    r"|atentamente|cordiali saluti|distinti saluti|met vriendelijke groet(?:en)?|com os melhores cumprimentos|atenciosamente"
)
_SIGN_OFF = re.compile(rf"(?:{_GREETINGS})[,.!]?", re.IGNORECASE)
_OPT_OUT = re.compile(
    r"(?:p\.? ?s\.?:? )?(?:if you|to |reply|you can|not interested|don.t want|no longer)\b.*\b(?:unsubscribe|opt[ -]?out)\b.*",
    re.IGNORECASE,
)
_DASHES = "-–— "


def close(body: str, sender_name: str) -> str:
    """`body` with one signature and one opt-out line under it, whatever of both it ended with."""
    return f"{without_closing(body, sender_name)}\n\nBest regards,\n{sender_name}\n\n{OPT_OUT_LINE}"


def without_closing(body: str, sender_name: str) -> str:
    """`body` without the signatures and opt-out lines at its end; its first line always stays."""
    lines = body.strip().split("\n")
    while 0 < (kept := _cut_once(lines, sender_name)) < len(lines):
        del lines[kept:]
    return "\n".join(lines)


def _cut_once(lines: list[str], sender_name: str) -> int:
    """How many of `lines` stay when one blank line, opt-out line, name or sign-off with what is under it goes from the end."""
    last = lines[-1].strip() if lines else ""
    if lines and (not last or last == OPT_OUT_LINE or _OPT_OUT.fullmatch(last) or _is_name(last, sender_name)):
        return len(lines) - 1
    for kept in range(len(lines) - 1, max(len(lines) - 2 - _MAX_SIGNATURE_LINES, -1), -1):
        if _is_sign_off(lines[kept].strip(), sender_name):
            return kept
        if len(lines[kept]) > _MAX_SIGNATURE_LINE_CHARS or lines[kept].rstrip().endswith(("?", ":")):
            break
    return len(lines)


def _is_name(line: str, sender_name: str) -> bool:
    names = {sender_name.casefold(), sender_name.partition(" ")[0].casefold()} - {""}
    return line.strip(_DASHES).rstrip(".,").casefold() in names or line == "--"


def _is_sign_off(line: str, sender_name: str) -> bool:
    """Whether `line` is "Best regards," and the like, with or without the sender's name after it."""
    greeting, comma, name = line.partition(",")
    return bool(_SIGN_OFF.fullmatch(line)) or bool(
        comma and _SIGN_OFF.fullmatch(greeting) and _is_name(name.strip(), sender_name)
    )
