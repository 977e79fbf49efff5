"""The folder in which a mailbox keeps what it sent, over IMAP: it tells what an SMTP server has delivered."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Collection, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from imaplib import IMAP4
from typing import Final

from imap_tools.errors import ImapToolsError, MailboxFolderSelectError, MailboxLoginError
from imap_tools.mailbox import BaseMailBox, MailBox, MailBoxUnencrypted
from imap_tools.query import AND, H

from backend.domain.instants import to_text
from backend.errors import DeliveriesUnread
from backend.ports import Delivery, KnownBy

ASK_DEADLINE_S: Final = 30.0
"""For each answer of the server."""

_OURS: Final = re.compile(r"<[0-9a-f]{32}@[^<>]+>")
"""Message-IDs of touches; a person's own emails lie in the same folder."""
_AT_ONCE: Final = 200
_NOT_TOLD: Final = (ImapToolsError, IMAP4.error, OSError, ValueError, OverflowError, MemoryError)
"""A refusal, a lost connection, or words that mean nothing: letters, dates and sizes that cannot be."""
_WHY: Final = (
    (MailboxLoginError, "it does not take the login of MAIL_SENT_URL"),
    (MailboxFolderSelectError, "it does not have the folder of MAIL_SENT_URL"),
    (TimeoutError, f"it did not answer within {ASK_DEADLINE_S:g} s"),
    (ConnectionRefusedError, "nobody listens there"),
    (ssl.SSLCertVerificationError, "its certificate is not trusted"),
    (IMAP4.abort, "it ended the connection"),
)


@dataclass(frozen=True, slots=True)
class ImapFolder:
    """A folder of an IMAP server; `is_encrypted` speaks TLS from the first byte, and is left out on loopback alone."""

    host: str
    port: int
    user: str
    password: str
    folder: str
    is_encrypted: bool


class SentFolder:
    """Reads the heads of the emails in one folder and changes nothing there; `name` is the SMTP server's in the ledger."""

    known_by: KnownBy = "message_id"

    def __init__(self, place: ImapFolder, tls: ssl.SSLContext, *, name: str) -> None:
        self.name = name
        self._place = place
        self._tls = tls

    async def since(self, instant: datetime, senders: Collection[str]) -> AsyncIterator[Delivery]:
        """See `ports.Deliveries.since`; an email is ours by its Message-ID."""
        del senders
        for delivery in await asyncio.to_thread(self._read, instant):
            yield delivery

    async def has(self, delivery_id: str) -> bool:
        """See `ports.Deliveries.has`."""
        return await asyncio.to_thread(self._find, delivery_id)

    def _read(self, instant: datetime) -> list[Delivery]:
        # A server compares days, in a time zone of its own.
        day = AND(date_gte=(instant - timedelta(days=1)).date())
        try:
            with self._opened() as mailbox:
                found = mailbox.fetch(day, headers_only=True, mark_seen=False, bulk=_AT_ONCE)
                told = [
                    (str(message.obj["Message-ID"] or "").strip(), ", ".join(message.to), message.date.astimezone(UTC))
                    for message in found
                ]
                return [
                    Delivery(message_id, recipient, to_text(at))
                    for message_id, recipient, at in told
                    if _OURS.fullmatch(message_id) and at >= instant
                ]
        except _NOT_TOLD as error:
            raise self._unread(error) from error

    def _find(self, message_id: str) -> bool:
        try:
            with self._opened() as mailbox:
                return bool(mailbox.uids(AND(header=H("Message-ID", message_id))))
        except _NOT_TOLD as error:
            raise self._unread(error) from error

    @contextmanager
    def _opened(self) -> Generator[BaseMailBox]:
        """Log in, and close the connection whatever becomes of it."""
        place = self._place
        if place.is_encrypted:
            mailbox: BaseMailBox = MailBox(place.host, place.port, timeout=ASK_DEADLINE_S, ssl_context=self._tls)
        else:
            mailbox = MailBoxUnencrypted(place.host, place.port, timeout=ASK_DEADLINE_S)
        try:
            yield mailbox.login(place.user, place.password, initial_folder=place.folder)
        finally:
            with suppress(IMAP4.error, OSError):
                mailbox.client.shutdown()

    def _unread(self, error: Exception) -> DeliveriesUnread:
        found = next((why for kind, why in _WHY if isinstance(error, kind)), type(error).__name__)
        return DeliveriesUnread(f"The folder of sent emails at {self._place.host}", found)
