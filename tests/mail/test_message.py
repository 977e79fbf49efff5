"""An email's bytes: the same each time, readable, for one recipient, and with no header nobody meant."""

from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import MailRefused
from backend.mail.message import check_arrival, render
from backend.ports import OutgoingEmail
from tests.mail.emails import an_email, text_of

OWN_HEADERS = ["From", "To", "Subject", "Date", "Message-ID"]
BODY_HEADERS = ["MIME-Version", "Content-Type"]
PLAIN = b"""\
From: Grace Miller <grace@forge.example>
To: Ada Lovell <ada@mill.example>
Subject: A shorter close
Date: Mon, 23 Nov 2026 09:00:00 +0000
Message-ID: <touch-1@forge.example>
MIME-Version: 1.0
Content-Type: multipart/alternative;
 boundary="=_f2673a0f0d6054b34dbbd79cdd87d376"

--=_f2673a0f0d6054b34dbbd79cdd87d376
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: 7bit

Hello Ada,

would fifteen minutes next week be worth your time?

Grace

--=_f2673a0f0d6054b34dbbd79cdd87d376
Content-Type: text/html; charset="utf-8"
Content-Transfer-Encoding: 7bit

<p>Hello Ada,</p>
<p>would fifteen minutes next week be worth your time?</p>
<p>Grace</p>

--=_f2673a0f0d6054b34dbbd79cdd87d376--
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
    assert text_of(message).splitlines() == ["Grüße"] * 40


def test_long_ids_and_links_stay_whole() -> None:
    """A header that must be one token is one line, up to the 998 characters a line may have."""
    link = f"<https://forge.example/u/{'a' * 400}>"
    message_id = f"<{'b' * 200}@forge.example>"
    rendered = render(an_email(message_id=message_id, headers={"List-Unsubscribe": link}))
    assert f"\r\nMessage-ID: {message_id}\r\n".encode() in rendered
    assert f"\r\nList-Unsubscribe: {link}\r\n".encode() in rendered


@pytest.mark.parametrize(
    "body",
    ["x" * 2000, f"{600 * 'x'}\x0b{600 * 'x'}", "é" * 2000, "a\n" * 3000, "From here on", ".", "", "tab\there", "a\r\nb\rc\n"],
)
def test_a_body_arrives_whole(body: str) -> None:
    """Long lines are wrapped for the wire only; every line ends as lines do."""
    rendered = render(an_email(body=body))
    assert all(len(line) <= 998 for line in rendered.split(b"\r\n"))
    assert b"\n" not in rendered.replace(b"\r\n", b"")
    assert one_newline(text_of(read(rendered))) == one_newline(body)


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
    assert one_newline(text_of(message)) == one_newline(email.body)


VISIBLE = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
LINE = st.text(VISIBLE, max_size=60) | st.lists(
    st.sampled_from(["für", "Köln", "a", "🚀", " ", "  ", '"', "\\", "<", "@"])
).map("".join)


def as_read(rendered: bytes, header: str) -> str:
    """The text of a header by the rules of RFC 2047, in which a space between two encoded words is not read."""
    return str(make_header(decode_header(message_from_bytes(rendered)[header])))


@pytest.mark.req("TEXT-R1")
@given(subject=LINE)
def test_a_subject_is_read_as_it_was_written(subject: str) -> None:
    """Nobody approves one subject and sends another: every character arrives, spaces at either end too."""
    try:
        rendered = render(an_email(subject=subject))
    except MailRefused:
        assert "=?" in subject
        return
    assert as_read(rendered, "Subject") == str(read(rendered)["Subject"]) == subject


@pytest.mark.req("TEXT-R1")
@given(sender_name=LINE, recipient_name=LINE)
def test_names_are_read_as_they_were_written(sender_name: str, recipient_name: str) -> None:
    """Quotes, commas and the words of any script stand in the name, and the address beside it stays the one address."""
    try:
        rendered = render(an_email(sender_name=sender_name, recipient_name=recipient_name))
    except MailRefused:
        assert "=?" in sender_name + recipient_name
        return
    for header, name, address in (("From", sender_name, "grace@forge.example"), ("To", recipient_name, "ada@mill.example")):
        read_name, read_address = parseaddr(message_from_bytes(rendered)[header])
        assert str(make_header(decode_header(read_name))) == name
        assert [found.addr_spec for found in read(rendered)[header].addresses] == [read_address] == [address]


@pytest.mark.req("TEXT-R1")
@pytest.mark.parametrize(
    "subject",
    [
        "Wie Sie die Touren planen für Köln und für Düsseldorf",
        "Fragen für Köln",
        "Tämä on työpäivä",
        " für",
        "Köln ",
        "a  b",
        f"{30 * 'für '}Köln",
    ],
)
def test_no_space_is_lost_between_words_beyond_ascii(subject: str) -> None:
    """Words side by side that are encoded keep the spaces between them."""
    assert str(read(render(an_email(subject=subject)))["Subject"]) == subject


@pytest.mark.req("TEXT-R2")
@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("subject", {"subject": "fürKöln"}),
        ("sender's name", {"sender_name": "Grace  Miller"}),
        ("recipient's name", {"recipient_name": "Áda"}),
        ("recipient's address", {"recipient_address": "eve@mill.example"}),
        ("body", {"body": "Hello Ada,\n\nGrace\n"}),
        ("body", {"body": f"{an_email().body} "}),
    ],
)
def test_what_would_be_read_differently_is_not_sent(part: str, change: dict[str, Any]) -> None:
    """Bytes that hold another text than the email are refused, and the refusal names the part and says that nothing left."""
    with pytest.raises(MailRefused, match=f"its {part} would not be read as it was approved. It was not delivered"):
        check_arrival(an_email(), render(an_email(**change)))


@given(st.text(st.sampled_from("a é\r\n\t.\x0b\x85\u2028=From"), max_size=40), st.integers(0, 1200))
def test_a_body_is_read_as_it_was_written(body: str, times: int) -> None:
    """Whatever looks like a line's end and is none stays in its line, and no line is longer than mail may have."""
    text = f"{body}{times * 'x'}{body}"
    rendered = render(an_email(body=text))
    assert all(len(line) <= 998 for line in rendered.split(b"\r\n"))
    assert one_newline(text_of(read(rendered))) == one_newline(text)
