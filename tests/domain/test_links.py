"""What counts as a link, and that nothing of it is left when it is taken out."""

import unicodedata
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from linkify_it import LinkifyIt

from backend.domain.links import find_links, strange_links, without_strange_links
from backend.domain.text import clean
from tests.strategies import any_text, thorough

ALLOWED = ["https://vendor.example/close", "https://app.vendor.example"]
PIECES = [
    *("https://", "://", "mailto:", "www.", "evil", ".example", ".com", "/", ":80", "?x", "#y", "@", "+", "-", "_", ".", "7"),
    *(" ", "\n", "'", ")", ",", "é", "\u0301", "ada", *ALLOWED),
    *("\\", "／", "：", "．", "＠", "https:", "tel:", '"', "<", ">", "—", "\u00a0", "\u3000"),
]
MAIL_PROGRAM = LinkifyIt(options={"fuzzy_ip": True}).tlds(["example", "www", "evil", "ada"], keep_old=True)
"""Another reader: the rules by which markdown-it and the mail programs built on it make links of plain text."""

crafted = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


@pytest.mark.req("AA06-R24")
@pytest.mark.parametrize(
    "link",
    [
        *(
            "https://evil.example",
            "HTTP://EVIL",
            "ftp://evil.example/x",
            "javascript://x",
            "1https://evil.example",
            "://evil.example",
        ),
        *("mailto:ada@evil.example", "MAILTO:x", "www.evil", "WWW.evil.example"),
        *("evil.com/", "evil.com/pay", "evil.com:8080/x", "evil.com:80", "evil.com?to=x", "evil.com#x"),
        *("evil.example.com", "a.b.c.evil.com", "-evil.com/x", "évil.example/x", "пример.рф/x", "evil.xn--p1ai/x"),
        *(
            "192.0.2.1/x",
            "192.0.2.1:80",
            "ada:pw@evil.com/x",
            "@evil.com/x",
            "a.b.c@evil.com/x",
            "1.2/evil.com/x",
            "...evil.com/x",
        ),
        *(f"{40 * 'a'}.https://evil.com", f"{ALLOWED[0]}/../x", f"{ALLOWED[0]},https://evil.com", f"{ALLOWED[0]}?to=evil"),
    ],
)
def test_a_link_is_found_in_whatever_dress(link: str) -> None:
    """At the beginning, in a sentence, in brackets and at the end: something of it is a strange link, and can be taken out."""
    for text in (link, f"See {link} now.", f"({link})", f"One.\n{link}, or not", f"It is {link}."):
        assert strange_links(text, ALLOWED), text
        assert strange_links(without_strange_links(text, ALLOWED), ALLOWED) == []


@pytest.mark.req("TEXT-R3")
@pytest.mark.parametrize(
    "link",
    [
        *("https://vendor.example/close'@evil.com", "https://app.vendor.example'.evil.com", f'{ALLOWED[1]}"@evil.com'),
        *(f"{ALLOWED[1]}@evil.com", f"{ALLOWED[1]}>@evil.com", f"{ALLOWED[1]})@evil.com", f"{ALLOWED[1]},@evil.com"),
        *(r"https:\\evil.com", r"https:/\evil.com", "https:evil.com", "https:/evil.com", r"evil.com\pay", r"\\evil.com\pay"),
        *(
            "https:／／evil.com",
            "https：//evil.com",
            "evil．example．com",
            "evil.com／pay",
            "ｗｗｗ.evil.com",
            "ada@evil.com／pay",
        ),
        *("tel:+49301234567", "TEL:0301234567", "sms:+4930", "sip:ada@evil.com", "javascript:alert(1)", "data:text/html,x"),
        *(f"{ALLOWED[1]}|evil", f"{ALLOWED[0]}—evil", f"{ALLOWED[0]}。evil", f"{ALLOWED[1]}\u202fevil"[:-5] + "\u2024evil.com"),
    ],
)
def test_a_link_ends_at_white_space_and_is_read_as_browsers_read_it(link: str) -> None:
    """An allowed link that goes on is another link, either slash and either width of a character is the same."""
    for text in (link, f"See {link} now.", f"({link})", f"One.\n{link}, or not"):
        assert strange_links(text, ALLOWED), text
        assert strange_links(without_strange_links(text, ALLOWED), ALLOWED) == []


