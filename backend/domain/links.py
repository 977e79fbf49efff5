"""What a mail program would make a link of, and how a text is held to the links somebody allowed.

A link is what has a scheme or `mailto:`, a host that a path, a port, a query or a fragment follows, a host under `www.`, and
a host of three names or more. Two names alone are a name ("Booking.com"), and an address without `mailto:` is an address.
Source: OPERATIONS, untrusted text.
"""

import re
from collections.abc import Collection, Iterator

_MIN_HOST_NAMES = 3
"""From here on a host is a link without anything before or after it."""
# Every repetition is bounded or possessive, so the time a text takes grows with its length alone, whoever wrote it.
_CANDIDATE = re.compile(
    r"(?<![\w.+-])(?P<address>[\w.+-]{1,64}@[\w-]++(?:\.[\w-]++)*+)(?![/:?#]\w)"
    r"|[a-z0-9+.-]{0,32}://|mailto:"
    r"|(?<![\w-])(?P<host>[\w-]++(?:\.[\w-]++)++)(?P<more>/|:(?=\d)|[?#](?=\w))?",
    re.IGNORECASE,
)
_TAIL = re.compile(r"[^\s<>\"')\]]*")
_TOP_LEVEL = re.compile(r"[^\W\d_]{2,63}|xn--[a-z0-9-]{1,59}", re.IGNORECASE)
_FOUR_NUMBERS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_PUNCTUATION = ".,;:!?"


def find_links(text: str) -> list[str]:
    """Every link of `text`, in order, without the punctuation of the sentence it stands in."""
    return [text[start:end].rstrip(_PUNCTUATION) for start, end in _spans(text)]


def strange_links(text: str, allowed: Collection[str]) -> list[str]:
    """The links of `text` that `allowed` holds neither as they stand nor under `https://`."""
    return [link for link in find_links(text) if not _is_allowed(link, allowed)]


def without_strange_links(text: str, allowed: Collection[str]) -> str:
    """`text` without its strange links and the spaces before them."""
    kept, begin = list[str](), 0
    for start, end in _spans(text):
        if not _is_allowed(text[start:end].rstrip(_PUNCTUATION), allowed):
            kept.append(text[begin:start].rstrip(" "))
            begin = end
    return "".join([*kept, text[begin:]])


def _is_allowed(link: str, allowed: Collection[str]) -> bool:
    return link in allowed or f"https://{link}" in allowed


def _spans(text: str) -> Iterator[tuple[int, int]]:
    position = 0
    while found := _CANDIDATE.search(text, position):
        position = found.end()
        if _makes_a_link(found):
            tail = _TAIL.match(text, position)
            position = tail.end() if tail else position
            yield found.start(), position


def _makes_a_link(found: re.Match[str]) -> bool:
    if found["address"]:
        return False
    if not (host := found["host"]):
        return True
    names = host.split(".")
    if not _TOP_LEVEL.fullmatch(names[-1]):
        return bool(found["more"] and _FOUR_NUMBERS.fullmatch(host))
    return bool(found["more"]) or len(names) >= _MIN_HOST_NAMES or names[0].lower() == "www"
