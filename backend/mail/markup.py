"""The HTML of an email: its text, escaped, in paragraphs and lines, with the links that stand in it; and how that is read.

Every line end and every blank of the text is there, so the text can be read back whole. Nothing is fetched, and a link leads
where its text says.
"""

import re
from html import escape
from html.parser import HTMLParser
from typing import Final

TAGS: Final = ("p", "br", "a")

_WORD_OR_BLANKS: Final = re.compile(r"(?P<word>[^ \t\f]+)|[ \t\f]+")
_LINK: Final = re.compile(
    r"(?P<before>[(\[{<\"'“‘«„]*+)(?P<link>https?://[A-Za-z0-9\-._~:/?#%!$&*+,;=()]++)(?P<after>[>\"'”’»\]}。、.,;:!?)]*+)",
    re.IGNORECASE,
)
"""A word that is a link whose host mail programs and browsers agree on: without `@`, quotes or letters beyond ASCII."""
_STOPS: Final = ".,;:!?)"
_ALL_BLANKS: Final = str.maketrans(dict.fromkeys("\t\f\xa0", " "))
_SOURCE_LINE_ENDS: Final = str.maketrans(dict.fromkeys("\r\n"))


def as_html(text: str) -> str:
    """Write `text`, whose line ends are newlines, as HTML; equal texts are equal HTML."""
    return "".join(f"<p>{_break(paragraph)}</p>\n" for paragraph in text.split("\n\n"))


def read_html(html: str) -> str | None:
    """Read the text that `as_html` wrote, each blank a space; None where there is anything else in it.

    Anything else is another tag or attribute, a comment, and a link that leads elsewhere than its text says.
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return "\n\n".join(map("".join, reader.paragraphs)).translate(_ALL_BLANKS) if reader.is_plain else None


def with_plain_blanks(text: str) -> str:
    """`text` as `read_html` gives it."""
    return text.translate(_ALL_BLANKS)


def _break(paragraph: str) -> str:
    return "<br>\n".join(_WORD_OR_BLANKS.sub(_mark_up, line) for line in paragraph.split("\n"))


def _mark_up(found: re.Match[str]) -> str:
    """One word escaped, or the blanks between two words so that none of them is lost."""
    if not found["word"]:
        is_between = found[0] == " " and found.start() > 0 and found.end() < len(found.string)
        return " " if is_between else "&nbsp;" * len(found[0])
    link = _LINK.fullmatch(found["word"])
    if link is None:
        return escape(found[0])
    target = link["link"].rstrip(_STOPS)
    rest = found[0][link.start("link") + len(target) :]
    return f'{escape(link["before"])}<a href="{escape(target)}">{escape(target)}</a>{escape(rest)}'


class _Reader(HTMLParser):
    """Collects the pieces of each paragraph, and sees whether there is anything but paragraphs, lines and honest links."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.paragraphs: list[list[str]] = []
        self.is_plain = True
        self._link: tuple[str, int] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a paragraph, a line or a link."""
        names = [name for name, _ in attrs]
        if tag not in TAGS or names != (["href"] if tag == "a" else []):
            self.is_plain = False
        elif tag == "p":
            self.paragraphs.append([])
        elif tag == "br":
            self._add("\n")
        elif self.paragraphs:
            self._link = (attrs[0][1] or "", len(self.paragraphs[-1]))

    def handle_endtag(self, tag: str) -> None:
        """End a link, which is honest if its text is where it leads."""
        if tag != "a":
            return
        target, begins = self._link or ("", 0)
        if not target.lower().startswith(("http://", "https://")) or "".join(self.paragraphs[-1][begins:]) != target:
            self.is_plain = False

    def handle_data(self, data: str) -> None:
        """Take text; line ends of the source are none of the text."""
        self._add(data.translate(_SOURCE_LINE_ENDS))

    def handle_comment(self, data: str) -> None:
        """See something else."""
        del data
        self.is_plain = False

    def handle_decl(self, decl: str) -> None:
        """See something else."""
        del decl
        self.is_plain = False

    def handle_pi(self, data: str) -> None:
        """See something else."""
        del data
        self.is_plain = False

    def _add(self, text: str) -> None:
        if self.paragraphs:
            self.paragraphs[-1].append(text)
        elif text:
            self.is_plain = False
