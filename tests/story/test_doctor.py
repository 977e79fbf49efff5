"""The examination of a database: sound, empty, not there, not whole, not D1's; nothing stays, and no secret is told."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import nullcontext
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from backend.cli.commands import app
from backend.d1.atomicity import FIND
from backend.d1.database import open_database
from backend.d1.embedded import open_embedded
from backend.d1.meter import MeteredDatabase
from backend.d1.remote import HttpPolicy
from backend.d1.statements import Statement
from backend.desk import SystemClock
from backend.doctor import Report, examine, is_healthy
from backend.errors import StatementFailed
from backend.store.intake import D1Intake
from backend.store.tokens import D1Tokens
from tests.d1.wrangler import Edge
from tests.databases import place_migrated
from tests.fakes.clock import FixedClock
from tests.fakes.loopback_d1 import LoopbackD1, refused
from tests.fakes.unlike_d1 import BlankDatabase, PiecemealDatabase, TextDatabase
from tests.fakes.wavering_database import WaveringDatabase
from tests.northwind import CAMPAIGN
from tests.rows import Rows
from tests.strategies import examples

FILE = ".data/agentic-sales.db"
MIGRATIONS = ["0001_campaigns.sql", "0002_checkpoints.sql", "0003_ticks.sql"]
SOUND: Mapping[str, object] = {
    "public_url": "https://mail.example",
    "unsubscribe_secret": "u" * 32,
    "deepseek_api_key": "a key of DeepSeek's",
    "checkpoint_key": "c" * 32,
    "cron_secret": "s" * 32,
    "mailbox_cap_a_day": 100,
}
LOST = "http://127.0.0.1:9"
DATABASE_CHECKS = ["database", "atomic batches", "parameter types", "limits", "latency", "clock", "migrations"]


@pytest.fixture
async def database(own_folder: Path) -> AsyncGenerator[MeteredDatabase]:
    """The database of the default settings, migrated, with one live token."""
    await place_migrated(own_folder / FILE)
    async with open_embedded(str(own_folder / FILE)) as database:
        await D1Tokens(database).create("op", "operator", now=SystemClock().now(), expires_in=timedelta(days=90))
        yield database


def states(report: Report) -> dict[str, str]:
    """The state of each check that is not ok."""
    return {name: finding.state for name, finding in report.items() if finding.state != "ok"}


def doctor(arguments: str = "", **variables: str) -> Result:
    """Run the command inside this process, in the test's own folder."""
    return CliRunner().invoke(app, ["doctor", *arguments.split()], env=variables)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below `folder`, but what SQLite keeps beside a database that is open."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(("-wal", "-shm"))]
    return {str(path): path.read_bytes() for path in files}


@pytest.mark.req("DOCTOR-R1", "DOCTOR-R12")
@pytest.mark.usefixtures("models_allowed")
async def test_a_sound_service_is_ok_in_every_check(database: MeteredDatabase) -> None:
    """Nothing to note, nothing to do, and the model's server is not even connected to."""
    async with LoopbackD1(database).listening() as model:
        report = await examine({**SOUND, "deepseek_base_url": model.url})
        assert (states(report), model.connections) == ({"model host": "note"}, 0)
    report = await examine(SOUND)
    assert (states(report), {finding.advice for finding in report.values()}) == ({}, {""})


@pytest.mark.req("DOCTOR-R2")
async def test_an_examination_leaves_no_trace(own_folder: Path) -> None:
    """Every file is as it was, byte for byte, the database's included, and none is new."""
    await place_migrated(own_folder / FILE)
    before = contents(own_folder)
    assert is_healthy(await examine(SOUND))
    assert contents(own_folder) == before


@pytest.mark.req("DOCTOR-R2", "DOCTOR-R6")
async def test_a_file_that_is_not_there_is_not_made(own_folder: Path) -> None:
    """The finding says how to make it."""
    report = await examine()
    assert (report["database"].state, contents(own_folder)) == ("wrong", {})
    assert "agentic-sales migrate" in report["database"].advice


@pytest.mark.req("DOCTOR-R6")
async def test_what_is_not_migrated_is_named(own_folder: Path) -> None:
    """Each missing file by its name; what the missing tables would hold is not looked at, all else is."""
    async with open_embedded(str(own_folder / "empty.db")):
        report = await examine({"d1_url": "sqlite:///empty.db"})
    assert report["migrations"].state == "wrong"
    assert [name for name in MIGRATIONS if name not in report["migrations"].found] == []
    assert [name for name in report if name in [*DATABASE_CHECKS, "stored flags", "tokens"]] == DATABASE_CHECKS


