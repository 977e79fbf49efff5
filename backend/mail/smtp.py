"""Email over SMTP: each step of the conversation settles what a lost connection there means.

Before the final dot the server has accepted nothing (RFC 5321, 4.5.3.2.6), so the email may be handed over again. After it only
the server knows, and no key tells it that it has seen an email before.
"""

import asyncio
import re
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NoReturn

import aiosmtplib

from backend.domain.text import cut_on_word, one_line
from backend.errors import MailOutcomeUnknown, MailPostponed, MailRefused
from backend.mail.address import read_address
from backend.mail.message import render
from backend.ports import OutgoingEmail

SEND_DEADLINE_S: Final = 15.0
"""For the way to the dot, and again for the answer to it."""

_PERMANENT: Final = 500
_LOOKS_AGAIN_AFTER_S: Final = 0.01
_MAX_ANSWER_CHARS: Final = 200
_GO_ON: Final = 354
_DONE: Final = 250
_ENHANCED: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")
_LINE_OF_A_DOT: Final = re.compile(rb"(?m)^\.")


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A submission server; `implicit_tls` speaks TLS from the first byte, else STARTTLS is demanded if `needs_tls`."""

    host: str
    port: int
    user: str
    password: str
    implicit_tls: bool
    needs_tls: bool


class SmtpMailer:
    """Hands each email to one SMTP server, over a connection of its own; a key is not known there, so nothing is repeated."""

    replay_window = timedelta(0)

    def __init__(self, server: SmtpServer, tls: ssl.SSLContext, deadline_s: float = SEND_DEADLINE_S) -> None:
        self.name = f"smtp://{server.host}:{server.port}"
        self._server = server
        self._tls = tls
        self._deadline_s = deadline_s

    async def send(self, email: OutgoingEmail) -> str:
        """Deliver `email`, and return the first words of the server's answer.

        Raises:
            MailRefused: the email is malformed, or the server said no for good.
            MailPostponed: the server was not reached, or said not now; it has accepted nothing.
            MailOutcomeUnknown: the final dot was sent and no answer came.
        """
        content = _LINE_OF_A_DOT.sub(b"..", render(email))
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.implicit_tls,
            start_tls=False,
            tls_context=self._tls,
            timeout=self._deadline_s,
        )
        try:
            with self._nothing_accepted():
                async with asyncio.timeout(self._deadline_s):
                    await self._introduce(client)
                    await self._hand_over(client, email, content)
            return await self._finish(client)
        finally:
            client.close()

    async def _introduce(self, client: aiosmtplib.SMTP) -> None:
        """Connect, encrypt where it is offered or needed, and log in."""
        server = self._server
        await client.connect()
        await client.ehlo()
        if not server.implicit_tls and client.supports_extension("starttls"):
            await client.starttls()
            await client.ehlo()
        elif server.needs_tls and not server.implicit_tls:
            raise MailPostponed(self.name, "it offers no STARTTLS, and nothing is sent in the clear")
        if server.user:
            await client.login(server.user, server.password)

    async def _hand_over(self, client: aiosmtplib.SMTP, email: OutgoingEmail, content: bytes) -> None:
        """Go on to the last line of the text, but not to the dot that ends it."""
        sender, recipient = (read_address(text).ascii_email or "" for text in (email.sender_address, email.recipient_address))
        await client.mail(sender)
        await client.rcpt(recipient)
        response = await client.execute_command(b"DATA")
        if response.code != _GO_ON:
            raise aiosmtplib.SMTPDataError(response.code, response.message)
        transport = client.transport
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(content)
            while client.is_connected and transport.get_write_buffer_size():  # noqa: ASYNC110  # only its protocol hears of it
                await asyncio.sleep(_LOOKS_AGAIN_AFTER_S)
        await asyncio.sleep(0)  # so that a connection that ended meanwhile is seen to have ended
        if not client.is_connected:
            msg = "the connection ended"
            raise aiosmtplib.SMTPServerDisconnected(msg)

    async def _finish(self, client: aiosmtplib.SMTP) -> str:
        """Send the dot; from here on only an answer says what became of the email."""
        try:
            async with asyncio.timeout(self._deadline_s):
                response = await client.execute_command(b".")
        except (aiosmtplib.SMTPException, OSError) as error:  # a TimeoutError is an OSError
            raise MailOutcomeUnknown(self.name, "no answer came after the email was handed over") from error
        if response.code != _DONE:
            self._refuse(response.code, response.message)
        return cut_on_word(one_line(response.message), _MAX_ANSWER_CHARS)

    @contextmanager
    def _nothing_accepted(self) -> Generator[None]:
        """Turn whatever goes wrong before the dot into what it means: a refusal of this email, or not now."""
        try:
            yield
        except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPRecipientRefused, aiosmtplib.SMTPDataError) as said:
            self._refuse(said.code, said.message)
        except aiosmtplib.SMTPAuthenticationError as said:
            raise MailPostponed(self.name, f"it does not take our login ({said.code})") from None
        except aiosmtplib.SMTPResponseException as said:
            raise MailPostponed(self.name, f"it answered {said.code} {_enhanced(said.message)}".strip()) from None
        except ssl.SSLError as error:
            raise MailPostponed(self.name, f"its certificate or its TLS is not trusted ({error.reason})") from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailPostponed(self.name, f"the connection failed ({type(error).__name__})") from error

    def _refuse(self, code: int, words: str) -> NoReturn:
        """Raise what an answer means: 5xx is a no for good, 4xx is not now. The server's own words may name anybody."""
        why = f"it answered {code} {_enhanced(words)}".strip()
        if code >= _PERMANENT:
            raise MailRefused(self.name, why) from None
        raise MailPostponed(self.name, why) from None


def _enhanced(words: str) -> str:
    """The status code of RFC 3463 at the beginning of an answer, if there is one."""
    found = _ENHANCED.match(words)
    return found[0] if found else ""
