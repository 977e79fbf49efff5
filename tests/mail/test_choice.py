"""`MAIL_URL`: which provider it names, and that a wrong one is refused without its text."""

from pathlib import Path

import pytest

from backend.errors import SettingRefused
from backend.mail import Provider, Resend, SmtpServer, open_mailer, read_mail_url, tell_provider


@pytest.mark.req("SEND-R8")
@pytest.mark.parametrize(
    ("url", "provider", "told"),
    [
        ("", Path("out"), "files in out"),
        ("outbox:///var/mail%20out", Path("/var/mail out"), "files in /var/mail out"),
        (
            "smtp://ana%40vendor.example:p%40ss@mail.example",
            SmtpServer("mail.example", 587, "ana@vendor.example", "p@ss", implicit_tls=False, needs_tls=True),
            "mail.example:587 by SMTP, STARTTLS",
        ),
        (
            "smtps://mail.example:2465",
            SmtpServer("mail.example", 2465, "", "", implicit_tls=True, needs_tls=True),
            "mail.example:2465 by SMTP, TLS",
        ),
        (
            "smtp://localhost:1025",
            SmtpServer("localhost", 1025, "", "", implicit_tls=False, needs_tls=False),
            "localhost:1025 by SMTP, STARTTLS if it is offered",
        ),
        ("resend://", Resend("https://api.resend.com"), "Resend"),
        ("resend://127.0.0.1:9", Resend("http://127.0.0.1:9"), "a stand-in of Resend at http://127.0.0.1:9"),
    ],
)
def test_a_url_names_a_provider(url: str, provider: Provider, told: str) -> None:
    """Logins are decoded, and a person is told neither user nor password."""
    assert read_mail_url(url, outbox_dir="out") == provider
    assert tell_provider(provider) == told


@pytest.mark.req("SEND-R8", "SEND-R9")
@pytest.mark.parametrize(
    "url",
    [
        "secret",
        "smtp://",
        "smtp://:secret@mail.example",
        "smtp://secret@mail.example",
        "smtp://ana:secret@mail.example/secret",
        "smtp://ana:secret@mail.example:99999",
        "smtp://ana:secret@[mail",
        "outbox://secret",
        "resend://secret.example",
        "resend://secret@127.0.0.1:9",
        "https://ana:secret@mail.example",
    ],
)
def test_a_url_that_names_none_is_refused(url: str) -> None:
    """With the name of the variable, and nothing of its text."""
    with pytest.raises(SettingRefused, match="MAIL_URL") as refused:
        read_mail_url(url, outbox_dir="out")
    assert "secret" not in str(refused.value)


async def test_resend_needs_a_key() -> None:
    """Nothing is opened without one."""
    with pytest.raises(SettingRefused, match="RESEND_API_KEY"):
        async with open_mailer(Resend("https://api.resend.com"), resend_api_key=""):
            pass
