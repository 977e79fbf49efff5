"""What every Records promises: D1's, on the embedded database, and the fake the orchestrator's tests think with."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from backend.d1.clock import TimedDatabase
from backend.domain.access import Reach
from backend.domain.campaign import Contact, Dossier, Memory, PastTouch, thread_id_of
from backend.domain.facts import Fact
from backend.domain.flags import Flags
from backend.domain.suppression import address_sha256
from backend.errors import UnknownCampaign, UnknownContact
from backend.ports import Records
from backend.store.intake import D1Intake
from backend.store.records import D1Records
from tests.databases import open_migrated
from tests.fakes.clock import FixedClock
from tests.fakes.records import RememberingRecords
from tests.northwind import CAMPAIGN, COMPANY, CONTACT, new_contact
from tests.rows import Rows

AT = "2026-11-01T00:00:00.000Z"
REPLIED: Contact = {**CONTACT, "replied": True}


def fact(field: str, source: str, confidence: float) -> Fact:
    """A fact of which only the rank matters."""
    return Fact(field=field, source=source, value=f"{field} by {source}", confidence=confidence, observed_at=AT)


def past(step: int) -> PastTouch:
    """An email that was sent on a day of its own."""
    return PastTouch(step=step, subject=f"Touch {step}", body="Hello", sent_at=f"2026-11-{step + 1:02}T09:00:00.000Z")


@dataclass(frozen=True)
class Bench:
    """Records under test, and the ways to let something be known before it is asked."""

    records: Records
    know_facts: Callable[[Sequence[Fact]], Awaitable[None]]
    know_sent: Callable[[PastTouch], Awaitable[None]]
    suppress: Callable[[str], Awaitable[None]]
    store_flag: Callable[[str, bool], Awaitable[None]]
    enrol: Callable[[str, str], Awaitable[object]]


@asynccontextmanager
async def d1_bench() -> AsyncGenerator[Bench, None]:
    """The adapter, on the embedded database."""
    clock = FixedClock()

    def a_second_later() -> datetime:
        clock.advance(timedelta(seconds=1))
        return clock.now()

    async with open_migrated() as opened:
        database = TimedDatabase(opened, a_second_later)
        intake, rows = D1Intake(database), Rows(database)

        async def know_facts(facts: Sequence[Fact]) -> None:
            await intake.add_contacts([{**new_contact(facts=list(facts)), "replied": True}])

        async def know_sent(touch: PastTouch) -> None:
            await rows.record_send(touch["step"], subject=touch["subject"], body=touch["body"], at=touch["sent_at"])

        async def store_flag(name: str, on: bool) -> None:  # noqa: FBT001  # a flag's value
            await rows.store_flag(name, int(on))

        await intake.add_campaign(CAMPAIGN)
        await know_facts([])
        yield Bench(D1Records(database, Flags()), know_facts, know_sent, rows.suppress, store_flag, rows.enrol)


@asynccontextmanager
async def remembering_bench() -> AsyncGenerator[Bench, None]:
    """The fake."""
    dossier = Dossier(contact=REPLIED, company=COMPANY, facts=[], history=[], memories=[], suppressed=False)
    records = RememberingRecords({"close": CAMPAIGN}, {"ada": dossier})

    async def know_facts(facts: Sequence[Fact]) -> None:
        dossier["facts"].extend(facts)

    async def know_sent(touch: PastTouch) -> None:
        dossier["history"].append(touch)

    async def suppress(address: str) -> None:
        records.suppressed.add(address_sha256(address))

    async def store_flag(name: str, on: bool) -> None:  # noqa: FBT001  # a flag's value
        records.stored_flags[name] = on

    async def enrol(campaign_id: str, contact_id: str) -> None:
        records.enrolled.add(thread_id_of(campaign_id, contact_id))

    yield Bench(records, know_facts, know_sent, suppress, store_flag, enrol)


@pytest.fixture(params=[d1_bench, remembering_bench])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """Each implementation of the port in turn."""
    async with request.param() as opened:
        yield opened


@pytest.mark.req("AA06-R3")
async def test_campaign_contact_and_company_come_back_whole(bench: Bench) -> None:
    """What was put in is what a run reads, flags as booleans."""
    campaign, dossier = await bench.records.brief("close", "ada")
    blank = {"reply_to": "", "postal_address": ""}
    assert {**blank, **campaign} == {**blank, **CAMPAIGN}
    assert dossier == Dossier(contact=REPLIED, company=COMPANY, facts=[], history=[], memories=[], suppressed=False)


@pytest.mark.req("AA06-R3")
async def test_the_eight_most_confident_facts_are_read(bench: Bench) -> None:
    """The surest come first, equals by field and then source, and the ninth is left out, whatever order they came in."""
    ranked = [
        fact("staff", "register", 0.9),
        fact("close_days", "annual report", 0.8),
        fact("close_days", "interview", 0.8),
        fact("erp", "annual report", 0.8),
        *(fact(f"detail_{n}", "website", 0.5) for n in range(4)),
    ]
    await bench.know_facts([*reversed(ranked), fact("rumour", "forum", 0.1)])
    _, dossier = await bench.records.brief("close", "ada")
    assert dossier["facts"] == ranked


async def test_the_last_six_sent_emails_come_oldest_first(bench: Bench) -> None:
    """A writer reads them in the order the contact did."""
    for step in range(8):
        await bench.know_sent(past(step))
    _, dossier = await bench.records.brief("close", "ada")
    assert dossier["history"] == [past(step) for step in range(2, 8)]


@pytest.mark.req("AA06-R7")
async def test_a_suppressed_address_is_known_by_its_hash(bench: Bench) -> None:
    """The list holds hashes, and another spelling of the contact's address is on it."""
    await bench.suppress(" ADA@NORTHWIND.EXAMPLE. ")
    _, dossier = await bench.records.brief("close", "ada")
    assert dossier["suppressed"]


