"""An email's bytes: the same each time, readable, for one recipient, and with no header nobody meant."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import MailRefused
from backend.mail.message import render
from backend.ports import OutgoingEmail
from tests.mail.emails import an_email

OWN_HEADERS = ["From", "To", "Subject", "Date", "Message-ID"]
BODY_HEADERS = ["Content-Type", "Content-Transfer-Encoding", "MIME-Version"]
PLAIN = b"""\
From: Grace Miller <grace@forge.example>
To: Ada Lovell <ada@mill.example>
Subject: A shorter close
Date: Mon, 23 Nov 2026 09:00:00 +0000
Message-ID: <touch-1@forge.example>
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: 7bit
MIME-Version: 1.0

Hello Ada,

would fifteen minutes next week be worth your time?

Grace
""".replace(b"\n", b"\r\n")


def read(rendered: bytes) -> EmailMessage:
    """The message as a mail program reads it."""
    message = message_from_bytes(rendered, policy=default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def one_newline(text: str) -> str:
    """`text` with every line break in one spelling, the last line ended as well."""
    normal = text.replace("\r\n", "\n").replace("\r", "\n")
    return normal if normal.endswith("\n") else f"{normal}\n"


def header_names(rendered: bytes) -> list[str]:
    """The names at the beginning of header lines; a folded line begins with a space."""
    head = rendered.partition(b"\r\n\r\n")[0].decode("ascii")
    return [line.partition(":")[0] for line in head.split("\r\n") if not line.startswith((" ", "\t"))]


def test_a_plain_email_is_exactly_this() -> None:
    """No header tells the machine or the moment; the text stays readable."""
    assert render(an_email()) == PLAIN


def test_equal_emails_are_equal_bytes() -> None:
    """The order of custom headers, and the zone an instant is written in, make no difference."""
    headers = {"X-Touch": "1", "In-Reply-To": "<a@b.example>"}
    same = an_email(headers=dict(reversed(headers.items())), sent_at="2026-11-23T11:00:00.000+02:00")
    assert render(an_email(headers=headers)) == render(same)


def test_words_in_any_script_arrive() -> None:
    """Names, subject and body beyond ASCII are encoded on the wire and read as they were written."""
    subject = "Une clôture plus rapide — 早く 🚀"
    names = {"sender_name": "Зоя Ильина", "recipient_name": 'Müller, "Jo"'}
    rendered = render(an_email(subject=subject, body="Grüße\n" * 40, **names))
    message = read(rendered)
    assert rendered.isascii()
    assert message["From"].addresses[0].display_name == "Зоя Ильина"
    assert message["To"].addresses[0].display_name == 'Müller, "Jo"'
    assert message["Subject"] == subject
    assert message.get_content().splitlines() == ["Grüße"] * 40


def test_long_ids_and_links_stay_whole() -> None:
    """A header that must be one token is one line, up to the 998 characters a line may have."""
    link = f"<https://forge.example/u/{'a' * 400}>"
    message_id = f"<{'b' * 200}@forge.example>"
    rendered = render(an_email(message_id=message_id, headers={"List-Unsubscribe": link}))
    assert f"\r\nMessage-ID: {message_id}\r\n".encode() in rendered
    assert f"\r\nList-Unsubscribe: {link}\r\n".encode() in rendered


@pytest.mark.parametrize("body", ["x" * 2000, "é" * 2000, "a\n" * 3000, "From here on", ".", "", "tab\there", "a\r\nb\rc\n"])
def test_a_body_arrives_whole(body: str) -> None:
    """Long lines are wrapped for the wire only; every line ends as lines do."""
    rendered = render(an_email(body=body))
    assert all(len(line) <= 998 for line in rendered.split(b"\r\n"))
    assert b"\n" not in rendered.replace(b"\r\n", b"")
    assert one_newline(read(rendered).get_content()) == one_newline(body)


@pytest.mark.parametrize(
    "bad",
    [
        {"recipient_address": "ada@mill.example, eve@evil.example"},
        {"recipient_address": "ada@mill.example; eve@evil.example"},
        {"recipient_address": "Ada <ada@mill.example>"},
        {"recipient_address": "ada"},
        {"recipient_address": "áda@mill.example"},
        {"sender_address": "grace@forge.example\r\nX: y"},
        {"recipient_name": "Ada\r\nBcc: eve@evil.example"},
        {"sender_name": "Grace\x00"},
        {"subject": "Hello\nBcc: eve@evil.example"},
        {"subject": "Hello\u2028there"},
        {"subject": "=?utf-8?q?Hello=0ABcc:_eve=40evil.example?="},
        {"subject": "half \ud83d"},
        {"subject": "x" * 999},
        {"message_id": "touch-1"},
        {"message_id": "<a b@c>"},
        {"message_id": "<a@b>\r\nX: y"},
        {"sent_at": "2026-11-23T09:00:00"},
        {"sent_at": "yesterday"},
        {"sent_at": "0001-01-01T00:00:00+14:00"},
        {"body": "a\x00b"},
        {"body": "half \ud83d"},
        {"headers": {"Bcc": "eve@evil.example"}},
        {"headers": {"content-type": "text/html"}},
        {"headers": {"Resent-To": "eve@evil.example"}},
        {"headers": {"X-Touch: 1\r\nBcc": "eve@evil.example"}},
        {"headers": {"X-Touch": "1\r\nBcc: eve@evil.example"}},
        {"headers": {"X-Touch": "1", "x-touch": "2"}},
        {"headers": {"": "1"}},
    ],
)
def test_a_malformed_email_is_refused(bad: dict[str, Any]) -> None:
    """Whatever could add a header, a recipient or an unreadable byte."""
    with pytest.raises(MailRefused, match="It was not delivered"):
        render(an_email(**bad))


ANY = st.text(max_size=30) | st.text(alphabet='\r\n\x00\x0b\x85\u2028=?utf8qB@<>,;:" a=0A', max_size=30)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "message_id": ANY,
        "sender_name": ANY,
        "recipient_name": ANY,
        "recipient_address": ANY,
        "subject": ANY,
        "body": ANY,
        "headers": st.dictionaries(st.sampled_from(["X-Touch", "In-Reply-To", "List-Unsubscribe"]) | ANY, ANY, max_size=2),
    },
)


@given(CHANGES.map(lambda changes: an_email(**changes)))
def test_no_text_becomes_a_header_or_a_second_recipient(email: OutgoingEmail) -> None:
    """An email is refused, or it has the headers it was given, its one recipient, and its own words."""
    try:
        rendered = render(email)
    except MailRefused:
        return
    message = read(rendered)
    assert header_names(rendered) == OWN_HEADERS + sorted(email.headers) + BODY_HEADERS
    assert [address.addr_spec for address in message["To"].addresses] == [email.recipient_address]
    assert one_newline(message.get_content()) == one_newline(email.body)


@given(subject=st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=60))
def test_a_subject_is_read_as_it_was_written(subject: str) -> None:
    """Nobody approves one subject and sends another: it arrives the same but for white space around it."""
    try:
        rendered = render(an_email(subject=subject))
    except MailRefused:
        assert "=?" in subject
        return
    assert str(read(rendered)["Subject"]).strip() == subject.strip()
