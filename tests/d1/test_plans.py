"""What a statement costs stays the same however large the database grows: D1's own planner finds rows by a key."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from backend.checkpointer.saver import D1Saver
from backend.d1.database import open_database
from backend.d1.statements import Database, Result, Statement
from backend.domain.access import EVERYWHERE, Reach
from backend.domain.campaign import Campaign, Decision, Memory
from backend.domain.facts import Fact
from backend.domain.flags import Flags
from backend.domain.incoming import NewCompany
from backend.domain.instants import to_text
from backend.domain.unsubscribe import NO_LINKS, key_of_touch
from backend.errors import ThreadNotParked
from backend.store.flags import READ_FLAGS
from backend.store.intake import D1Intake
from backend.store.lists import D1Lists
from backend.store.previews import D1Previews
from backend.store.records import D1Records
from backend.store.requeue import D1Requeue
from backend.store.switches import _JUDGED, D1Switches
from backend.store.tokens import _LIST, D1Tokens
from backend.store.unsubscribes import D1Unsubscribes
from backend.store.views import D1Views
from tests.d1.graphs import config_for, delta_graph
from tests.d1.wrangler import Edge
from tests.fakes.passing_database import PassingDatabase
from tests.northwind import SCRIPT
from tests.releases import COMMIT, promoted
from tests.story.fleet import Fleet, open_fleet

DECISIONS: tuple[Decision, ...] = ("regenerate", "approve", "reject", "stop")
TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"

# Reading all of a table, or of an index, is meant in these alone: two flags, the few tokens, and drafts from the last one back
# to a limit.
MEANT = {
    (_JUDGED, "SCAN drafts"),
    (READ_FLAGS.sql, "SCAN flags"),
    (_LIST, "SCAN tokens USING INDEX sqlite_autoindex_tokens_2"),
}


@dataclass
class RecordingDatabase(PassingDatabase):
    """Passes batches on, and keeps each statement's text once, with the parameters it first had."""

    statements: dict[str, Statement] = field(default_factory=dict[str, Statement])

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """See `ports.Database.batch`."""
        for statement in statements:
            self.statements.setdefault(statement.sql, statement)
        return await self.database.batch(statements)


async def use_the_verbs(fleet: Fleet) -> None:
    """A thread on which a person decides everything there is to decide."""
    await fleet.enrol()
    for decision in DECISIONS:
        await fleet.touch(decision, key=decision)


async def use_the_doors(fleet: Fleet, database: Database) -> None:
    """What comes in, and what is looked at."""
    now = fleet.clock.now()
    at = to_text(now)
    intake, records, tokens = D1Intake(database), D1Records(database, Flags()), D1Tokens(database)
    fact = Fact(field="staff", value="40", confidence=0.5, source="a report", observed_at=at)
    company = NewCompany(company_id="tern", name="Tern", facts=[fact])
    await intake.add_contacts(
        [{"contact_id": "bo", "address": "bo@tern.example", "name": "Bo", "bounced": True, "company": company}]
    )
    campaign = Campaign(
        name="n", offer="o", sender_name="s", sender_address="s@vendor.example", campaign_id="x", allowed_links=[]
    )
    await intake.add_campaign(campaign)
    await records.brief("close", "ada")
    await records.flags()
    await records.remember("ada", [Memory(kind="wish", text="fewer clicks")])
    token = await tokens.create("ana", "rep", now=now, expires_in=fleet.mailer.replay_window)
    await tokens.find(token, now)
    await tokens.list()
    await tokens.revoke("ana", now=now)
    switches = D1Switches(database, Flags(), COMMIT)
    await switches.record(promoted(now), by="op")
    for on in (False, True):
        await switches.set("CAMPAIGN_COACH_ENABLED", on=on, by="op", why="")
    await switches.list()
    await switches.judgements("CAMPAIGN_COACH_ENABLED", limit=200)
    await switches.history("CAMPAIGN_COACH_ENABLED")


async def use_the_views(fleet: Fleet, database: Database) -> None:
    """Threads, drafts and their cards, and a thread that an operator puts back."""
    views, requeue, lists = D1Views(database, D1Saver(database), Flags()), D1Requeue(database), D1Lists(database)
    await views.thread("close", "ada")
    with suppress(ThreadNotParked):
        await requeue.requeue("close", "ada", principal="op")
    await views.drafts()
    await views.drafts(campaign_id="close")
    await views.drafts(reach=Reach(("close",)))
    await requeue.page()
    await requeue.page(reach=Reach(("close",)))
    for reach in (EVERYWHERE, Reach(("close",))):
        await lists.campaigns(reach=reach)
        await lists.contacts("close", reach=reach)
        await lists.threads("close", status="scheduled", reach=reach)
    draft_id = (await fleet.rows.drafts())[0]["draft_id"]
    await views.draft(draft_id)
    await D1Previews(database, NO_LINKS).email(draft_id)


async def use_the_links(fleet: Fleet, database: Database) -> None:
    """A recipient of an email ends its campaign, and after a change of address everything."""
    key = key_of_touch("close:ada", 0)
    assert await D1Unsubscribes(database).act(key, "campaign")
    await fleet.rows.set_contacts(address_sha256="another")
    assert await D1Unsubscribes(database).act(key, "all")


async def use_the_saver(database: Database) -> None:
    """Every method of the checkpointer."""
    saver, own = D1Saver(database), config_for("deltas")
    graph = delta_graph(saver)
    await graph.ainvoke({"log": ["line"]}, own)
    state = await graph.aget_state(own)
    await saver.aget_tuple(state.config)
    listings = [
        saver.alist(own, filter={"source": "loop"}, before=state.config),
        saver.alist({"configurable": {"thread_id": "deltas"}}),
    ]
    for listing in listings:
        assert [found async for found in listing]
    await saver.acopy_thread("deltas", "copy")
    await saver.aprune(["deltas"])
    await saver.adelete_for_runs(["run"])
    await saver.adelete_thread("copy")


def scans(statement: Statement, plan: Result, tables: Sequence[str]) -> list[str]:
    """The steps of a plan that read a whole table, or make an index of one to read it by."""
    steps: list[str] = [row["detail"] for row in plan.rows]
    names = {name for table in tables for name in (table, *re.findall(rf"\b{table} AS (\w+)", statement.sql))}
    whole = [step for step in steps if (found := re.match(r"SCAN (\w+)", step)) and found[1] in names]
    return whole + [step for step in steps if "AUTOMATIC" in step]


async def test_no_statement_reads_a_whole_table(edge: Edge) -> None:
    """Each statement of a campaign, a door or the checkpointer, as real D1 plans it; Python's SQLite plans otherwise."""
    async with open_fleet(SCRIPT, coach=True) as fleet:
        recording = RecordingDatabase(fleet.database)
        fleet.campaigns = fleet.on(recording)
        await use_the_verbs(fleet)
        await use_the_doors(fleet, recording)
        await use_the_views(fleet, recording)
        await use_the_links(fleet, recording)
        await use_the_saver(recording)
    statements = list(recording.statements.values())
    async with open_database(edge.url, edge.token) as database:
        (names,) = await database.batch([Statement(TABLES)])
        plans = await database.batch([Statement(f"EXPLAIN QUERY PLAN {each.sql}", each.params) for each in statements])
    tables = [row["name"] for row in names.rows]
    found = {(each.sql, step) for each, plan in zip(statements, plans, strict=True) for step in scans(each, plan, tables)}
    assert found == MEANT
    assert len(statements) > 70
