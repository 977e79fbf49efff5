"""A real IMAP server on loopback, pymap, with the demonstration's one user, whose folder `Sent` a test fills."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

from imap_tools.mailbox import MailBoxUnencrypted

USER, PASSWORD, FOLDER = "demouser", "demopass", "Sent"


@dataclass(frozen=True)
class ImapServer:
    """Where it listens."""

    port: int

    @property
    def url(self) -> str:
        """`MAIL_SENT_URL` for its folder."""
        return f"imap://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{FOLDER}"

    def keep(self, *messages: bytes) -> None:
        """Let the folder hold these as well."""
        with MailBoxUnencrypted("127.0.0.1", self.port).login(USER, PASSWORD) as mailbox:
            for message in messages:
                mailbox.append(message, FOLDER)


@contextlib.asynccontextmanager
async def imap_server() -> AsyncGenerator[ImapServer]:
    """Run pymap in a process of its own until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    options = ["--host", "127.0.0.1", "--port", str(port), "--no-tls", "--no-service", "admin", "dict", "--demo-data"]
    process = await asyncio.create_subprocess_exec(Path(sys.executable).with_name("pymap"), *options)
    try:
        while process.returncode is None:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            await asyncio.sleep(0.05)
        yield ImapServer(port)
    finally:
        process.kill()
        await process.wait()
