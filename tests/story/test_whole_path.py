"""From an enrolment to a mailbox and back: a real mail server over TLS, and every header read by the standard library."""

import asyncio
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from backend.domain.campaign import DecisionRequest
from backend.domain.flags import Flags
from backend.domain.unsubscribe import UnsubscribeLinks
from backend.egress import trusted_tls
from backend.mail import SmtpMailer, SmtpServer
from backend.mail.markup import read_html
from backend.wiring import Service, assemble
from tests.fakes.authority import found_authority
from tests.mail.emails import html_in, text_of
from tests.mail.test_smtp import Mailbox
from tests.northwind import EMAIL, SCRIPT
from tests.story.fleet import Fleet, open_fleet

LINKS = UnsubscribeLinks("https://mail.example/sales", ("a secret of thirty-two characters",))
POSTAL = "Vendor & Söhne, Mill Lane 1, Leeds"
HEADERS = ["From", "To", "Reply-To", "Subject", "Date", "Message-ID"]
UNSUBSCRIBE = ["List-Unsubscribe", "List-Unsubscribe-Post"]
FORM = ["MIME-Version", "Content-Type"]


def read(content: bytes | str | None) -> EmailMessage:
    """A message as a mail program reads it, without a defect in any of its parts."""
    message = message_from_bytes(content if isinstance(content, bytes) else (content or "").encode(), policy=default)
    assert isinstance(message, EmailMessage)
    assert [part.defects for part in message.walk() if part.defects] == []
    return message


async def approve(fleet: Fleet, service: Service) -> None:
    """Let the next draft come, and send it."""
    await fleet.fast_forward()
    assert (await service.campaigns.decide(await fleet.pending(), DecisionRequest("approve", "ana"))).sent


@pytest.mark.req("POST-R1", "POST-R6", "POST-R8", "POST-R9", "POST-R14")
async def test_a_first_email_and_a_follow_up_reach_a_mailbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both as they were drafted, with every header there is and no other; the link in the last one ends it."""
    authority, mailbox = found_authority(tmp_path), Mailbox()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))

    def protocol() -> SMTP:
        return SMTP(mailbox, tls_context=authority.server, require_starttls=True, hostname="mail")

    async with open_fleet(SCRIPT) as fleet:
        server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            mailer = SmtpMailer(SmtpServer("127.0.0.1", port, "", "", implicit_tls=False, needs_tls=True), trusted_tls())
            service = assemble(
                fleet.database, clock=fleet.clock, make_llm=fleet.model, mailer=mailer, flags=Flags(), links=LINKS
            )
            await fleet.rows.set_campaigns(reply_to="answers@vendor.example", postal_address=POSTAL)
            await fleet.enrol()
            await approve(fleet, service)
            await approve(fleet, service)
        drafts, sends = await fleet.rows.drafts(), await fleet.rows.sends()
        first, second = (read(envelope.content) for envelope in mailbox.envelopes)
        assert first.keys() == [*HEADERS, *UNSUBSCRIBE, *FORM]
        assert second.keys() == [*HEADERS, "In-Reply-To", *UNSUBSCRIBE, "References", *FORM]
        ids = [send["message_id"] for send in sends]
        assert [second["In-Reply-To"], second["References"]] == [ids[0], ids[0]]
        assert [first["Subject"], second["Subject"]] == [EMAIL["subject"], f"Re: {EMAIL['subject']}"]
        for message, draft, message_id in zip((first, second), drafts, ids, strict=True):
            _check(message, draft, message_id)
        token = str(second["List-Unsubscribe"]).strip("<>").rpartition("/")[2]
        assert await service.unsubscribes.act(service.links.key_of(token) or "", "all")
        await fleet.fast_forward()
        assert (await fleet.thread())["status"] == "stopped"


def _check(message: EmailMessage, draft: dict[str, Any], message_id: str) -> None:
    """Hold a message against its draft."""
    assert message["From"] == "Ben Ortiz <ben@vendor.example>"
    assert message["To"] == "Ada Ngata <ada@northwind.example>"
    assert message["Reply-To"] == "answers@vendor.example"
    assert (message["Subject"], message["Message-ID"]) == (draft["subject"], message_id)
    assert message["Date"].datetime.tzinfo is not None
    link = str(message["List-Unsubscribe"]).strip("<>")
    assert link.startswith("https://mail.example/sales/u/")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    text = f"{draft['body']}\n\nUnsubscribe: {link}\n{POSTAL}"
    assert text_of(message).removesuffix("\n") == text
    html = html_in(message)
    assert read_html(html) == text
    assert f'<a href="{link}">{link}</a>' in html
