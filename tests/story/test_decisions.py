"""What a person may decide, and what each decision does."""

import asyncio

import pytest

from backend.domain.campaign import MAX_DRAFT_VERSIONS, DecisionRequest, Email
from backend.domain.closing import OPT_OUT_LINE
from backend.errors import (
    DraftAlreadyDecided,
    DraftNoLongerWaits,
    DraftNotReady,
    DraftVersionStale,
    TextRefused,
    TooManyVersions,
    UnknownDraft,
)
from tests.northwind import EMAIL, MINE, SCRIPT
from tests.story.fleet import Fleet, open_fleet


async def waiting(fleet: Fleet) -> str:
    """Enrol, let a tick pass, and return the draft that waits."""
    await fleet.enrol()
    await fleet.resume()
    return await fleet.pending()


@pytest.mark.req("AA02-R21")
async def test_what_was_approved_is_byte_for_byte_what_is_sent() -> None:
    """The delivered subject and body equal the approved draft's."""
    async with open_fleet(SCRIPT) as fleet:
        draft_id = await waiting(fleet)
        (draft,) = await fleet.rows.drafts(draft_id=draft_id)
        report = await fleet.decide("approve")
        assert report.sent
        (email,) = fleet.mailer.delivered
        assert (email.subject, email.body) == (draft["subject"], draft["body"])


@pytest.mark.req("AA02-R21")
async def test_edit_sends_the_persons_text_and_keeps_the_original() -> None:
    """An edit sends exactly the given text; the draft's own text stays in its row."""
    async with open_fleet() as fleet:
        draft_id = await waiting(fleet)
        await fleet.decide("edit", edited=MINE)
        (email,) = fleet.mailer.delivered
        (row,) = await fleet.rows.drafts(draft_id=draft_id)
        assert (email.subject, email.body) == (MINE["subject"], MINE["body"])
        assert row["approved_body"] == MINE["body"] != row["body"]


@pytest.mark.req("AA02-R23")
async def test_regenerate_makes_a_new_version_with_the_feedback_in_the_prompt() -> None:
    """Version 2 waits under its own id, version 1 is kept, and the writer read the feedback as data."""
    async with open_fleet(SCRIPT) as fleet:
        first = await waiting(fleet)
        report = await fleet.decide("regenerate", feedback="Shorter, and mention the auditors.")
        assert report.status == "awaiting_approval"
        assert report.draft_id not in (None, first)
        versions = [(row["version"], row["status"]) for row in await fleet.rows.drafts()]
        assert versions == [(1, "decided"), (2, "pending")]
        assert "mention the auditors" in fleet.model.asked[-1].prompt.user
        assert fleet.mailer.delivered == []


@pytest.mark.req("AA02-R21")
async def test_approving_a_version_after_a_newer_one_exists_is_refused() -> None:
    """Approving v1 after v2 raises, and names who asked for v2."""
    async with open_fleet(SCRIPT) as fleet:
        first = await waiting(fleet)
        await fleet.decide("regenerate", feedback="Again.", accepts_default=True)
        with pytest.raises(DraftAlreadyDecided, match="regenerate by ana"):
            await fleet.campaigns.decide(first, DecisionRequest("approve", "ana"))
        with pytest.raises(DraftVersionStale, match="version 2"):
            await fleet.decide("approve", version=1)
        assert fleet.mailer.delivered == []


@pytest.mark.req("AA02-R23")
async def test_a_touch_has_at_most_five_versions() -> None:
    """The fifth version can be decided on, but not regenerated."""
    async with open_fleet() as fleet:
        await waiting(fleet)
        for _ in range(MAX_DRAFT_VERSIONS - 1):
            await fleet.decide("regenerate", feedback="Again.", accepts_default=True)
        with pytest.raises(TooManyVersions):
            await fleet.decide("regenerate", feedback="Again.", accepts_default=True)
        bodies = {row["body"] for row in await fleet.rows.drafts()}
        assert len(bodies) > 1
        assert (await fleet.decide("approve")).sent


@pytest.mark.req("AA02-R24", "AA02-R14")
async def test_reject_skips_the_touch_and_the_sequence_goes_on() -> None:
    """A rejected touch is not sent, and the next one is due after its gap from the decision."""
    async with open_fleet() as fleet:
        await waiting(fleet)
        report = await fleet.decide("reject", reason="wrong person in the opening")
        assert (report.status, report.step) == ("scheduled", 1)
        assert fleet.mailer.delivered == []
        await fleet.touch()
        (touch, sent) = (await fleet.state())["touches"]
        assert touch["outcome"] == "rejected"
        assert touch["decision_provenance"]["reason"] == "wrong person in the opening"
        assert sent["outcome"] == "sent"


@pytest.mark.req("AA02-R24")
async def test_stop_ends_the_sequence_for_good() -> None:
    """After a stop nothing is drafted or sent, however many ticks pass."""
    async with open_fleet() as fleet:
        await waiting(fleet)
        assert (await fleet.decide("stop")).status == "stopped"
        assert (await fleet.resume()).runs == []
        assert fleet.mailer.delivered == []


