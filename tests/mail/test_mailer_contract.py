"""What every Mailer promises, the folder of files and the fake alike: once a key, and a definite no means nothing left."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from backend.errors import MailRefused
from backend.mail import OutboxMailer
from backend.ports import Mailer, OutgoingEmail
from tests.fakes.mailer import RecordingMailer
from tests.mail.emails import an_email


@dataclass(frozen=True)
class Bench:
    """A mailer under test, and how many emails it has delivered."""

    mailer: Mailer
    delivered: Callable[[], int]


def outbox_bench(folder: Path) -> Bench:
    """Files in a folder."""
    return Bench(OutboxMailer(folder / "outbox"), lambda: len(list((folder / "outbox").glob("*.eml"))))


def recording_bench(_folder: Path) -> Bench:
    """The fake."""
    mailer = RecordingMailer()
    return Bench(mailer, lambda: len(mailer.delivered))


@pytest.fixture(params=[outbox_bench, recording_bench])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    """Each implementation of the port in turn."""
    opened: Bench = request.param(tmp_path)
    return opened


async def test_an_email_is_delivered_and_has_an_id(bench: Bench) -> None:
    """The id is text the provider knows it by; two emails have two."""
    first = await bench.mailer.send(an_email())
    second = await bench.mailer.send(an_email(idempotency_key="touch-2", message_id="<touch-2@forge.example>"))
    assert first
    assert first != second
    assert bench.delivered() == 2


async def test_the_same_key_is_delivered_once(bench: Bench) -> None:
    """A repeat answers as the first time, and delivers nothing."""
    ids = [await bench.mailer.send(an_email()) for _ in range(3)]
    assert len(set(ids)) == 1
    assert bench.delivered() == 1


async def test_the_same_key_at_once_is_delivered_once(bench: Bench) -> None:
    """Workers that race get one answer."""
    ids = await asyncio.gather(*(bench.mailer.send(an_email()) for _ in range(20)))
    assert len(set(ids)) == 1
    assert bench.delivered() == 1


@pytest.mark.parametrize(
    "other",
    [an_email(body="Another text."), an_email(sent_at="2026-11-24T09:00:00.000Z"), an_email(headers={"X-Touch": "2"})],
    ids=["body", "date", "header"],
)
async def test_a_key_belongs_to_one_email(bench: Bench, other: OutgoingEmail) -> None:
    """The same key with other bytes is refused, and the first email stands."""
    await bench.mailer.send(an_email())
    with pytest.raises(MailRefused, match="key was used before"):
        await bench.mailer.send(other)
    assert bench.delivered() == 1


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


async def test_equal_emails_are_one_email(bench: Bench) -> None:
    """A copy from another process, its headers in another order, is the same email."""
    headers = {"X-Touch": "1", "List-Unsubscribe": "<https://forge.example/u/1>"}
    first = await bench.mailer.send(an_email(headers=headers))
    again = await bench.mailer.send(replace(an_email(), headers=dict(reversed(headers.items()))))
    assert first == again
    assert bench.delivered() == 1


def test_a_mailer_says_who_it_is(bench: Bench) -> None:
    """The ledger records the name, and asks how long a key is good for."""
    assert bench.mailer.name
    assert bench.mailer.replay_window >= timedelta()