@pytest.mark.req("DOCTOR-R1", "DOCTOR-R2")
async def test_real_d1_through_the_worker_is_sound(edge: Edge) -> None:
    """Every claim about D1 holds on the real local engine, and the proof leaves nothing there."""
    report = await examine({**SOUND, "d1_url": edge.url, "d1_token": edge.token})
    assert is_healthy(report)
    assert list(report)[1:13] == [*DATABASE_CHECKS, "stored flags", "tokens", "senders", "sweeps", "waiting drafts"]
    assert {report[name].state for name in set(DATABASE_CHECKS) - {"latency"}} == {"ok"}
    async with open_database(edge.url, edge.token) as real:
        [found] = await real.batch([Statement(FIND)])
    assert found.rows == []


@pytest.mark.req("DOCTOR-R5", "DOCTOR-R11")
def test_a_database_that_is_not_there_is_said_so() -> None:
    """Exit code 1, one finding for the database, and the rest of the configuration all the same."""
    answered = doctor("--json", D1_URL=LOST, D1_TOKEN="t")
    report = {check["check"]: check for check in json.loads(answered.stdout)["checks"]}
    assert answered.exit_code == 1
    assert report["database"]["state"] == "wrong"
    assert "gave no clear answer in 2 tries" in report["database"]["found"]
    assert "atomic batches" not in report
    assert report["mail"]["state"] == "ok"


@pytest.mark.req("DOCTOR-R5")
async def test_a_database_that_says_nothing_is_left_at_its_deadline(database: MeteredDatabase) -> None:
    """One request that hangs ends the examination of the database, whichever check made it."""
    impatient = HttpPolicy(deadline_s=0.2)
    async with LoopbackD1(database).listening() as server:
        server.faults.append("hung")
        report = await examine(opening=open_database(server.url, "t", policy=impatient))
    assert (report["database"].state, "no answer within 0.2 s" in report["database"].found) == ("wrong", True)
    assert "atomic batches" not in report


@pytest.mark.req("DOCTOR-R5")
async def test_a_wrong_token_is_said_so(database: MeteredDatabase) -> None:
    """The bridge's own words, the variable to look at, and one request in all."""
    async with LoopbackD1(database).listening() as server:
        server.faults.append(refused("Authentication error", 401))
        report = await examine({"d1_url": server.url, "d1_token": "hush"})
    assert report["database"].found.endswith("refuses: Authentication error")
    assert "D1_BRIDGE_TOKEN" in report["database"].advice
    assert len(server.requests) == 1


@pytest.mark.req("DOCTOR-R7")
async def test_batches_in_pieces_are_wrong(database: MeteredDatabase) -> None:
    """What stayed of the failed batch is gone afterwards, and the other checks are made."""
    report = await examine(opening=nullcontext(PiecemealDatabase(database)))
    assert (report["atomic batches"].state, report["limits"].state) == ("wrong", "ok")
    assert "bridge Worker" in report["atomic batches"].advice
    [found] = await database.batch([Statement(FIND)])
    assert found.rows == []


@pytest.mark.req("DOCTOR-R9")
async def test_values_that_change_on_their_way_are_wrong(database: MeteredDatabase) -> None:
    """The finding shows what was sent and what came back."""
    report = await examine(opening=nullcontext(TextDatabase(database)))
    assert report["parameter types"].state == "wrong"
    assert "integer 42 as '42'" in report["parameter types"].found
    assert "absent None as 'None'" in report["parameter types"].found


@pytest.mark.req("DOCTOR-R9")
async def test_a_database_that_takes_less_than_the_client_sends_is_wrong(database: MeteredDatabase) -> None:
    """The limit it is under is named."""

    def refuse_large_values(statements: Sequence[Statement]) -> None:
        if "zeroblob" in statements[0].sql:
            message = "string or blob too big"
            raise StatementFailed(message)

    report = await examine(opening=nullcontext(WaveringDatabase(database, fails=refuse_large_values)))
    assert (report["limits"].state, "2,000,000 bytes" in report["limits"].found) == ("wrong", True)


@pytest.mark.req("DOCTOR-R5")
async def test_what_is_no_database_is_wrong(own_folder: Path) -> None:
    """A file of something else, and an answer D1 would not give."""
    (own_folder / "text.db").write_text("not a database, but long enough to be taken for one" * 100)
    assert "not a database" in (await examine({"d1_url": "sqlite:///text.db"}))["database"].found
    async with LoopbackD1(BlankDatabase()).listening() as server:
        report = await examine({"d1_url": server.url, "d1_token": "t"})
    assert "does not answer as D1 does" in report["database"].found


@pytest.mark.req("DOCTOR-R10")
async def test_what_is_odd_and_works_is_a_note(database: MeteredDatabase) -> None:
    """Slow round trips, a clock some seconds off, a token that ran out, a stored flag nobody reads."""
    await Rows(database).store_flag("COACH", 1)
    now = SystemClock().now()
    await D1Tokens(database).create("old", "rep", now=now - timedelta(days=2), expires_in=timedelta(days=1))
    seconds = count(step=0.151)
    report = await examine(SOUND, clock=FixedClock(now + timedelta(seconds=20)), stopwatch=lambda: next(seconds))
    odd = {"latency": "151.0 ms", "clock": "behind", "tokens": "expired: old", "stored flags": "COACH"}
    assert {name: report[name].state for name in odd} == dict.fromkeys(odd, "note")
    assert [name for name, words in odd.items() if words not in report[name].found] == []
    assert is_healthy(report)


