"""`MAIL_URL` names the provider: a folder of files, an SMTP server, or Resend. `MAIL_SENT_URL` is where SMTP's are kept."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from backend.egress import is_loopback, trusted_tls
from backend.errors import SettingRefused
from backend.mail.outbox import OutboxMailer
from backend.mail.resend import RESEND_URL, ResendMailer
from backend.mail.sent_folder import ImapFolder, SentFolder
from backend.mail.smtp import SmtpMailer, SmtpServer
from backend.ports import Deliveries, Mailer

SUBMISSION_PORT, SUBMISSIONS_PORT = 587, 465
IMAP_PORT, IMAPS_PORT = 143, 993
_VARIABLE = "MAIL_URL"
_SENT_VARIABLE = "MAIL_SENT_URL"
_FORMS = "outbox:///DIR, smtp://USER:PASSWORD@HOST:PORT, smtps://… or resend://"


@dataclass(frozen=True, slots=True)
class Resend:
    """Resend's API, at `url`."""

    url: str


Provider = Path | SmtpServer | Resend


def read_mail_url(url: str, *, outbox_dir: str) -> Provider:
    """Read which provider `url` names; a blank one is the folder `outbox_dir`.

    Raises:
        SettingRefused: it names none. The text of the URL, which may hold a password, is not repeated.
    """
    if not url.strip():
        return Path(outbox_dir)
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise SettingRefused(_VARIABLE, "is not a URL") from None  # a name
    match parts.scheme:
        case "outbox" if not parts.netloc and len(parts.path) > 1:
            return Path(unquote(parts.path))
        case "smtp" | "smtps" if parts.hostname and parts.path in {"", "/"}:
            return _smtp(parts, parts.hostname, port)
        case "resend" if not parts.netloc:
            return Resend(RESEND_URL)
        case "resend" if is_loopback(parts.hostname or "") and parts.username is None:
            return Resend(f"http://{parts.netloc}")
        case _:
            raise SettingRefused(_VARIABLE, f"is none of {_FORMS}")  # a name


def read_sent_url(url: str) -> ImapFolder | None:
    """Read which IMAP folder holds what was sent; a blank URL names none.

    Raises:
        SettingRefused: it is not the URL of a folder, or would send a password in the clear. Its text is not repeated.
    """
    if not url.strip():
        return None
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise SettingRefused(_SENT_VARIABLE, "is not a URL") from None  # a name
    folder = unquote(parts.path.strip("/"))
    if parts.scheme not in {"imap", "imaps"} or not (parts.hostname and parts.username and parts.password and folder):
        raise SettingRefused(_SENT_VARIABLE, "is not imaps://USER:PASSWORD@HOST/FOLDER")
    if parts.scheme == "imap" and not is_loopback(parts.hostname):
        raise SettingRefused(_SENT_VARIABLE, "begins with imap://, which is for this machine alone; use imaps://")
    return ImapFolder(
        host=parts.hostname,
        port=port or (IMAPS_PORT if parts.scheme == "imaps" else IMAP_PORT),
        user=unquote(parts.username),
        password=unquote(parts.password),
        folder=folder,
        is_encrypted=parts.scheme == "imaps",
    )


@asynccontextmanager
async def open_deliveries(
    provider: Provider, *, resend_api_key: str, sent: ImapFolder | None
) -> AsyncGenerator[Deliveries | None]:
    """Open what the provider tells of its deliveries; None for an SMTP server without a folder of sent emails.

    Raises:
        SettingRefused: as `open_mailer` does.
    """
    if isinstance(provider, SmtpServer):
        yield SentFolder(sent, trusted_tls(), name=SmtpMailer(provider, trusted_tls()).name) if sent else None
        return
    async with open_mailer(provider, resend_api_key=resend_api_key) as mailer:
        yield mailer if isinstance(mailer, OutboxMailer | ResendMailer) else None


def tell_provider(provider: Provider) -> str:
    """Name a provider for people, without a user name or a password."""
    match provider:
        case Path():
            return f"files in {provider}"
        case SmtpServer():
            tls = "TLS" if provider.implicit_tls else "STARTTLS" if provider.needs_tls else "STARTTLS if it is offered"
            return f"{provider.host}:{provider.port} by SMTP, {tls}"
        case Resend():
            return "Resend" if provider.url == RESEND_URL else f"a stand-in of Resend at {provider.url}"


@asynccontextmanager
async def open_mailer(provider: Provider, *, resend_api_key: str) -> AsyncGenerator[Mailer]:
    """Make the mailer of a provider, and close its connections on leaving.

    Raises:
        SettingRefused: Resend without a key, or `SSL_CERT_FILE` names no certificates.
    """
    match provider:
        case Path():
            yield OutboxMailer(provider)
        case SmtpServer():
            yield SmtpMailer(provider, trusted_tls())
        case Resend():
            if not resend_api_key:
                variable, why = "RESEND_API_KEY", "is not set, and MAIL_URL names Resend"
                raise SettingRefused(variable, why)
            async with ResendMailer(resend_api_key, url=provider.url) as mailer:
                yield mailer


def _smtp(parts: SplitResult, host: str, port: int | None) -> SmtpServer:
    implicit_tls = parts.scheme == "smtps"
    if bool(parts.username) != bool(parts.password):
        why = "has a user name without a password, or the other way round"
        raise SettingRefused(_VARIABLE, why)
    return SmtpServer(
        host=host,
        port=port or (SUBMISSIONS_PORT if implicit_tls else SUBMISSION_PORT),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        implicit_tls=implicit_tls,
        needs_tls=not is_loopback(host),
    )
