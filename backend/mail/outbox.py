"""Email into a folder instead of to a person: one readable `.eml` file a message, for trying things out and for tests."""

import asyncio
import hashlib
import os
import tempfile
from contextlib import suppress
from datetime import UTC, timedelta
from pathlib import Path
from typing import Final

from backend.domain.instants import from_text
from backend.errors import MailPostponed, MailRefused
from backend.mail.message import render
from backend.ports import OutgoingEmail

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
    replay_window = _REPLAY_WINDOW

    def __init__(self, directory: str | Path) -> None:
        self._directory = Path(directory)

    async def send(self, email: OutgoingEmail) -> str:
        """Write `email` once per idempotency key, and return the name of its file.

        Raises:
            MailRefused: the email is malformed, or its key was used for other bytes.
            MailPostponed: the folder could not be written to; sending it again under its key writes what is missing.
        """
        return await asyncio.to_thread(self._deliver, email)

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
