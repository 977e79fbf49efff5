"""Email into a folder instead of to a person: one readable `.eml` file a message, for trying things out and for tests."""

import asyncio
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.parser import BytesHeaderParser
from email.utils import parseaddr, parsedate_to_datetime
from pathlib import Path
from typing import Final

from backend.domain.instants import from_text, to_text
from backend.errors import DeliveriesUnread, MailPostponed, MailRefused
from backend.mail.message import render
from backend.ports import Delivery, KnownBy, OutgoingEmail

_REPLAY_WINDOW: Final = timedelta(days=36_500)  # a claim is a file; it stays for as long as the folder does
_CLAIMS_FOLDER: Final = ".keys"
_SHORT_KEY_CHARS: Final = 12


class OutboxMailer:
    """Delivers into `directory`: `.keys/` holds one claim an idempotency key, hard-linked to the `.eml` file people read.

    The claim is made by a link that must not exist yet, so of two processes with one key one delivers and both get its
    answer. A process killed after the claim is completed by the next send with the same key. A file that could not be
    written has not been delivered, and what the disk refuses today it may take tomorrow; a repeat writes nothing twice.
    """

    name = "outbox"
    known_by: KnownBy = "message_id"
    replay_window = _REPLAY_WINDOW

    def __init__(self, directory: str | Path) -> None:
        self._directory = Path(directory)
        self._known: dict[str, Delivery] = {}

    async def send(self, email: OutgoingEmail) -> str:
        """Write `email` once per idempotency key, and return the name of its file.

        Raises:
            MailRefused: the email is malformed, or its key was used for other bytes.
            MailPostponed: the folder could not be written to; sending it again under its key writes what is missing.
        """
        return await asyncio.to_thread(self._deliver, email)

    async def since(self, instant: datetime, senders: Collection[str]) -> AsyncIterator[Delivery]:
        """See `ports.Deliveries.since`; every file of the folder was delivered, whoever is named as its sender."""
        del senders
        for delivery in await asyncio.to_thread(self._read):
            if from_text(delivery.at) >= instant:
                yield delivery

    async def has(self, delivery_id: str) -> bool:
        """See `ports.Deliveries.has`; a file that was read before is not read again."""
        return any(delivery.id == delivery_id for delivery in await asyncio.to_thread(self._read))

    def _read(self) -> list[Delivery]:
        try:
            files = sorted(self._directory.glob("*.eml"))
            for file in files:
                if file.name not in self._known:
                    self._known[file.name] = _delivery_in(file)
        except OSError as error:
            raise DeliveriesUnread(self.name, f"its folder cannot be read ({error.strerror})") from error
        return [self._known[file.name] for file in files]

    def _deliver(self, email: OutgoingEmail) -> str:
        rendered = render(email)
        key = hashlib.sha256(email.idempotency_key.encode()).hexdigest()
        claim = self._directory / _CLAIMS_FOLDER / key
        file = self._directory / f"{_readable_instant(email.sent_at)}-{key[:_SHORT_KEY_CHARS]}.eml"
        try:
            if not _claim(claim, rendered):
                raise MailRefused(self.name, "its key was used before, for another email")
            with suppress(FileExistsError):
                os.link(claim, file)
        except OSError as error:
            raise MailPostponed(self.name, f"its folder cannot be written to ({error.strerror})") from error
        return file.name


def _delivery_in(file: Path) -> Delivery:
    """Read the head of a file; one without a date counts as delivered when it was written."""
    with file.open("rb") as stream:
        head = BytesHeaderParser().parse(stream)
    written = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    at = written
    with suppress(ValueError, TypeError):
        at = parsedate_to_datetime(str(head["Date"])).astimezone(UTC)
    return Delivery(str(head["Message-ID"] or file.name), parseaddr(str(head["To"]))[1], to_text(at))


def _claim(claim: Path, rendered: bytes) -> bool:
    """Make `claim` with these bytes unless it exists; say whether it holds them now."""
    claim.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=claim.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(rendered)
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):
            os.link(temporary, claim)
    finally:
        os.unlink(temporary)  # noqa: PTH108  # a str from mkstemp
    return claim.read_bytes() == rendered


def _readable_instant(sent_at: str) -> str:
    """`2026-11-23T09-00-00Z`: sorts by time and is a file name everywhere."""
    return from_text(sent_at).astimezone(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
