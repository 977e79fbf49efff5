"""Links to unsubscribe: opaque, signed for this purpose alone, good for as long as their secret is listed."""

import hmac
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.closing import footer_of
from backend.domain.unsubscribe import NO_LINKS, TOKEN_CHARS, UnsubscribeLinks, key_of_touch
from backend.egress import check_public_url
from backend.errors import SettingRefused
from backend.wiring import open_service
from tests.northwind import MINE

OLD, NEW = "an old secret of 32 characters..", "a new secret of 32 characters..."
LINKS = UnsubscribeLinks("https://mail.example", (NEW, OLD))
KEY = key_of_touch("close:ada", 0)


def token_of(links: UnsubscribeLinks, key: str = KEY) -> str:
    """The token in the link of a send."""
    return links.link_of(key).rpartition("/")[2]


def signed(purpose: bytes, secret: str = NEW) -> str:
    """A token like ours over other words."""
    key = bytes.fromhex(KEY)
    return urlsafe_b64encode(key + hmac.digest(secret.encode(), purpose + key, "sha256")[:16]).decode().rstrip("=")


@pytest.mark.req("POST-R14")
def test_a_link_names_a_send_and_nobody() -> None:
    """The same for the same touch, of one length, and without a word of campaign, contact or secret."""
    link = LINKS.link_of(KEY)
    assert link == LINKS.link_of(key_of_touch("close:ada", 0)) != LINKS.link_of(key_of_touch("close:ada", 1))
    assert link.startswith("https://mail.example/u/")
    assert len(token_of(LINKS)) == TOKEN_CHARS
    assert not [word for word in ("close", "ada", NEW) if word in link]
    assert LINKS.key_of(token_of(LINKS)) == KEY
    assert NEW not in repr(LINKS)


@pytest.mark.req("POST-R15")
def test_a_link_is_good_for_as_long_as_its_secret_is_listed() -> None:
    """The first secret signs; what an earlier one signed is known while it stands there, and without a base URL too."""
    before = token_of(UnsubscribeLinks("https://mail.example", (OLD,)))
    assert before != token_of(LINKS)
    assert LINKS.key_of(before) == UnsubscribeLinks("", (NEW, OLD)).key_of(before) == KEY
    assert UnsubscribeLinks("https://mail.example", (NEW,)).key_of(before) is None
    assert NO_LINKS.key_of(before) is None
    assert (NO_LINKS.link_of(KEY), UnsubscribeLinks("", (NEW,)).link_of(KEY)) == ("", "")


TAMPERED = [
    "",
    "x",
    token_of(LINKS)[:-1],
    f"{token_of(LINKS)}A",
    f"{token_of(LINKS)}=",
    f" {token_of(LINKS)}",
    f"{token_of(LINKS)}\n",
    token_of(LINKS).swapcase(),
    token_of(LINKS)[:42] + ("é"),
    "٣" * TOKEN_CHARS,
    "A" * TOKEN_CHARS,
    signed(b"approve\0"),
    signed(b""),
    signed(b"unsubscribe\0", "somebody else's secret.........."),
]


@pytest.mark.req("POST-R16")
@pytest.mark.parametrize("token", TAMPERED)
def test_no_other_token_is_known(token: str) -> None:
    """Cut, lengthened, in other letters, for another purpose, with another secret."""
    assert LINKS.key_of(token) is None


@pytest.mark.req("POST-R16")
@given(st.integers(0, TOKEN_CHARS - 1), st.sampled_from("ABCDabcd0189-_é"))
def test_another_letter_anywhere_makes_it_nobodys(place: int, letter: str) -> None:
    """The bits that base64 leaves over count too."""
    token = token_of(LINKS)
    other = f"{token[:place]}{letter}{token[place + 1 :]}"
    assert LINKS.key_of(other) == (KEY if other == token else None)


@pytest.mark.req("POST-R14")
def test_the_line_with_the_link_is_in_the_language_of_the_email() -> None:
    """Above the postal address, and neither where there is none."""
    german = "Guten Tag, ist das für Sie und Ihre Firma nicht die Frage? Wir haben noch keine Antwort."
    assert footer_of(german, "Weg 1", "https://x.example/u/1") == "Abmelden: https://x.example/u/1\nWeg 1"
    assert footer_of(MINE["body"], "", "https://x.example/u/1") == "Unsubscribe: https://x.example/u/1"
    assert footer_of(MINE["body"], "", "") == ""


@pytest.mark.req("POST-R17")
@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("", ""),
        ("https://mail.example", "https://mail.example"),
        ("https://mail.example:8443/sales/", "https://mail.example:8443/sales"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
        ("http://mail.example", None),
        ("ftp://mail.example", None),
        ("mail.example", None),
        ("https://", None),
        ("https://user:secret@mail.example", None),
        ("https://mail.example?next=1", None),
        ("https://mail.example/#x", None),
        ("https://mail.example\\@evil.example", None),
        ("https://mail.example/a b", None),
        ("https://mail.example\r\nBcc: x", None),
        ("https://förge.example", None),
        ("https://mail.example:99999", None),
        (f"https://mail.example/{'a' * 200}", None),
    ],
)
def test_links_begin_with_a_place_that_is_reached_safely(url: str, kept: str | None) -> None:
    """Over https, or on this machine; whatever a link would not survive refuses to start."""
    if kept is not None:
        assert check_public_url(url) == kept
        return
    with pytest.raises(ValueError, match=r"^(is not|has the scheme)"):
        check_public_url(url)


@pytest.mark.req("POST-R17")
@pytest.mark.parametrize(
    "settings",
    [
        {"public_url": "https://mail.example"},
        {"public_url": "https://mail.example", "unsubscribe_secret": "short"},
        {"public_url": "https://mail.example", "unsubscribe_secret": NEW, "unsubscribe_secret_previous": f"{OLD} short"},
        {"unsubscribe_secret": "short"},
        {"public_url": "http://mail.example", "unsubscribe_secret": NEW},
    ],
)
async def test_links_that_could_be_forged_refuse_to_start(settings: dict[str, str]) -> None:
    """Without repeating what was set."""
    with pytest.raises(SettingRefused) as refused:
        async with open_service(settings):
            pass
    assert not [secret for secret in (NEW, OLD, "short ") if secret in str(refused.value)]
