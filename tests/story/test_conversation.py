"""The emails of a thread as one conversation: what is drafted, previewed and sent names what was really sent before."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from backend.domain.conversation import go_on
from backend.mail.message import render
from backend.ports import OutgoingEmail
from tests.fakes.mailer import RecordingMailer
from tests.mail.emails import html_in, text_of
from tests.northwind import EMAIL, MINE, SCRIPT
from tests.story.fleet import Fleet, open_fleet

FIRST = EMAIL["subject"]


def read(email: OutgoingEmail) -> EmailMessage:
    """The email as a mail program reads it."""
    message = message_from_bytes(render(email), policy=default)
    assert isinstance(message, EmailMessage)
    return message


def named_in(email: OutgoingEmail) -> tuple[str | None, list[str]]:
    """The ids in its In-Reply-To and its References."""
    message = read(email)
    return message["In-Reply-To"], str(message["References"] or "").split()


async def played(fleet: Fleet, *decisions: str) -> list[OutgoingEmail]:
    """Enrol Ada, decide one touch after the other, and return what was delivered."""
    await fleet.enrol()
    for decision in decisions:
        wishes = {"edited": {**MINE, "subject": "A title of mine"}} if decision == "edit" else {}
        await fleet.touch(decision, **wishes)  # type: ignore[arg-type]  # a decision's name
    return fleet.mailer.delivered


@pytest.mark.req("POST-R4", "POST-R6")
async def test_six_emails_are_one_conversation() -> None:
    """Each names the last one, and all of them in order; the subject has one `Re:` however long it goes on."""
    async with open_fleet(SCRIPT) as fleet:
        emails = await played(fleet, *["approve"] * 6)
    ids = [email.message_id for email in emails]
    assert len(ids) == len(set(ids)) == 6
    assert [email.subject for email in emails] == [FIRST, *[f"Re: {FIRST}"] * 5]
    assert [named_in(email) for email in emails] == [(ids[step - 1] if step else None, ids[:step]) for step in range(6)]
    lines = render(emails[-1]).split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert [line for line in lines if line.startswith(b" <")] == [f" {message_id}".encode() for message_id in ids[1:5]]


@pytest.mark.req("POST-R4", "POST-R7")
async def test_what_was_rejected_is_no_part_of_it() -> None:
    """The first email that leaves begins the conversation, whichever touch it is."""
    async with open_fleet(SCRIPT) as fleet:
        first, second = await played(fleet, "reject", "approve", "reject", "approve")
    assert (first.subject, named_in(first)) == (FIRST, (None, []))
    assert (second.subject, named_in(second)) == (f"Re: {FIRST}", (first.message_id, [first.message_id]))


@pytest.mark.req("POST-R5")
async def test_a_subject_of_a_persons_own_leaves_as_it_is() -> None:
    """An edited follow-up keeps its place in the conversation; the next one goes on under the first subject."""
    async with open_fleet(SCRIPT) as fleet:
        first, second, third = await played(fleet, "approve", "edit", "approve")
    assert (second.subject, named_in(second)[0]) == ("A title of mine", first.message_id)
    assert (third.subject, named_in(third)) == (f"Re: {FIRST}", (second.message_id, [first.message_id, second.message_id]))


@pytest.mark.req("POST-R4")
async def test_the_conversation_has_the_subject_that_was_sent() -> None:
    """The one a person gave the first email, and not the one it was drafted with; so has a version written anew."""
    async with open_fleet(SCRIPT) as fleet:
        await played(fleet, "edit")
        await fleet.touch("regenerate", feedback="Shorter.")
        subjects = [draft["subject"] for draft in await fleet.rows.drafts()]
    assert subjects == [FIRST, "Re: A title of mine", "Re: A title of mine"]


@pytest.mark.parametrize("subject", ["A close", "Re: A close", "RE: re:  Re:A close"])
def test_there_is_one_re(subject: str) -> None:
    """However many there were."""
    assert go_on(subject) == "Re: A close"


@pytest.mark.req("POST-R7")
async def test_an_email_of_unknown_outcome_is_named_once_a_person_says_it_was_delivered() -> None:
    """Until then its thread makes no further touch."""
    async with open_fleet(SCRIPT) as fleet:
        mailer = RecordingMailer(replay_window=RecordingMailer.replay_window * 0)
        mailer.lose_answer()
        fleet.mailer, fleet.campaigns = mailer, fleet.on(fleet.database, mailer=mailer)
        await played(fleet, "approve")
        assert await fleet.rows.send_states() == ["unknown"]
        (send,) = (await fleet.service.sends.unknown()).sends
        await fleet.service.sends.resolve(send.send_id, delivered=True, principal="op")
        await fleet.resume()
        await fleet.touch("approve")
        assert named_in(mailer.delivered[-1]) == (send.message_id, [send.message_id])


@pytest.mark.req("POST-R10", "POST-R11")
async def test_a_preview_is_what_leaves() -> None:
    """Byte for byte but for the Date, for a first email and a follow-up; after the claim it is the message that left."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.enrol()
        await fleet.rows.set_campaigns(reply_to="answers@vendor.example", postal_address="Vendor Ltd, Mill Lane 1, Leeds")
        for touch in range(3):
            await fleet.fast_forward()
            draft_id, (*_, draft) = await fleet.pending(), await fleet.rows.drafts()
            before = await fleet.service.previews.email(draft_id)
            assert before.sent_at == draft["created_at"]
            assert len(fleet.mailer.attempts) == touch
            await fleet.decide("approve")
            left = fleet.mailer.delivered[-1]
            undated = [line for line in render(before).split(b"\r\n") if not line.startswith(b"Date: ")]
            assert undated == [line for line in render(left).split(b"\r\n") if not line.startswith(b"Date: ")]
            await fleet.rows.set_campaigns(reply_to=f"other{touch}@vendor.example")
            assert render(await fleet.service.previews.email(draft_id)) == render(left)


