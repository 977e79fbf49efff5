"""The whole way from an approval to a mailbox over real connections, and what a touch comes to when a provider is not there."""

from datetime import timedelta
from email import message_from_bytes
from email.policy import default

import pytest

from backend.domain.campaign import DecisionRequest
from backend.egress import trusted_tls
from backend.errors import MailPostponed
from backend.mail import ResendMailer, SmtpMailer, SmtpServer, open_mailer
from backend.ports import Mailer, OutgoingEmail
from tests.fakes.mailer import RecordingMailer
from tests.fakes.resend_stand_in import ResendStandIn
from tests.fakes.smtp_server import CUT, SmtpStandIn
from tests.mail.emails import smtp_at, text_of
from tests.northwind import SCRIPT
from tests.story.fleet import Fleet, open_fleet


async def approved_by(fleet: Fleet, mailer: Mailer) -> bool:
    """Enrol, let a draft wait, approve it with this provider; say whether it was sent."""
    await fleet.enrol()
    await fleet.resume()
    report = await fleet.on(fleet.database, mailer=mailer).decide(await fleet.pending(), DecisionRequest("approve", "ana"))
    return report.sent


async def test_an_approved_email_reaches_a_mailbox_over_smtp() -> None:
    """What the mailbox holds parses back to the approved draft, and the ledger names the server and its answer."""
    async with open_fleet(SCRIPT) as fleet, SmtpStandIn().listening() as server:
        async with open_mailer(smtp_at(server.port), resend_api_key="") as mailer:
            assert await approved_by(fleet, mailer)
        (draft,), (send,) = await fleet.rows.drafts(), await fleet.rows.sends()
        arrived = message_from_bytes(server.accepted[0], policy=default)
        assert arrived["Subject"] == draft["subject"]
        assert arrived["To"] == "Ada Ngata <ada@northwind.example>"
        assert arrived["Message-ID"] == send["message_id"]
        assert text_of(arrived).strip() == draft["body"].strip()
        assert (send["provider"], send["provider_id"]) == (f"smtp://127.0.0.1:{server.port}", "2.0.0 queued as 1")


@pytest.mark.req("SEND-R1", "SEND-R2")
@pytest.mark.parametrize("step", ["connect", "EHLO", "MAIL", "RCPT", "DATA", "."])
async def test_a_connection_cut_at_any_step_delivers_at_most_once(step: str) -> None:
    """Before the dot the touch waits, and the next sweep sends it; after it it is unknown, however often it is swept."""
    async with open_fleet(SCRIPT) as fleet, SmtpStandIn(says={step: CUT}).listening() as server:
        plain = SmtpServer("127.0.0.1", server.port, "", "", implicit_tls=False, needs_tls=False)
        mailer = SmtpMailer(plain, trusted_tls(), deadline_s=1.0)
        assert not await approved_by(fleet, mailer)
        server.says.clear()
        for _ in range(3):
            fleet.clock.advance(timedelta(minutes=2))
            await fleet.on(fleet.database, mailer=mailer).resume()
        assert len(server.accepted) == 1
        assert await fleet.rows.send_states() == ["unknown" if step == "." else "sent"]


@pytest.mark.req("SEND-R6")
async def test_an_answer_of_resend_that_was_lost_is_asked_for_again() -> None:
    """The next run posts the same bytes under the same key: one delivery, and the touch is sent."""
    async with open_fleet(SCRIPT) as fleet, ResendStandIn(says=["cut after"]).listening() as server:
        async with ResendMailer("re_key", url=f"http://127.0.0.1:{server.port}") as mailer:
            assert not await approved_by(fleet, mailer)
            fleet.clock.advance(timedelta(minutes=2))
            (run,) = (await fleet.on(fleet.database, mailer=mailer).resume()).runs
        assert (run.sent, len(server.accepted), await fleet.rows.send_states()) == (True, 1, ["sent"])


class BusyMailer(RecordingMailer):
    """Asks to be left alone for a while."""

    async def send(self, email: OutgoingEmail) -> str:
        """See `ports.Mailer.send`."""
        del email
        raise MailPostponed(self.name, "too many requests", retry_after=timedelta(hours=3))


@pytest.mark.req("SEND-R7")
async def test_a_touch_waits_as_long_as_the_provider_asks() -> None:
    """Its approval and its attempts are kept, and the thread says until when."""
    async with open_fleet(SCRIPT) as fleet:
        assert not await approved_by(fleet, BusyMailer())
        thread = await fleet.thread()
        assert (thread["status"], thread["attempts"]) == ("decided", 0)
        assert thread["next_touch_at"] == "2026-11-23T12:00:00.000Z"
        fleet.clock.advance(timedelta(hours=3))
        (run,) = (await fleet.resume()).runs
        assert run.sent
