"""What a provider tells of its deliveries: the outbox's files, Resend's list, and a mailbox's folder of sent emails."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from backend.egress import trusted_tls
from backend.errors import DeliveriesUnread, SettingRefused
from backend.mail import OutboxMailer, ResendMailer, open_deliveries, read_mail_url, read_sent_url
from backend.mail.message import render
from backend.mail.sent_folder import ImapFolder, SentFolder
from backend.ports import Deliveries
from tests.fakes.imap_server import imap_server
from tests.fakes.listening import listening
from tests.fakes.resend_stand_in import Answer, ResendStandIn
from tests.mail.emails import an_email

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
SENDERS = ["grace@forge.example"]
EARLIER, LATER = "2026-11-23T08:59:59.000Z", "2026-11-24T09:00:00.000Z"


async def ids(deliveries: Deliveries) -> list[str]:
    """What was delivered since the start."""
    return [delivery.id async for delivery in deliveries.since(START, SENDERS)]


@pytest.mark.req("SEND-R16")
async def test_the_outbox_tells_its_files(tmp_path: Path) -> None:
    """Those since an instant; `has` knows the older ones too, and what came meanwhile; a folder that cannot be read says so."""
    mailer = OutboxMailer(tmp_path / "out")
    assert await ids(mailer) == []
    for number, at in enumerate((EARLIER, LATER)):
        await mailer.send(an_email(message_id=f"<m{number}@forge.example>", idempotency_key=f"k{number}", sent_at=at))
    assert await ids(mailer) == ["<m1@forge.example>"]
    mailer = OutboxMailer(tmp_path / "out")
    assert [await mailer.has(f"<m{number}@forge.example>") for number in range(3)] == [True, True, False]
    await OutboxMailer(tmp_path / "out").send(an_email(message_id="<m2@forge.example>", idempotency_key="k2", sent_at=LATER))
    assert await mailer.has("<m2@forge.example>")


def listed(number: int, at: str, sender: str = "Grace <Grace@forge.example>") -> dict[str, Any]:
    """An email in Resend's list."""
    return {"id": f"e{number}", "to": ["ada@mill.example"], "from": sender, "created_at": at, "last_event": "delivered"}


def page(*emails: dict[str, Any], more: bool = False) -> Answer:
    """A page of the list."""
    return 200, {"object": "list", "has_more": more, "data": list(emails)}


@pytest.mark.req("SEND-R16")
async def test_resend_tells_its_list_page_by_page() -> None:
    """The newest first, of our senders alone, up to the first that is too old; asked too often it is asked again."""
    says = [
        page(listed(1, "2026-11-25 10:00:00.000000+00"), listed(2, LATER, "Shop <news@shop.example>"), more=True),
        (429, {"name": "rate_limit_exceeded"}),
        page(listed(3, LATER), listed(4, EARLIER), listed(5, LATER), more=True),
    ]
    async with ResendStandIn(says=[*says], headers={"retry-after": "0"}).listening() as server:
        async with ResendMailer("re_secret", url=f"http://127.0.0.1:{server.port}") as mailer:
            assert await ids(mailer) == ["e1", "e3"]
        assert [head.split(b" ")[1] for head in server.heads] == [b"/emails?limit=100", *[b"/emails?limit=100&after=e2"] * 2]


@pytest.mark.req("SEND-R16")
async def test_resend_names_a_sender_beyond_ascii_in_ascii() -> None:
    """A campaign's sender is known there by the ASCII form of its domain."""
    says = [page(listed(1, LATER, "Grace <grace@xn--frge-5qa.example>"))]
    async with ResendStandIn(says=[*says]).listening() as server:
        mailer = ResendMailer("re_secret", url=f"http://127.0.0.1:{server.port}")
        async with mailer:
            assert [delivery.id async for delivery in mailer.since(START, ["Grace@förge.example"])] == ["e1"]


@pytest.mark.req("SEND-R16")
@pytest.mark.parametrize(("answer", "has"), [((200, {"id": "e1"}), True), ((404, {"name": "not_found"}), False)])
async def test_resend_is_asked_for_one_email(answer: Answer, has: bool) -> None:  # noqa: FBT001  # a case
    """By its id, which is escaped."""
    async with ResendStandIn(says=[answer]).listening() as server:
        async with ResendMailer("re_secret", url=f"http://127.0.0.1:{server.port}") as mailer:
            assert await mailer.has("../keys") is has
        assert b"GET /emails/..%2Fkeys " in server.heads[0]


