"""The page behind the link in an email, as a recipient, a mail program, a scanner and an attacker find it."""

import hmac
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import AsyncGenerator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.domain.unsubscribe import key_of_touch
from backend.errors import DatabaseUnreachable
from backend.store.unsubscribes import D1Unsubscribes
from tests.api.door import BrokenDatabase, Door, open_door

SECRET = "the secret of links, 32 characters"
SETTINGS: dict[str, Any] = {"public_url": "https://mail.example", "unsubscribe_secret": SECRET}
KEY = bytes.fromhex(key_of_touch("close:ada", 0))
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ONE_CLICK = "List-Unsubscribe=One-Click"


def token_for(purpose: bytes, key: bytes = KEY) -> str:
    """A token as ours are, signed with our secret for a purpose."""
    return urlsafe_b64encode(key + hmac.digest(SECRET.encode(), purpose + key, "sha256")[:16]).decode().rstrip("=")


TOKEN = token_for(b"unsubscribe\0")
PAGE = f"/u/{TOKEN}"


@pytest.fixture
async def door(tmp_path: Path) -> AsyncGenerator[Door]:
    """The application with links, where Ada has the first email and the second one waits."""
    async with open_door(tmp_path, **SETTINGS) as opened:
        draft_id = await opened.held_draft()
        assert (await opened.post(f"/drafts/{draft_id}/approve")).json()["sent"]
        yield opened


async def ask(door: Door, method: str, path: str = PAGE, **request: Any) -> httpx.Response:
    """A request of a stranger."""
    return await door.ask(method, path, None, **request)


async def is_marked(door: Door) -> bool:
    """Whether the contact, the address or the thread knows of a wish."""
    (contact,) = await door.rows.all("contacts")
    return bool(contact["unsubscribed"] or await door.rows.all("suppressions") or await door.rows.audit(principal="recipient"))


@pytest.mark.req("POST-R22")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "headers", [{}, {"X-HTTP-Method-Override": "POST"}, {"X-Method": "POST", "_method": "POST"}, FORM], ids=str
)
async def test_following_the_link_changes_nothing(door: Door, method: str, headers: dict[str, str]) -> None:
    """Scanners follow links: not one row is another, and the database is not even asked."""
    before, meter = await door.rows.everything(), door.service.database.meter
    began = meter.copy()
    answer = await ask(door, method, f"{PAGE}?{ONE_CLICK}&scope=all&_method=POST", headers=headers)
    assert answer.status_code == 200
    assert meter.since(began).requests == 0
    assert await door.rows.everything() == before


@pytest.mark.req("POST-R23")
@pytest.mark.parametrize(
    "request_",
    [
        {"content": ONE_CLICK, "headers": FORM},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"content": ONE_CLICK, "headers": {**FORM, "Origin": "https://mail.google.example", "Sec-Fetch-Site": "cross-site"}},
        {"content": ""},
        {"content": "scope=all", "headers": FORM},
        {"content": "scope=campaign&scope=all", "headers": FORM},
        {"content": b"\xff\xfe=%ff;scope", "headers": FORM},
        {"json": {"scope": "campaign"}},
        {"content": ONE_CLICK, "headers": {"Authorization": "Bearer nobody's", "Cookie": "a=b"}},
    ],
    ids=str,
)
async def test_one_click_ends_everything(door: Door, request_: dict[str, Any]) -> None:
    """From anywhere, without a login, and in whatever form it comes."""
    answer = await ask(door, "POST", **request_)
    assert (answer.status_code, "You are unsubscribed." in answer.text) == (200, True)
    assert "set-cookie" not in answer.headers
    assert len(await door.rows.all("suppressions")) == 1
    assert await is_marked(door)


@pytest.mark.req("POST-R23", "POST-R18")
async def test_the_form_ends_the_series_alone(door: Door) -> None:
    """The one choice beside everything; the same again says the same."""
    for _ in range(2):
        answer = await ask(door, "POST", content="scope=campaign", headers=FORM)
        assert (answer.status_code, "This series has ended." in answer.text) == (200, True)
    assert await door.rows.all("suppressions") == []
    assert (await door.rows.thread())["status"] == "stopped"
    assert len(await door.rows.audit(principal="recipient")) == 1


