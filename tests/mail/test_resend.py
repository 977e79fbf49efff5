"""Resend: what each of its answers means, and what the end of the connection means."""

import json
from datetime import timedelta
from typing import Any

import pytest

from backend.errors import MailError, MailOutcomeUnknown, MailPostponed, MailRefused
from backend.mail import ResendMailer
from tests.fakes.resend_stand_in import Answer, ResendStandIn
from tests.mail.emails import an_email

KEY = "re_secret"


def mailer_at(port: int) -> ResendMailer:
    """The adapter for a stand-in on loopback."""
    return ResendMailer(KEY, url=f"http://127.0.0.1:{port}")


def error(name: str, status: int) -> tuple[int, dict[str, Any]]:
    """An answer of Resend's that is an error."""
    return status, {"statusCode": status, "name": name, "message": "ada@mill.example is not allowed"}


ANSWERS: list[tuple[Answer | str, type[MailError]]] = [
    (error("validation_error", 422), MailRefused),
    (error("invalid_from_address", 422), MailRefused),
    (error("missing_required_field", 422), MailRefused),
    (error("invalid_idempotency_key", 400), MailRefused),
    (error("missing_api_key", 401), MailPostponed),
    (error("restricted_api_key", 401), MailPostponed),
    (error("invalid_api_key", 403), MailPostponed),
    (error("validation_error", 403), MailPostponed),
    (error("not_found", 404), MailPostponed),
    (error("method_not_allowed", 405), MailPostponed),
    (error("security_error", 451), MailPostponed),
    (error("concurrent_idempotent_requests", 409), MailPostponed),
    (error("rate_limit_exceeded", 429), MailPostponed),
    (error("daily_quota_exceeded", 429), MailPostponed),
    (error("invalid_idempotent_request", 409), MailOutcomeUnknown),
    (error("application_error", 500), MailOutcomeUnknown),
    (error("internal_server_error", 503), MailOutcomeUnknown),
    ((200, b"<html>a proxy's page</html>"), MailOutcomeUnknown),
    ((200, {"id": 17}), MailOutcomeUnknown),
    ((200, b"\xff\xfe"), MailOutcomeUnknown),
    ((302, {}), MailOutcomeUnknown),
    ((404, b"<html>"), MailOutcomeUnknown),
    ("cut", MailOutcomeUnknown),
    ("cut after", MailOutcomeUnknown),
]
"""What Resend says, or where the connection ends, and what it means."""


@pytest.mark.req("SEND-R5")
@pytest.mark.parametrize(("says", "means"), ANSWERS, ids=str)
async def test_an_answer_means_no_not_now_or_nobody_knows(says: Answer | str, means: type[MailError]) -> None:
    """Neither the key nor Resend's own words, which may name anybody, are in the sentence."""
    async with ResendStandIn(says=[says]).listening() as server, mailer_at(server.port) as mailer:
        with pytest.raises(means) as raised:
            await mailer.send(an_email())
    assert type(raised.value) is means
    assert KEY not in str(raised.value)
    assert "mill.example" not in str(raised.value)


@pytest.mark.req("SEND-R6")
async def test_an_email_whose_answer_was_lost_is_delivered_once() -> None:
    """Accepted, and the answer lost: the same bytes under the same key get the first answer."""
    async with ResendStandIn(says=["cut after"]).listening() as server:
        async with mailer_at(server.port) as mailer:
            with pytest.raises(MailOutcomeUnknown):
                await mailer.send(an_email())
            assert await mailer.send(an_email()) == "id-of-touch-1"
        assert len(server.accepted) == 1
        assert mailer.replay_window == timedelta(hours=24)


@pytest.mark.req("SEND-R7")
@pytest.mark.parametrize(
    ("header", "wait"),
    [("90", timedelta(seconds=90)), ("99999999", timedelta(days=1)), ("soon", timedelta(hours=1)), (None, timedelta(hours=1))],
)
async def test_it_is_left_alone_for_as_long_as_it_asks(header: str | None, wait: timedelta) -> None:
    """A day at most, and an hour where it does not say."""
    headers = {"Retry-After": header} if header else {}
    stand_in = ResendStandIn(says=[error("rate_limit_exceeded", 429)], headers=headers)
    async with stand_in.listening() as server, mailer_at(server.port) as mailer:
        with pytest.raises(MailPostponed) as raised:
            await mailer.send(an_email())
    assert raised.value.retry_after == wait


async def test_what_was_approved_is_what_resend_is_given() -> None:
    """Text, names in quotes, the fixed Message-ID; the key as a bearer and the ledger's key beside it."""
    email = an_email(
        sender_name='Grace "G" Müller',
        reply_to="answers@förge.example",
        footer="Forge Ltd, Mill Lane 1",
        body="Hello Ada,\n\nwould fifteen minutes next week be worth your time?\n\nGrace",
        headers={"References": "<a@b.example> <c@b.example>", "In-Reply-To": "<c@b.example>"},
    )
    async with ResendStandIn().listening() as server, mailer_at(server.port) as mailer:
        await mailer.send(email)
    (body,) = server.accepted.values()
    assert json.loads(body) == {
        "from": '"Grace \\"G\\" Müller" <grace@forge.example>',
        "to": ['"Ada Lovell" <ada@mill.example>'],
        "subject": email.subject,
        "text": f"{email.body}\n\nForge Ltd, Mill Lane 1",
        "html": "<p>Hello Ada,</p>\n<p>would fifteen minutes next week be worth your time?</p>\n<p>Grace</p>\n"
        "<p>Forge Ltd, Mill Lane 1</p>\n",
        "reply_to": "answers@xn--frge-5qa.example",
        "headers": {
            "Message-ID": email.message_id,
            "In-Reply-To": "<c@b.example>",
            "References": "<a@b.example> <c@b.example>",
        },
    }
    assert f"authorization: bearer {KEY}" in server.heads[0].decode().lower()


async def test_where_nobody_listens_nothing_was_delivered() -> None:
    """The connection is refused, so no request was made."""
    async with ResendStandIn().listening() as server:
        port = server.port
    async with mailer_at(port) as mailer:
        with pytest.raises(MailPostponed, match="connection failed"):
            await mailer.send(an_email())
