"""`MAIL_URL` names the provider: a folder of files, an SMTP server, or Resend."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from backend.egress import is_loopback, trusted_tls
from backend.errors import SettingRefused
from backend.mail.outbox import OutboxMailer
from backend.mail.resend import RESEND_URL, ResendMailer
from backend.mail.smtp import SmtpMailer, SmtpServer
from backend.ports import Mailer

SUBMISSION_PORT, SUBMISSIONS_PORT = 587, 465
_VARIABLE = "MAIL_URL"
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