@pytest.mark.req("RUN-R3")
@pytest.mark.usefixtures("database")
async def test_a_clock_that_is_off_by_more_than_half_a_minute_is_wrong() -> None:
    """Nothing would be sent from here, so it is no mere note."""
    report = await examine(SOUND, clock=FixedClock(SystemClock().now() + timedelta(seconds=40)))
    assert (report["clock"].state, "nothing is sent" in report["clock"].advice) == ("wrong", True)


@pytest.mark.req("DOCTOR-R1")
async def test_a_stored_flag_is_told_with_who_set_it(database: MeteredDatabase) -> None:
    """A row overrides the environment, so it is shown beside it."""
    await Rows(database).store_flag("CAMPAIGN_COACH_ENABLED", 1, set_by="ana")
    report = await examine()
    assert report["flags"].found == "CAMPAIGN_COACH_ENABLED off, ORCHESTRATOR_ROLE_PLAN off"
    assert report["stored flags"].found.startswith("CAMPAIGN_COACH_ENABLED on, set by ana")


@pytest.mark.req("DOCTOR-R1", "DOCTOR-R11")
@pytest.mark.usefixtures("database")
def test_the_report_is_a_table_or_json() -> None:
    """Both say the same of each check; nothing else is on standard output or standard error."""
    table, parsed = doctor(), doctor("--json")
    report = json.loads(parsed.stdout)
    assert (table.exit_code, parsed.exit_code, report["healthy"]) == (0, 0, True)
    assert (table.stderr, parsed.stderr) == ("", "")
    rows = [line for line in table.stdout.splitlines() if not line.startswith(" ")][1:-1]
    assert [(check["check"], check["state"]) for check in report["checks"]] == [
        (row[: row.index("  ")].strip(), row[row.index("  ") :].split()[0]) for row in rows
    ]
    assert table.stdout.endswith("Nothing is wrong.\n")


SECRETS = ["d1_token", "checkpoint_key", "deepseek_api_key", "cron_secret", "cron_secret_previous"]


@pytest.mark.req("DOCTOR-R3")
@pytest.mark.parametrize("url", ["sqlite:///:memory:", "http://ben:hush@127.0.0.1:9"])
def test_no_finding_holds_a_secret(url: str) -> None:
    """Whatever characters one of the secrets is made of, not even its beginning is told."""

    @examples(0.4)
    @given(st.sampled_from(SECRETS), st.text(st.characters(codec="utf-8"), max_size=60))
    def tells_nothing(odd: str, text: str) -> None:
        plain = {name: f"hush-hush-hush-hush-hush-hush-{name}" for name in SECRETS}
        report = asyncio.run(examine({"d1_url": url, **plain, odd: f"hush{text}"}))
        assert "hush" not in str(report)

    tells_nothing()


@pytest.mark.req("DOCTOR-R14")
@pytest.mark.parametrize(
    ("user", "state"), [("ana@vendor.example", "ok"), ("ana@Vendor.EXAMPLE", "ok"), ("ana@mail.example", "note"), ("ana", "ok")]
)
async def test_it_notes_who_sends_as_another_domain_than_the_mailboxs(database: MeteredDatabase, user: str, state: str) -> None:
    """The campaigns' domains are named; of a login that is no address nothing is known."""
    await D1Intake(database).add_campaign(CAMPAIGN)
    finding = (await examine({"mail_url": f"smtp://{user.replace('@', '%40')}:secret@127.0.0.1"}))["senders"]
    assert (finding.state, "vendor.example" in finding.found) == (state, True)
    assert ("the mailbox is at mail.example" in finding.found) is (state == "note")


@pytest.mark.req("SWEEP-R13", "SWEEP-R14")
async def test_it_notes_that_nobody_sweeps_and_nobody_decides(database: MeteredDatabase) -> None:
    """Nothing is said of a database without a thread; then each with what to do, within the limits that the settings name."""
    assert [states(await examine()).get(name) for name in ("sweeps", "waiting drafts")] == [None, None]
    await Rows(database).crowd(1)
    await Rows(database).set_drafts(created_at="2020-01-01T00:00:00.000Z")
    await Rows(database).set_threads(next_touch_at="2020-01-01T00:00:00.000Z")
    report = await examine({"tick_max_age_minutes": 20, "draft_max_wait_days": 7})
    assert [report[name].state for name in ("sweeps", "waiting drafts")] == ["note", "note"]
    assert report["sweeps"].found.endswith("where at most 20 minutes are meant")
    assert report["waiting drafts"].found.endswith("where at most 7 days are meant")
    assert is_healthy(report)
