"""What every Mailer promises, three adapters and the fake alike: a definite no means nothing left, a key delivers once."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from backend.errors import MailError, MailRefused
from backend.mail import OutboxMailer, open_mailer, read_mail_url
from backend.ports import Mailer, OutgoingEmail
from tests.fakes.mailer import RecordingMailer
from tests.fakes.resend_stand_in import ResendStandIn
from tests.fakes.smtp_server import SmtpStandIn
from tests.mail.emails import an_email, smtp_at


@dataclass(frozen=True)
class Bench:
    """A mailer under test, and how many emails it has delivered."""

    mailer: Mailer
    delivered: Callable[[], int]


@asynccontextmanager
async def outbox_bench(folder: Path) -> AsyncGenerator[Bench]:
    """Files in a folder."""
    yield Bench(OutboxMailer(folder / "outbox"), lambda: len(list((folder / "outbox").glob("*.eml"))))


@asynccontextmanager
async def smtp_bench(_folder: Path) -> AsyncGenerator[Bench]:
    """A server that speaks SMTP."""
    async with SmtpStandIn().listening() as server, open_mailer(smtp_at(server.port), resend_api_key="") as mailer:
        yield Bench(mailer, lambda: len(server.accepted))


@asynccontextmanager
async def resend_bench(_folder: Path) -> AsyncGenerator[Bench]:
    """A stand-in of Resend."""
    async with ResendStandIn().listening() as server:
        provider = read_mail_url(f"resend://127.0.0.1:{server.port}", outbox_dir="")
        async with open_mailer(provider, resend_api_key="re_key") as mailer:
            yield Bench(mailer, lambda: len(server.accepted))


@asynccontextmanager
async def recording_bench(_folder: Path) -> AsyncGenerator[Bench]:
    """The fake."""
    mailer = RecordingMailer()
    yield Bench(mailer, lambda: len(mailer.delivered))


@pytest.fixture(params=[outbox_bench, smtp_bench, resend_bench, recording_bench])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Bench]:
    """Each implementation of the port in turn."""
    async with request.param(tmp_path) as opened:
        yield opened


@pytest.fixture(params=[outbox_bench, resend_bench, recording_bench])
async def keyed(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Bench]:
    """Each implementation that recognises a key; SMTP has no keys, and says so with a window of zero."""
    async with request.param(tmp_path) as opened:
        assert opened.mailer.replay_window > timedelta(0)
        yield opened


async def test_an_email_is_delivered_and_has_an_id(bench: Bench) -> None:
    """The id is text the provider knows it by; two emails have two."""
    first = await bench.mailer.send(an_email())
    second = await bench.mailer.send(an_email(idempotency_key="touch-2", message_id="<touch-2@forge.example>"))
    assert first
    assert first != second
    assert bench.delivered() == 2


async def test_the_same_key_is_delivered_once(keyed: Bench) -> None:
    """A repeat answers as the first time, and delivers nothing."""
    ids = [await keyed.mailer.send(an_email()) for _ in range(3)]
    assert len(set(ids)) == 1
    assert keyed.delivered() == 1


async def test_the_same_key_at_once_is_delivered_once(keyed: Bench) -> None:
    """Workers that race get one answer."""
    ids = await asyncio.gather(*(keyed.mailer.send(an_email()) for _ in range(20)))
    assert len(set(ids)) == 1
    assert keyed.delivered() == 1


@pytest.mark.parametrize(
    "other",
    [an_email(body="Another text."), an_email(headers={"X-Touch": "2"})],
    ids=["body", "header"],
)
async def test_a_key_belongs_to_one_email(keyed: Bench, other: OutgoingEmail) -> None:
    """Other bytes under the same key are not delivered, and the first email stands."""
    await keyed.mailer.send(an_email())
    with pytest.raises(MailError, match="key was used before"):
        await keyed.mailer.send(other)
    assert keyed.delivered() == 1


@pytest.mark.parametrize(
    "bad",
    [
        {"recipient_address": "ada@forge.example, eve@evil.example"},
        {"recipient_address": "ada@forge.example\nBcc: eve@evil.example"},
        {"recipient_address": ""},
        {"subject": "Hello\r\nBcc: eve@evil.example"},
        {"body": "nothing\x00else"},
        {"headers": {"Bcc": "eve@evil.example"}},
    ],
    ids=["two recipients", "a header in the address", "no recipient", "a header in the subject", "NUL", "Bcc"],
)
async def test_a_malformed_email_is_refused(bench: Bench, bad: dict[str, Any]) -> None:
    """Nothing is delivered, and its key stays free for the corrected email."""
    with pytest.raises(MailRefused, match="It was not delivered"):
        await bench.mailer.send(an_email(**bad))
    assert bench.delivered() == 0
    await bench.mailer.send(an_email())
    assert bench.delivered() == 1


async def test_equal_emails_are_one_email(keyed: Bench) -> None:
    """A copy from another process, its headers in another order, is the same email."""
    headers = {"X-Touch": "1", "List-Unsubscribe": "<https://forge.example/u/1>"}
    first = await keyed.mailer.send(an_email(headers=headers))
    again = await keyed.mailer.send(replace(an_email(), headers=dict(reversed(headers.items()))))
    assert first == again
    assert keyed.delivered() == 1


def test_a_mailer_says_who_it_is(bench: Bench) -> None:
    """The ledger records the name, and asks how long a key is good for."""
    assert bench.mailer.name
    assert bench.mailer.replay_window >= timedelta()