def leads_elsewhere(link: str) -> bool:
    """Whether a link the other reader makes is neither allowed nor what this project calls a name or an address."""
    bare = link.rstrip(".,;:!?'\")]}>*’”»")
    is_name = link.count(".") == 1 and not set(link) & set("/\\:?#@")
    is_address = "@" in link and not set(link) & set("/\\?#")
    return not (is_name or is_address or bare in ALLOWED or f"https://{bare}" in ALLOWED)


@pytest.mark.req("TEXT-R3")
@thorough
@given(crafted)
@example("https://vendor.example/close'@evil.com")
@example("//<@evil.com")
@example("evil.example-//evil.com")
@example(r"https:\\evil.com")
def test_no_other_reader_finds_a_link_that_passed(text: str) -> None:
    """What passes holds no link for an independent reader that leads anywhere but where the campaign allows."""
    normal = unicodedata.normalize("NFKC", clean(text))
    if not strange_links(clean(text), ALLOWED):
        found = cast("list[Any]", MAIL_PROGRAM.match(normal) or [])
        assert [link.raw for link in found if leads_elsewhere(link.raw)] == []


@pytest.mark.req("AA06-R24")
@pytest.mark.parametrize(
    "text",
    [
        "Tel: +49 30 1234, Hotel: full, data: none, sip: no; either/or, his\\her, 1\\2",
        "E.g. 2.5 of 24/7 and/or 3.5/4, i.e. the U.S.A. case… or v1.2.3, at 10:30",
        "Node.js, ASP.NET and Booking.com? Yes: Booking.com. No.",
        "Write to ada@northwind.example, ada.b.ngata+close@mail.northwind.co.nz or bo@northwind.example: both work",
        "The www. is long gone; a:b // c",
    ],
)
def test_prose_is_no_link(text: str) -> None:
    """Abbreviations, numbers, products and addresses are what people write about."""
    assert find_links(text) == []
    assert without_strange_links(text, []) == text


@pytest.mark.req("AA06-R24")
@pytest.mark.parametrize("link", [*ALLOWED, "vendor.example/close", "app.vendor.example"])
def test_an_allowed_link_passes_in_any_sentence(link: str) -> None:
    """With its scheme or without, and whatever punctuation follows."""
    for text in (link, f"See {link}.", f"({link})", f"“See <{link}>!”", f"{link}, {link}?", f"**{link}**", f"[here]({link})."):
        assert find_links(text)
        assert strange_links(text, ALLOWED) == []
        assert without_strange_links(text, ALLOWED) == text


@pytest.mark.req("AA06-R24")
@thorough
@given(st.one_of(crafted, any_text))
def test_nothing_strange_is_left_and_nothing_else_is_lost(text: str) -> None:
    """Taking out leaves no strange link, however the pieces were put together, and leaves a text without any as it was."""
    cleaned = clean(text)
    left = clean(without_strange_links(cleaned, ALLOWED))
    assert strange_links(left, ALLOWED) == []
    assert strange_links(cleaned, ALLOWED) or left == cleaned


@pytest.mark.req("TEXT-R4")
@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "a.",
        "a.b ",
        "a-",
        "+",
        "a@",
        "a.b@",
        "1.2/",
        "://",
        "www.",
        "a+b.c",
        "mailto:",
        "evil.com:",
        ".",
        "tel:",
        "\\",
        "a@b",
        "．",
    ],
)
def test_no_repetition_outlasts_the_reader(unit: str) -> None:
    """Fifty thousand characters of the worst kind are read; a pattern that is not linear would take minutes."""
    text = 50_000 // len(unit) * unit
    for hostile in (text, f"{text}@", f"{text}/x", f"{text}://"):
        assert len("".join(find_links(hostile))) <= len(hostile)
        assert len(without_strange_links(hostile, [])) <= len(hostile)
