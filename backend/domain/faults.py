"""The gate every email passes, whoever wrote it, a model, a rule or a person who edits: rules, no judgement of what it says."""

from collections.abc import Collection

from backend.domain.campaign import Email, GraphMeta
from backend.domain.closing import offers_opt_out
from backend.domain.links import strange_links
from backend.domain.text import UNRESOLVED_FIELD, clean


def find_faults(subject: str, body: str, allowed_links: Collection[str]) -> list[str]:
    """List what a person has to be told of an email before it leaves, each in words without a full stop.

    An empty body, fields and placeholders nobody filled, links that `allowed_links` (the campaign's) does not hold, a missing
    opt-out line: in this order, each once for the part it stands in. Both texts are any text, and are read as their reader sees
    them, without invisible characters. Pure and total. Whether a fault forbids the send or is shown is for the caller to say.
    """
    faults = find_gaps(subject, body)
    for part, text in (("subject", clean(subject)), ("body", clean(body))):
        strangers = dict.fromkeys(strange_links(text, allowed_links))
        faults += [f"the {part} holds a link that the campaign does not allow: {link}" for link in strangers]
    if clean(body) and not offers_opt_out(clean(body)):
        faults.append("the body has no opt-out line: it does not say how to be left alone")
    return faults


def name_faults(email: Email, allowed_links: Collection[str]) -> GraphMeta:
    """Name on a draft what a person must look at before approving; a text without a fault bears nothing."""
    named = GraphMeta()
    if unresolved := find_unresolved(f"{email['subject']}\n{email['body']}"):
        named["unresolved_fields"] = unresolved
    if faults := find_faults(email["subject"], email["body"], allowed_links):
        named["faults"] = faults
    return named


def find_gaps(subject: str, body: str) -> list[str]:
    """The faults that show without knowing the campaign: an empty body, and what nobody filled."""
    gaps = [] if clean(body) else ["the body is empty"]
    for part, text in (("subject", subject), ("body", body)):
        gaps += [f"the {part} holds an unresolved {field}" for field in find_unresolved(text)]
    return gaps


def find_unresolved(text: str) -> list[str]:
    """Every merge field and placeholder in `text`, as it stands there without invisible characters, each once and in order."""
    return list(dict.fromkeys(UNRESOLVED_FIELD.findall(clean(text))))
