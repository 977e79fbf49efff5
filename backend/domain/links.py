"""A text is held to the links somebody allowed, by what a mail program would make a link of.

A link is what has a scheme, with two slashes of either kind or as mail programs know it without (`tel:`), a host that a path, a
port, a query or a fragment follows, a host under `www.`, and a host of three names or more. Two names alone are a name
("Booking.com"), and an address without `mailto:` is an address. Text is read in its NFKC form, in which `／` is a slash.

Mail programs and browsers disagree on where a link ends: `https://a.example'@b.example` leads to either host. So a link reaches
to the next white space, and only the punctuation at its end is not counted. Source: OPERATIONS, untrusted text.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator

_MIN_HOST_NAMES = 3
"""From here on a host is a link without anything before or after it."""
_NO_LABEL = r"\s\x00-*,./:-@\[-^`{-\x7f«»·\u2010-\u205e\u3001-\u303f"
_LABEL = f"[^{_NO_LABEL}]"
"""A character that a host may have for a mail program: more than registries allow, marks and emoji for instance."""
_SCHEMES = "https?|ftp|file|mailto|tel|sms|callto|sips?|skype|facetime|whatsapp|xmpp|webcal|magnet|javascript|data"
"""The schemes that mail programs and browsers follow without slashes too."""
# Every repetition is bounded or possessive, so the time a text takes grows with its length alone, whoever wrote it.
_CANDIDATE = re.compile(
    rf"(?<![\w.+-])(?P<address>[\w.+-]{{1,64}}@[\w-]++(?:\.[\w-]++)*+)(?!{_LABEL}|[/\\:?#]\w)"
    r"|[a-z0-9+.-]{0,32}:[/\\]{2}"
    rf"|(?<![^\W\d_])(?:{_SCHEMES}):(?=\S)"
    rf"|www\.(?=\S)|[/\\]{{2}}(?={_LABEL}++\.{_LABEL}|[^\s@/\\]{{0,64}}@)"
    rf"|(?<!{_LABEL})(?P<host>{_LABEL}++(?:\.{_LABEL}++)++)(?P<more>(?=[/\\]|:\d|[?#]\w))?",
    re.IGNORECASE,
)
_TOP_LEVEL = re.compile(rf"[^\W\d_][^{_NO_LABEL}\d_-]{{1,62}}|xn--[a-z0-9-]{{1,59}}", re.IGNORECASE)
_FOUR_NUMBERS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_WORD = re.compile(r"( *+)(\S++)")
_SENTENCE_ENDS = ".!?"
_PUNCTUATION = f"{_SENTENCE_ENDS},;:'\")]}}>*’”»›。、"


def find_links(text: str) -> list[str]:
    """Every link of `text` in its NFKC form, in order, without the punctuation of the sentence it stands in."""
    return [link for word in text.split() for link in _links_of(word)]


def strange_links(text: str, allowed: Collection[str]) -> list[str]:
    """The links of `text` that `allowed` holds neither as they stand nor under `https://`."""
    known = {unicodedata.normalize("NFKC", link).rstrip(_PUNCTUATION) for link in allowed}
    return [link for link in find_links(text) if link not in known and f"https://{link}" not in known]


def without_strange_links(text: str, allowed: Collection[str]) -> str:
    """`text` without the words its strange links stand in and the spaces before them; the end of a sentence stays."""

    def keep(word: re.Match[str]) -> str:
        spaces, letters = word[1], word[2]
        if not strange_links(letters, allowed):
            return word[0]
        follows_a_word = spaces and word.string[word.start() - 1].isalnum()
        return letters[-1] if follows_a_word and letters[-1] in _SENTENCE_ENDS else ""

    return _WORD.sub(keep, text)


def _links_of(word: str) -> Iterator[str]:
    """The link of each part of `word`: from where the first begins to the end. NFKC makes spaces of some characters."""
    for part in unicodedata.normalize("NFKC", word).split():
        begins = next((found.start() for found in _CANDIDATE.finditer(part) if _makes_a_link(found)), None)
        if begins is not None:
            yield part[begins:].rstrip(_PUNCTUATION)


def _makes_a_link(found: re.Match[str]) -> bool:
    if address := found["address"]:
        local, _, domain = address.rpartition("@")
        return "." in local and not _names_a_top_level(domain.split(".")[1:])
    if not (host := found["host"]):
        return True
    names = host.split(".")
    if found["more"] is not None:
        return _names_a_top_level(names[1:]) or _FOUR_NUMBERS.fullmatch(host) is not None
    return _names_a_top_level(names[_MIN_HOST_NAMES - 1 :])


def _names_a_top_level(names: list[str]) -> bool:
    return any(_TOP_LEVEL.fullmatch(name) for name in names)
