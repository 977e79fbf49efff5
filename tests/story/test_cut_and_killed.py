"""A connection to a provider is cut at a step, and the process dies before it writes what came of it; another one goes on."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from backend.campaigns import LEASE
from backend.domain.campaign import DecisionRequest
from backend.egress import trusted_tls
from backend.mail import ResendMailer, SmtpMailer, SmtpServer
from backend.ports import Mailer
from tests.fakes.killer import Killed, KillingMailer
from tests.fakes.resend_stand_in import ResendStandIn
from tests.fakes.smtp_server import CUT, SmtpStandIn
from tests.northwind import SCRIPT
from tests.story.fleet import Fleet, open_fleet

DAY = timedelta(hours=24)
SMTP_STEPS = ("connect", "EHLO", "MAIL", "RCPT", "DATA", "text", ".")
HTTP_STEPS = ("cut", "cut after")


@asynccontextmanager
async def provider_that_cuts(step: str) -> AsyncGenerator[tuple[Mailer, SmtpStandIn | ResendStandIn]]:
    """Open a provider that ends the first connection at a step; which one, the step says."""
    if step in HTTP_STEPS:
        resend = ResendStandIn(says=[step])
        async with resend.listening() as there, ResendMailer("re_key", url=f"http://127.0.0.1:{there.port}") as mailer:
            yield mailer, resend
    else:
        smtp = SmtpStandIn(says={step: CUT})
        async with smtp.listening() as server:
            plain = SmtpServer("127.0.0.1", server.port, "", "", implicit_tls=False, needs_tls=False)
            yield SmtpMailer(plain, trusted_tls(), deadline_s=1.0), smtp
            smtp.says.clear()


async def killed_while_sending(fleet: Fleet, mailer: Mailer, server: SmtpStandIn | ResendStandIn) -> None:
    """Approve a draft in a process that dies at the provider; from then on the provider answers."""
    await fleet.enrol()
    await fleet.resume()
    with pytest.raises(Killed):
        await fleet.on(fleet.database, mailer=KillingMailer(mailer, "after")).decide(
            await fleet.pending(), DecisionRequest("approve", "ana")
        )
    server.says.clear()


@pytest.mark.req("SEND-R2", "SEND-R10", "SEND-R11", "SEND-R12", "RUN-R13")
@pytest.mark.parametrize("delivered", [True, False])
@pytest.mark.parametrize("step", SMTP_STEPS)
async def test_over_smtp_nothing_is_repeated_and_a_person_says_what_became_of_it(step: str, *, delivered: bool) -> None:
    """Whatever was cut, sweeps find one unknown send and post nothing; *delivered* goes on, *not delivered* sends once more."""
    async with open_fleet(SCRIPT) as fleet, provider_that_cuts(step) as (mailer, server):
        await killed_while_sending(fleet, mailer, server)
        before = len(server.accepted)
        assert before <= 1
        campaigns = fleet.on(fleet.database, mailer=mailer)
        for _ in range(3):
            fleet.clock.advance(LEASE)
            await campaigns.resume()
        assert (len(server.accepted), await fleet.rows.send_states()) == (before, ["unknown"])
        (one,) = (await fleet.service.sends.unknown()).sends
        await fleet.service.sends.resolve(one.send_id, delivered=delivered, principal="op")
        await campaigns.resume()
        assert await fleet.rows.send_states() == ["sent"]
        assert (await fleet.thread())["step"] == 1
        assert len(server.accepted) == before + (not delivered)


@pytest.mark.req("SEND-R6", "SEND-R10", "SEND-R11", "SEND-R12", "RUN-R13")
@pytest.mark.parametrize("delivered", [True, False])
@pytest.mark.parametrize("step", HTTP_STEPS)
async def test_over_http_the_key_is_repeated_for_a_day_and_then_a_person_is_asked(step: str, *, delivered: bool) -> None:
    """Within a day the next process posts the same key: one delivery. A day later it is unknown, and resolved both ways."""
    async with open_fleet(SCRIPT, contacts=("ada",)) as fleet, provider_that_cuts(step) as (mailer, server):
        await killed_while_sending(fleet, mailer, server)
        before = len(server.accepted)
        fleet.clock.advance(DAY)
        campaigns = fleet.on(fleet.database, mailer=mailer)
        await campaigns.resume()
        assert (len(server.accepted), await fleet.rows.send_states()) == (before, ["unknown"])
        (one,) = (await fleet.service.sends.unknown()).sends
        await fleet.service.sends.resolve(one.send_id, delivered=delivered, principal="op")
        await campaigns.resume()
        assert (await fleet.rows.send_states(), len(server.accepted)) == (["sent"], before + (not delivered))


@pytest.mark.req("SEND-R6")
@pytest.mark.parametrize("step", HTTP_STEPS)
async def test_over_http_a_restart_within_the_day_delivers_once(step: str) -> None:
    """The next process finds the claim when the lease has ended, and posts the same bytes under the same key."""
    async with open_fleet(SCRIPT) as fleet, provider_that_cuts(step) as (mailer, server):
        await killed_while_sending(fleet, mailer, server)
        fleet.clock.advance(LEASE)
        (run,) = (await fleet.on(fleet.database, mailer=mailer).resume()).runs
        assert (run.sent, len(server.accepted), await fleet.rows.send_states()) == (True, 1, ["sent"])