@pytest.mark.req("AA02-R21")
async def test_of_two_simultaneous_approvals_one_wins_and_one_learns_who() -> None:
    """A double click sends once and never approves the next touch."""
    async with open_fleet() as fleet:
        draft_id = await waiting(fleet)
        asks = [fleet.campaigns.decide(draft_id, DecisionRequest("approve", who)) for who in ("ana", "bo")]
        outcomes = await asyncio.gather(*asks, return_exceptions=True)
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["DraftAlreadyDecided", "RunReport"]
        assert len(fleet.mailer.delivered) == 1
        assert (await fleet.thread())["step"] == 1


async def test_an_unknown_draft_decides_nothing() -> None:
    """A decision on an id nobody has is refused, and so is one on a draft whose thread moved on."""
    async with open_fleet() as fleet:
        with pytest.raises(UnknownDraft):
            await fleet.campaigns.decide("nobody", DecisionRequest("approve", "ana"))
        draft_id = await waiting(fleet)
        await fleet.rows.set_threads(status="stopped")
        with pytest.raises(DraftNoLongerWaits, match="stopped"):
            await fleet.campaigns.decide(draft_id, DecisionRequest("approve", "ana"))


async def test_every_step_of_a_thread_leaves_an_audit_row() -> None:
    """What people did is a row with their principal; what the run made of it is the draft's row and the ledger's."""
    async with open_fleet() as fleet:
        await waiting(fleet)
        await fleet.decide("approve")
        assert sorted((row["principal"], row["action"]) for row in await fleet.rows.audit()) == [
            ("ana", "approve"),
            ("intake", "add"),
            ("op", "enrol"),
        ]


async def test_a_sender_under_an_international_domain_can_send() -> None:
    """The Message-ID holds the domain's ASCII form."""
    async with open_fleet() as fleet:
        await fleet.rows.set_campaigns(sender_address="mira@bücher.example")
        await fleet.enrol()
        assert (await fleet.touch()).sent
        assert fleet.mailer.delivered[0].message_id.endswith("@xn--bcher-kva.example>")


STRANGE = "https://elsewhere.example/x"


@pytest.mark.req("APPROVAL-R9")
@pytest.mark.parametrize(
    ("subject", "body", "fault"),
    [
        ("Mine", f"See {STRANGE}.\n\n{OPT_OUT_LINE}", f"the body holds a link that the campaign does not allow: {STRANGE}"),
        ("For {{company}}", MINE["body"], "the subject holds an unresolved {{company}}"),
        ("Mine", f"Hello [First Name],\n\n{OPT_OUT_LINE}", "the body holds an unresolved [First Name]"),
        ("Mine", "My own words.", "the body has no opt-out line: it does not say how to be left alone"),
    ],
)
async def test_a_persons_own_text_passes_the_gate_that_drafts_pass(subject: str, body: str, fault: str) -> None:
    """It is refused with its fault, and the draft waits as it was; mended, it is sent."""
    async with open_fleet(SCRIPT) as fleet:
        await waiting(fleet)
        before = await fleet.rows.everything()
        with pytest.raises(TextRefused) as refused:
            await fleet.decide("edit", edited=Email(subject=subject, body=body))
        assert refused.value.facts == {"faults": [fault]}
        assert await fleet.rows.everything() == before
        assert (await fleet.decide("edit", edited=MINE)).sent


@pytest.mark.req("APPROVAL-R10")
async def test_a_text_full_of_faults_is_answered_in_a_few_lines() -> None:
    """Ten of thirty are named, and how many more there are."""
    links = "\n".join(f"https://elsewhere.example/{number}" for number in range(29))
    async with open_fleet(SCRIPT) as fleet:
        await waiting(fleet)
        with pytest.raises(TextRefused) as refused:
            await fleet.decide("edit", edited=Email(subject="Mine", body=links))
        assert (len(refused.value.facts["faults"]), refused.value.facts["faults"][-1]) == (11, "and 20 more")


@pytest.mark.req("APPROVAL-R12")
async def test_a_text_that_is_meant_so_is_sent_and_the_trail_says_what_was_overridden() -> None:
    """With `override` the text without an opt-out line leaves as it is; an override of nothing is not spoken of."""
    async with open_fleet(SCRIPT) as fleet:
        await waiting(fleet)
        own = Email(subject="Mine", body="My own words.")
        assert (await fleet.decide("edit", edited=own, override=True)).sent
        assert fleet.mailer.delivered[0].body == "My own words."
        (row,) = await fleet.rows.audit(action="edit", principal="ana")
        assert row["detail"] == "[override: the body has no opt-out line: it does not say how to be left alone]"
        await fleet.touch("edit", edited=MINE, override=True)
        (_, second) = await fleet.rows.audit(action="edit", principal="ana")
        assert second["detail"] == ""


@pytest.mark.req("APPROVAL-R11", "APPROVAL-R12")
async def test_a_draft_with_a_field_nobody_filled_is_not_approved_unseen() -> None:
    """Approval names the field and is refused; with `override` the draft is sent, and the trail says so."""
    async with open_fleet({"email:compose": {**EMAIL, "subject": "For [Company]"}}) as fleet:
        draft_id = await waiting(fleet)
        with pytest.raises(DraftNotReady, match=r"\[Company\]"):
            await fleet.decide("approve")
        assert await fleet.pending() == draft_id
        assert (await fleet.decide("approve", override=True)).sent
        (row,) = await fleet.rows.audit(action="approve", principal="ana")
        assert row["detail"] == '[override: ["[Company]"]]'
