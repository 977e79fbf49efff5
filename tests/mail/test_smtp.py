"""SMTP, step by step: what an answer means, and what the end of the connection there means."""

import asyncio
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from backend.egress import trusted_tls
from backend.errors import MailError, MailOutcomeUnknown, MailPostponed, MailRefused
from backend.mail import SmtpMailer, SmtpServer, open_mailer
from backend.ports import Mailer
from tests.fakes.authority import found_authority
from tests.fakes.smtp_server import CUT, HANG, SmtpStandIn
from tests.mail.emails import an_email, smtp_at, text_of

BEFORE_THE_DOT = ("connect", "EHLO", "MAIL", "RCPT", "DATA")
DEADLINE_S = 0.5
LONG = ("long" * 240 + "\n") * 5_000
"""More than a socket takes at once, so that a connection that ends within it is seen to have ended."""


def mailer_at(port: int, login: str = "") -> AbstractAsyncContextManager[Mailer]:
    """The adapter for a server on loopback."""
    return open_mailer(smtp_at(port, login), resend_api_key="")


async def outcome(says: dict[str, str], **changes: str) -> tuple[type[MailError] | None, int, str]:
    """What one send comes to, how many texts the server took, and the sentence."""
    async with SmtpStandIn(says=says).listening() as server:
        plain = SmtpServer("127.0.0.1", server.port, "", "", implicit_tls=False, needs_tls=False)
        try:
            await SmtpMailer(plain, trusted_tls(), deadline_s=DEADLINE_S).send(an_email(**changes))
        except MailError as error:
            return type(error), len(server.accepted), str(error)
        return None, len(server.accepted), ""


@pytest.mark.req("SEND-R1")
@pytest.mark.parametrize(("step", "fault"), [*product(BEFORE_THE_DOT, [CUT, HANG]), ("text", CUT)])
async def test_a_connection_lost_before_the_dot_has_delivered_nothing(step: str, fault: str) -> None:
    """Cut or silent at any step up to the last line of the text: not now, and it may be handed over again."""
    raised, accepted, _ = await outcome({step: fault}, **({"body": LONG} if step == "text" else {}))
    assert accepted == 0
    assert raised is MailPostponed


@pytest.mark.req("SEND-R2")
@pytest.mark.parametrize("fault", [CUT, HANG])
async def test_a_connection_lost_after_the_dot_may_have_delivered(fault: str) -> None:
    """The server has the text, and its answer is not heard."""
    assert (await outcome({".": fault}))[:2] == (MailOutcomeUnknown, 1)


@pytest.mark.req("SEND-R3")
@pytest.mark.parametrize(
    ("step", "answer", "means"),
    [
        ("connect", "421 too busy", MailPostponed),
        ("connect", "554 no service", MailPostponed),
        ("MAIL", "451 later", MailPostponed),
        ("MAIL", "550 5.7.1 not you", MailRefused),
        ("RCPT", "450 4.2.1 mailbox busy", MailPostponed),
        ("RCPT", "550 5.1.1 <ada@mill.example> is unknown", MailRefused),
        ("DATA", "451 later", MailPostponed),
        ("DATA", "554 no", MailRefused),
        (".", "452 4.3.1 no room", MailPostponed),
        (".", "554 5.6.0 not like this", MailRefused),
    ],
)
async def test_an_answer_means_no_for_good_or_not_now(step: str, answer: str, means: type[MailError]) -> None:
    """5xx to this email is a no, 4xx is later; a server that takes no connection says nothing of the email. Codes are told."""
    raised, accepted, sentence = await outcome({step: answer})
    assert (raised, accepted) == (means, 0)
    assert answer.split(maxsplit=1)[0] in sentence
    assert "mill.example" not in sentence


async def test_where_nobody_listens_nothing_was_delivered() -> None:
    """The port is free again, and the connection is refused."""
    async with SmtpStandIn().listening() as server:
        port = server.port
    async with mailer_at(port) as mailer:
        with pytest.raises(MailPostponed, match="connection failed"):
            await mailer.send(an_email())


@pytest.mark.req("SEND-R4")
async def test_elsewhere_nothing_is_sent_in_the_clear() -> None:
    """A server beyond loopback that offers no STARTTLS is given nothing, login least of all."""
    async with SmtpStandIn().listening() as server:
        strict = SmtpServer("127.0.0.1", server.port, "ana", "secret", implicit_tls=False, needs_tls=True)
        with pytest.raises(MailPostponed, match="STARTTLS"):
            await SmtpMailer(strict, trusted_tls()).send(an_email())
        assert server.accepted == []


@pytest.mark.req("SEND-R9")
async def test_a_login_that_is_refused_is_ours_to_mend() -> None:
    """The touch waits, and neither the login nor the server's words are told."""
    says = {"EHLO": "250-here\r\n250 AUTH PLAIN", "AUTH": "535 5.7.8 ana has the password secret"}
    async with SmtpStandIn(says=says).listening() as server, mailer_at(server.port, "ana:secret@") as mailer:
        with pytest.raises(MailPostponed, match=r"login \(535\)") as raised:
            await mailer.send(an_email())
        assert server.accepted == []
    assert "secret" not in str(raised.value)


class Mailbox:
    """An aiosmtpd handler that keeps what it took."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # its name there
        """Take a message."""
        self.envelopes.append(envelope)
        return "250 2.0.0 queued"


@pytest.mark.req("SEND-R4")
@pytest.mark.parametrize("implicit_tls", [False, True], ids=["STARTTLS", "TLS from the first byte"])
async def test_a_real_server_takes_the_email_over_tls_with_a_login(
    implicit_tls: bool,  # noqa: FBT001  # a parameter of the table
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The bytes parse back to what was approved, dots at the beginning of a line too; whom nobody vouches for gets nothing."""
    authority, mailbox = found_authority(tmp_path), Mailbox()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == b"secret")

    def protocol() -> SMTP:
        starttls: dict[str, Any] = {} if implicit_tls else {"tls_context": authority.server, "require_starttls": True}
        return SMTP(mailbox, authenticator=authenticate, auth_require_tls=not implicit_tls, hostname="mail", **starttls)

    server = await asyncio.get_running_loop().create_server(
        protocol, "127.0.0.1", 0, ssl=authority.server if implicit_tls else None
    )
    email = an_email(subject="für Köln", body="Hello Ada,\n\n.a line with a dot\n..\n\nGrace\n")
    async with server:
        port = server.sockets[0].getsockname()[1]
        address = SmtpServer("127.0.0.1", port, "ana", "secret", implicit_tls=implicit_tls, needs_tls=not implicit_tls)
        assert await SmtpMailer(address, trusted_tls()).send(email) == "2.0.0 queued"
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(MailPostponed):
            await SmtpMailer(address, trusted_tls()).send(email)
    (envelope,) = mailbox.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == (email.sender_address, [email.recipient_address])
    content = envelope.content
    arrived = message_from_bytes(content if isinstance(content, bytes) else (content or "").encode(), policy=default)
    assert (arrived["Subject"], arrived["Message-ID"]) == (email.subject, email.message_id)
    assert text_of(arrived) == email.body


def test_an_smtp_server_knows_no_keys() -> None:
    """So what may have left is never repeated there."""
    assert SmtpMailer.replay_window == timedelta(0)