@pytest.mark.parametrize(("campaign_id", "contact_id"), [("nope", "ada"), ("close", "nope")])
async def test_what_is_unknown_is_refused_by_name(bench: Bench, campaign_id: str, contact_id: str) -> None:
    """A brief about nobody is an error, never an empty one."""
    with pytest.raises((UnknownCampaign, UnknownContact), match="'nope'"):
        await bench.records.brief(campaign_id, contact_id)


@pytest.mark.req("ACCESS-R5", "ACCESS-R6")
@pytest.mark.parametrize(
    ("campaign_ids", "enrolled", "missing"),
    [(("open",), ("close",), UnknownCampaign), (("close",), (), UnknownContact), (("close", "open"), ("open",), None)],
)
async def test_what_lies_outside_is_unknown(
    bench: Bench,
    campaign_ids: tuple[str, ...],
    enrolled: tuple[str, ...],
    missing: type[Exception] | None,
) -> None:
    """A brief on a campaign outside, or on a contact who is enrolled in none within, is refused."""
    for campaign_id in enrolled:
        await bench.enrol(campaign_id, "ada")
    with pytest.raises(missing) if missing else nullcontext():
        await bench.records.brief("close", "ada", reach=Reach(campaign_ids))


async def test_memories_are_kept_once_and_come_oldest_first(bench: Bench) -> None:
    """What is known already is not written again, not even within one run; the last twenty are read."""
    price = Memory(kind="objection", text="too dear")
    await bench.records.remember("ada", [price, price])
    tried = [Memory(kind="tried", text=f"compose: {n}") for n in range(19)]
    for memory in tried:
        await bench.records.remember("ada", [memory, price])
    _, dossier = await bench.records.brief("close", "ada")
    assert dossier["memories"] == [price, *tried]
    await bench.records.remember("ada", [Memory(kind="wish", text="call in May")])
    _, dossier = await bench.records.brief("close", "ada")
    assert dossier["memories"] == [*tried, Memory(kind="wish", text="call in May")]


@pytest.mark.req("AA02-R18")
async def test_flags_are_the_defaults_until_a_row_says_otherwise(bench: Bench) -> None:
    """A stored flag is laid over the environment's, and the other one keeps its default."""
    assert await bench.records.flags() == Flags()
    await bench.store_flag("ORCHESTRATOR_ROLE_PLAN", True)  # noqa: FBT003  # a flag's value
    assert await bench.records.flags() == Flags(orchestrator_role_plan=True)
