"""The HTML of an email: its text and nothing else, with links that lead where they say."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ArrivalDiffers
from backend.mail.markup import as_html, read_html, with_plain_blanks
from backend.mail.message import check_arrival, render
from tests.mail.emails import an_email, html_in
from tests.mail.test_message import read

HOSTILE = [
    "<script>alert(1)</script>",
    '<img src="https://track.example/p.gif" width=1>',
    "<a href='javascript:alert(1)'>https://bank.example</a>",
    "&lt;b&gt; &amp;nbsp; &#10; &copy",
    "<!-- a comment --> <?php ?> <![CDATA[x]]> </p></a>",
    '"><p onclick="x">',
]
"""Texts that would be more than text if they were not escaped."""
LINKS: list[tuple[str, list[str]]] = [
    ("See https://a.example/x.", ["https://a.example/x"]),
    ("(https://a.example/x?a=1&b=2#c), or <http://b.example>:", ["https://a.example/x?a=1&b=2#c", "http://b.example"]),
    ("“https://a.example/x”!", ["https://a.example/x"]),
    ("HTTPS://A.example", ["HTTPS://A.example"]),
    ("https://a.example'@b.example https://a.example@b.example https://a.example\\@b.example", []),
    ("https://ä.example ftp://a.example javascript:alert(1) //a.example www.a.example xhttps://a.example", []),
    ('https://a.example/"onmouseover="x', []),
]
"""What of a text is a link in its HTML; what two readers would see two hosts in is none."""
TEXT = st.text(
    st.sampled_from("ab é<>&\"' \t\n\u00a0\x0b\x0c\x85\u2028;#") | st.characters(exclude_categories=["Cs"]), max_size=60
)


def readable(text: str) -> str:
    """`text` with one kind of line end and without NUL, which no email holds."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")


@pytest.mark.req("POST-R1")
@given(TEXT.map(readable))
def test_the_text_is_read_back_whole(text: str) -> None:
    """Every line, every blank and every character that HTML has another use for."""
    assert read_html(as_html(text)) == with_plain_blanks(text)


@pytest.mark.req("POST-R1")
@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_a_tag(text: str) -> None:
    """It is shown as it was written, in paragraphs, lines and links alone."""
    html = html_in(read(render(an_email(body=text))))
    assert read_html(html.removesuffix("\n")) == text
    assert "src" not in html.replace("src=&quot;", "")


@pytest.mark.req("POST-R2")
@pytest.mark.parametrize(("text", "links"), LINKS)
def test_a_link_is_what_two_readers_agree_on(text: str, links: list[str]) -> None:
    """Each leads where its text says."""
    html = as_html(text)
    assert [piece.partition('"')[0].replace("&amp;", "&") for piece in html.split('<a href="')[1:]] == links
    assert read_html(html) == text


@pytest.mark.req("POST-R1", "POST-R2")
@pytest.mark.parametrize(
    "html",
    [
        '<p>Hello<img src="https://track.example/p.gif"></p>',
        '<p><a href="https://evil.example">https://bank.example</a></p>',
        '<p><a href="javascript:alert(1)">javascript:alert(1)</a></p>',
        '<p style="display:none">Hello</p>',
        "<p>Hello<!-- hidden --></p>",
        "<p>Hello</p><style>p {}</style>",
        "<!doctype html><p>Hello</p>",
        "Hello",
    ],
)
def test_html_that_holds_anything_else_is_not_read(html: str) -> None:
    """A pixel, a disguised link, an attribute, a comment, text outside a paragraph."""
    assert read_html(html) is None


@pytest.mark.req("POST-R1", "TEXT-R2")
def test_html_that_says_something_else_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both forms are read from the rendered bytes, and each must say what was approved."""

    def lie(text: str) -> str:
        return as_html(text.replace("Ada", "Eve"))

    monkeypatch.setattr("backend.mail.message.as_html", lie)
    with pytest.raises(ArrivalDiffers, match="its HTML would not be read as it was approved"):
        render(an_email())
    monkeypatch.undo()
    with pytest.raises(ArrivalDiffers, match="its body"):
        check_arrival(an_email(), render(an_email()).replace(b"text/html", b"text/plain"))


@pytest.mark.parametrize("piece", ["https://", "<", "a https://a.example/x ", "  ", "\n", "\n\n", "("])
def test_the_longest_letter_takes_no_time(piece: str) -> None:
    """A letter of as many characters as a request may hold is rendered while nobody notices."""
    began = time.process_time()
    render(an_email(body=piece * (20_000 // len(piece))))
    assert time.process_time() - began < 0.5
