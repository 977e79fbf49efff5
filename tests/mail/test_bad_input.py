"""What could begin another header, encoded text or a second recipient is refused by the renderer, for every provider."""

from dataclasses import replace

import pytest

from backend.errors import MailRefused
from backend.mail.message import render
from backend.mail.resend import _as_json
from backend.ports import OutgoingEmail
from tests.mail.emails import an_email

HEADER_FIELDS = ("subject", "sender_name", "recipient_name", "header")
ADDRESS_FIELDS = ("sender_address", "recipient_address", "reply_to")
BAD_ADDRESSES = [
    "ada@mill.example, eve@evil.example",
    "ada@mill.example eve@evil.example",
    "ada@mill.example;eve@evil.example",
    "Ada <ada@mill.example>",
    "ada@mill.example\r\nBcc: eve@evil.example",
    "ada@mill.example\n",
    "ada@mill.example\x00",
    "ada\u200b@mill.example",
    "=?utf-8?q?ada?=@mill.example@x",
    "ada",
    "ada@",
    "@mill.example",
    "ada@localhost",
    "",
]
BAD_LINES = ["a\rb", "a\nb", "a\r\nBcc: eve@evil.example", "a\x00b", "a\u2028b", "=?utf-8?q?a?=", "x" * 999, "half \ud83d"]


def changed(field: str, text: str) -> OutgoingEmail:
    """An email with this text in this field."""
    return an_email(headers={"X-Touch": text}) if field == "header" else an_email(**{field: text})


@pytest.mark.req("POST-R12")
@pytest.mark.parametrize(
    ("field", "text"),
    [
        *((field, text) for field in HEADER_FIELDS for text in BAD_LINES),
        *((field, text) for field in ADDRESS_FIELDS for text in BAD_ADDRESSES if text or field != "reply_to"),
        *(("footer", text) for text in ("a\x00b", "half \ud83d")),
    ],
)
def test_the_renderer_refuses_it(field: str, text: str) -> None:
    """For every provider, and nothing was delivered."""
    for make in (render, _as_json):
        with pytest.raises(MailRefused, match="It was not delivered"):
            make(changed(field, text))


@pytest.mark.req("POST-R12")
@pytest.mark.parametrize("header", ["In-Reply-To", "References"])
@pytest.mark.parametrize(
    "ids", ["", "a@b.example", "<a@b.example>,<c@d.example>", "<a@b.example>  <c@d.example>", "<a b@c>", "<a@b>\r\n x"]
)
def test_ids_of_messages_are_nothing_else(header: str, ids: str) -> None:
    """One or more, with one blank between them."""
    with pytest.raises(MailRefused, match=f"its {header} holds"):
        render(an_email(headers={header: ids}))


@pytest.mark.req("POST-R13")
def test_a_domain_beyond_ascii_leaves_in_ascii() -> None:
    """In each header with an address, and in the request to Resend."""
    email = an_email(sender_address="grace@förge.example", recipient_address="ada@müll.example", reply_to="g@förge.example")
    for made in (render(email), _as_json(email)):
        for address in (b"grace@xn--frge-5qa.example", b"ada@xn--mll-hoa.example", b"g@xn--frge-5qa.example"):
            assert address in made


@pytest.mark.req("POST-R3")
def test_equal_emails_are_equal_requests() -> None:
    """The boundary between the forms comes from the text, and the order of headers from their names."""
    headers = {"X-Touch": "1", "References": "<a@b.example> <c@b.example>", "In-Reply-To": "<c@b.example>"}
    email = an_email(headers=headers, footer="Forge Ltd")
    same = replace(email, headers=dict(reversed(headers.items())))
    assert (render(email), _as_json(email)) == (render(same), _as_json(same))
    assert render(email) != render(an_email(headers=headers))