WRONG = [
    TOKEN[:-1],
    f"{TOKEN}A",
    TOKEN[:20] + ("B" if TOKEN[20] != "B" else "C") + TOKEN[21:],
    token_for(b"approve\0"),
    token_for(b"unsubscribe\0")[:30] + "_" * 13,
    "close:ada:0",
    "%E2%80%AE" + TOKEN,
    "%ff%fe",
    "%00",
    "x" * 60_000,
    token_for(b"unsubscribe\0", b"\0" * 16),
]
"""Cut, lengthened, changed, of another purpose, an id, hidden letters, no UTF-8, huge; and a good one of no send."""


@pytest.mark.req("POST-R16")
async def test_every_wrong_link_is_answered_alike(door: Door) -> None:
    """One page and one status, whatever is wrong with it, read or posted; nothing is written."""
    before = await door.rows.everything()
    answers = [await ask(door, "POST", f"/u/{token}", content=ONE_CLICK, headers=FORM) for token in WRONG]
    answers += [await ask(door, "GET", f"/u/{token}") for token in WRONG[:-1]]
    assert {(answer.status_code, answer.text) for answer in answers} == {(404, answers[0].text)}
    assert [answer.headers for answer in answers[1:] if answer.headers != answers[0].headers] == []
    assert await door.rows.everything() == before


async def test_a_huge_form_is_refused(door: Door) -> None:
    """A megabyte to a good link: 413, and nothing was done."""
    answer = await ask(door, "POST", content=b"x" * 1_000_000, headers=FORM)
    assert answer.status_code == 413
    assert not await is_marked(door)


async def test_nothing_else_is_open(door: Door) -> None:
    """Neither another method nor a path below; and a token of a link opens no other door."""
    for method in ("PUT", "PATCH", "DELETE"):
        assert (await ask(door, method)).status_code == 405
    for path in ("/u", "/u/", f"{PAGE}/", f"{PAGE}/../../drafts", "/U/" + TOKEN):
        assert (await ask(door, "POST", path, content=ONE_CLICK, headers=FORM)).status_code in {404, 405}
    assert (await ask(door, "GET", "/drafts", headers={"Authorization": f"Bearer {TOKEN}"})).status_code == 401
    assert not await is_marked(door)


@pytest.mark.req("POST-R24")
async def test_the_page_shows_nothing_of_anybody(door: Door) -> None:
    """Not a name, an address, an id or a title; one button, no script, and nothing that a browser would fetch or keep."""
    pages = [await ask(door, "GET"), await ask(door, "POST", content=ONE_CLICK, headers=FORM), await ask(door, "GET", "/u/x")]
    for page in pages:
        told = page.text.casefold()
        known = ("ada", "ngata", "ben", "ortiz", "northwind", "vendor", "close", TOKEN.casefold())
        assert [word for word in known if word in told] == []
        assert not re.search(r"\w@\w|<script|\bon\w+=|https?:|<img|<link|url\(|style=", told)
        assert told.count("<button") == (page is pages[0])
        style = re.search("<style>(.*?)</style>", page.text, re.DOTALL)
        assert style
        digest = b64encode(sha256(style[1].encode()).digest()).decode()
        assert page.headers["content-security-policy"] == (
            f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        )
        assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "no-referrer")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "width=device-width" in pages[0].text


@pytest.mark.req("POST-R14")
async def test_the_link_in_the_email_is_the_pages(door: Door) -> None:
    """In the headers and in the footer; the card and the preview of the next draft show a link of their own."""
    (email,) = door.mailer.delivered
    assert email.headers["List-Unsubscribe"] == f"<https://mail.example{PAGE}>"
    assert email.headers["List-Unsubscribe-Post"] == ONE_CLICK
    assert email.footer.splitlines()[0].endswith(f": https://mail.example{PAGE}")
    card = await door.read("/drafts/close:ada:0:1")
    assert card["footer"] == email.footer


@pytest.mark.req("POST-R25")
async def test_a_wish_that_could_not_be_written_is_said_to_be_none(door: Door) -> None:
    """A page for people, not a document for programs; when the database answers again, the same button acts."""
    service = door.service
    silent = BrokenDatabase(service.database, DatabaseUnreachable("connection refused", tries=5))
    door.app.state.service = replace(service, unsubscribes=D1Unsubscribes(silent))
    answer = await ask(door, "POST")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert "press the button again" in answer.text
    door.app.state.service = service
    assert not await is_marked(door)
    assert (await ask(door, "POST")).status_code == 200
    assert await is_marked(door)
