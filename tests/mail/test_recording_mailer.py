"""The fake mailer fails in each of the ways a provider can, when it is told to; and the fake clock stands still."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from backend.errors import MailOutcomeUnknown, MailRefused
from tests.fakes.clock import FixedClock
from tests.fakes.mailer import RecordingMailer
from tests.mail.emails import an_email


async def test_a_refusal_delivers_nothing() -> None:
    """It befalls one send; the next is delivered."""
    mailer = RecordingMailer()
    mailer.refuse("the mailbox is full")
    with pytest.raises(MailRefused, match="the mailbox is full"):
        await mailer.send(an_email())
    assert mailer.delivered == []
    await mailer.send(an_email())
    assert mailer.delivered == [an_email()]
    assert mailer.attempts == {"touch-1": 2}


async def test_a_lost_answer_has_delivered() -> None:
    """Sent again with its key, the email is answered and not delivered twice."""
    mailer = RecordingMailer()
    mailer.lose_answer()
    with pytest.raises(MailOutcomeUnknown):
        await mailer.send(an_email())
    assert mailer.deliveries == {"touch-1": 1}
    assert await mailer.send(an_email()) == "recording:touch-1"
    assert mailer.deliveries == {"touch-1": 1}


async def test_a_slow_provider_answers_when_it_is_let() -> None:
    """Between hold and release an attempt is made and nothing is delivered."""
    mailer = RecordingMailer()
    mailer.hold()
    sending = asyncio.create_task(mailer.send(an_email()))
    await asyncio.sleep(0)
    assert mailer.attempts == {"touch-1": 1}
    assert mailer.delivered == []
    mailer.release()
    assert await sending == "recording:touch-1"
    assert mailer.delivered == [an_email()]


def test_a_fixed_clock_moves_only_when_told() -> None:
    """It is in UTC, whichever zone it was set in, and takes no instant without one."""
    clock = FixedClock()
    assert clock.now() == clock.now() == datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    clock.advance(timedelta(days=7))
    assert clock.now() == datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
    clock.set(datetime(2026, 12, 24, 9, 0, tzinfo=timezone(timedelta(hours=2))))
    assert clock.now().isoformat() == "2026-12-24T07:00:00+00:00"
    with pytest.raises(ValueError, match="naive"):
        clock.set(datetime(2026, 12, 24, 9, 0))  # noqa: DTZ001  # a naive instant is the subject