@pytest.mark.req("POST-R11")
async def test_what_was_not_delivered_is_shown_as_it_will_leave() -> None:
    """A person says that the claimed email did not leave: the next claim freezes it anew, and the preview is of that one."""
    async with open_fleet(SCRIPT) as fleet:
        fleet.mailer.lose_answer()
        (frozen,) = await played(fleet, "approve")
        await fleet.rows.set_sends(state="unknown")
        (send,) = (await fleet.service.sends.unknown()).sends
        assert await fleet.service.previews.email("close:ada:0:1") == frozen
        await fleet.service.sends.resolve(send.send_id, delivered=False, principal="op")
        await fleet.rows.set_campaigns(postal_address="Mill Lane 1")
        assert (await fleet.service.previews.email("close:ada:0:1")).footer == "Mill Lane 1"


@pytest.mark.req("POST-R8", "POST-R9")
async def test_the_campaign_says_where_answers_go_and_who_it_is() -> None:
    """Its address stands on a line of its own below the text in both forms; what was approved stands above it, untouched."""
    async with open_fleet(SCRIPT) as fleet:
        await fleet.rows.set_campaigns(reply_to="answers@förge.example", postal_address="Vendor & Sons, Mill Lane 1")
        (email,) = await played(fleet, "approve")
        (draft,) = await fleet.rows.drafts()
        card = await fleet.service.views.draft(draft["draft_id"])
    message = read(email)
    assert message["Reply-To"] == "answers@xn--frge-5qa.example"
    assert text_of(message) == f"{draft['body']}\n\nVendor & Sons, Mill Lane 1\n"
    assert html_in(message).endswith("<p>Vendor &amp; Sons, Mill Lane 1</p>\n")
    assert (card.reply_to, card.footer) == ("answers@förge.example", "Vendor & Sons, Mill Lane 1")


@pytest.mark.req("POST-R8")
async def test_without_a_word_on_it_answers_go_to_the_sender() -> None:
    """No Reply-To, and the card names the sender's address."""
    async with open_fleet(SCRIPT) as fleet:
        (email,) = await played(fleet, "approve")
        card = await fleet.service.views.draft("close:ada:0:1")
    assert (read(email)["Reply-To"], card.reply_to, card.footer) == (None, "ben@vendor.example", "")