@pytest.mark.req("SEND-R16")
@pytest.mark.parametrize(
    "says",
    [
        [(401, {"name": "restricted_api_key"})],
        [(200, b"<html>")],
        [page({"id": "e1"})],
        [page({"id": "", "created_at": LATER})],
        [(200, {"data": ["e1"]})],
        ["cut"],
        [(200, {"data": 1})],
        [page(listed(1, LATER), more=True)] * 2,
    ],
)
async def test_a_resend_that_does_not_tell_is_an_error_and_no_empty_list(says: Sequence[str | Answer]) -> None:
    """A key that may only send, a proxy's page, emails without date or id, a cut connection, a list without an end."""
    async with ResendStandIn(says=[*says]).listening() as server:
        mailer = ResendMailer("re_secret", url=f"http://127.0.0.1:{server.port}")
        async with mailer:
            with pytest.raises(DeliveriesUnread) as refused:
                await ids(mailer)
    assert "re_secret" not in str(refused.value)
    assert ("RESEND_API_KEY may not read" in str(refused.value)) == (says[0][0] == 401)


@pytest.mark.req("SEND-R16")
async def test_a_mailbox_tells_its_folder_of_sent_emails() -> None:
    """Over real IMAP: our touches since an instant by their Message-ID, none of the person's own, and no email becomes read."""
    async with imap_server() as server:
        touches = [f"<{number:032x}@forge.example>" for number in range(3)]
        emails = [an_email(message_id=touch, sent_at=at) for touch, at in zip(touches, (EARLIER, LATER, LATER), strict=True)]
        server.keep(*(render(email) for email in emails), render(an_email(message_id="<private@forge.example>", sent_at=LATER)))
        smtp = read_mail_url("smtp://127.0.0.1:2525", outbox_dir="")
        async with open_deliveries(smtp, resend_api_key="", sent=read_sent_url(server.url)) as deliveries:
            assert deliveries
            assert deliveries.name == "smtp://127.0.0.1:2525"
            assert await ids(deliveries) == touches[1:]
            assert [await deliveries.has(touch) for touch in (touches[0], "<none@forge.example>")] == [True, False]
        place = ImapFolder("127.0.0.1", server.port, "demouser", "wrong", "Sent", is_encrypted=False)
        wrong = SentFolder(place, trusted_tls(), name="")
        with pytest.raises(DeliveriesUnread, match="does not take the login") as refused:
            await ids(wrong)
        assert "wrong" not in str(refused.value)
        elsewhere = replace(place, password="demopass", folder="Nowhere")  # a demonstration's
        with pytest.raises(DeliveriesUnread, match="does not have the folder"):
            await ids(SentFolder(elsewhere, trusted_tls(), name=""))


@pytest.mark.req("SEND-R16")
@pytest.mark.parametrize(
    ("found", "head"),
    [
        ("\xff", ""),
        ("1", "{99999999999999}\r\n"),
        ("1", "{51}\r\nMessage-ID: <1@b>\r\nDate: 31 Dec 9999 23:59:59 -1200\r\n)\r\n"),
    ],
)
async def test_a_mailbox_that_says_what_cannot_be_is_an_error(found: str, head: str) -> None:
    """Bytes that are no letters, an email larger than any memory, a date after the last: never a traceback."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        says = {"SEARCH": f"* SEARCH {found}\r\n", "FETCH": f"* 1 FETCH (UID 1 BODY[HEADER] {head}"}
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            writer.write(b"* OK here\r\n")
            async for line in reader:
                tag, *words = line.decode().split()
                told = next((says[word] for word in words if word in says), "")
                writer.write(f"{told}{tag} OK\r\n".encode("latin-1"))

    async with listening(talk) as server:
        place = ImapFolder("127.0.0.1", server.port, "ana", "secret", "Sent", is_encrypted=False)
        with pytest.raises(DeliveriesUnread):
            await ids(SentFolder(place, trusted_tls(), name=""))


@pytest.mark.req("SEND-R16")
async def test_an_smtp_server_alone_tells_nothing() -> None:
    """There is nobody to ask, and nobody is."""
    smtp = read_mail_url("smtp://127.0.0.1:2525", outbox_dir="")
    async with open_deliveries(smtp, resend_api_key="", sent=None) as deliveries:
        assert deliveries is None


@pytest.mark.req("SEND-R8")
@pytest.mark.parametrize(
    "url",
    [
        "imaps://mail.example/Sent",
        "imaps://ana@mail.example/Sent",
        "imaps://ana:secret@mail.example",
        "imap://ana:secret@mail.example/Sent",
        "pop3://ana:secret@mail.example/Sent",
        "imaps://ana:secret@mail.example:port/Sent",
    ],
)
def test_a_url_of_no_folder_is_refused_without_its_text(url: str) -> None:
    """No user, no password, no folder, in the clear, another protocol, no port."""
    with pytest.raises(SettingRefused) as refused:
        read_sent_url(url)
    assert "secret" not in str(refused.value)
