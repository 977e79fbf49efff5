"""The emails of one thread are one conversation to a mail program: one subject under one `Re:`, each naming those before it."""

import re
from collections.abc import Sequence

_ANSWERED = re.compile(r"(?:re:\s*)+", re.IGNORECASE)


def without_re(subject: str) -> str:
    """`subject` without the `Re:` at its beginning, however often it stands there."""
    answered = _ANSWERED.match(subject)
    return subject[answered.end() :] if answered else subject


def go_on(subject: str) -> str:
    """`subject` under exactly one `Re:`."""
    return f"Re: {without_re(subject)}"


def name_earlier(message_ids: Sequence[str]) -> dict[str, str]:
    """The headers by which an email follows those sent before it, the oldest first; none for the first email."""
    return {"In-Reply-To": message_ids[-1], "References": " ".join(message_ids)} if message_ids else {}
