"""What a person has to be told of a text before it leaves: rules, no judgement of what it says."""

from collections.abc import Collection

from backend.domain.links import strange_links
from backend.domain.text import UNRESOLVED_FIELD, clean

_OPT_OUT_WORD = "unsubscribe"


def find_faults(subject: str, body: str, allowed_links: Collection[str]) -> list[str]:
    """Name the links off the list, the fields nobody filled and a missing opt-out line, each in words for a person.

    Both texts are read as their reader sees them, without invisible characters. A text without fault has `[]`.
    """
    faults = find_unresolved(subject, body)
    for part, text in (("subject", subject), ("body", body)):
        strangers = dict.fromkeys(strange_links(clean(text), allowed_links))
        faults += [f"the {part} holds a link that the campaign does not allow: {link}" for link in strangers]
    if _OPT_OUT_WORD not in clean(body).casefold():
        faults.append(f'the body has no opt-out line: it says nowhere that a reply with "{_OPT_OUT_WORD}" ends the emails')
    return faults


def find_unresolved(subject: str, body: str) -> list[str]:
    """Name every merge field and every placeholder that nobody filled, once for each part it stands in."""
    return [
        f"the {part} holds an unresolved {field}"
        for part, text in (("subject", subject), ("body", body))
        for field in dict.fromkeys(UNRESOLVED_FIELD.findall(clean(text)))
    ]
