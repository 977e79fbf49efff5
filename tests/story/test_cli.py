"""The command line as a shell sees it: what goes to which output, and with which exit code."""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from backend.cli.commands import app
from backend.domain.instants import to_text
from backend.mail import OutboxMailer
from backend.store.intake import D1Intake
from backend.wiring import open_service
from tests.goldens import FOLDER as GOLDEN
from tests.mail.emails import an_email
from tests.northwind import settle
from tests.rows import Rows

COMMAND = str(Path(sys.executable).with_name("agentic-sales"))
COMMANDS = [
    "demo",
    "serve",
    "migrate",
    "resume",
    "reconcile",
    "campaigns",
    "contacts",
    "threads",
    "preview",
    "parked",
    "requeue",
    "doctor",
    "tokens create",
    "tokens list",
    "tokens revoke",
    "sends list",
    "sends resolve",
    "stops list",
    "stops say",
    "flags list",
    "flags set",
    "flags history",
    "gate run",
    "gate record",
    "gate watch",
    "gate verify",
    "gate show",
    "evals push",
    "evals coach-report",
]


def run(arguments: str, **variables: str) -> Result:
    """Run a command inside this process, in the test's own folder."""
    return CliRunner().invoke(app, arguments.split(), env=variables)


@pytest.fixture
def migrated() -> None:
    """The database of this test's folder."""
    assert run("migrate").exit_code == 0


def test_help_lists_every_command() -> None:
    """`--help` names each command of each group."""
    groups = {command.partition(" ")[0] for command in COMMANDS if " " in command}
    listed = "".join(run(f"{group} --help").stdout for group in ("", *groups))
    assert [name for name in " ".join(COMMANDS).split() if not re.search(rf"^│ {name} ", listed, re.MULTILINE)] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_commands_help_ends_with_an_example(command: str) -> None:
    """Whoever asks for help is shown one line to type."""
    shown = run(f"{command} --help")
    assert shown.exit_code == 0
    assert f"agentic-sales {command}" in shown.stdout.partition("Example:")[2]


@pytest.mark.req("SERVE-R11")
@pytest.mark.usefixtures("migrated")
def test_a_new_token_stands_alone_on_standard_output() -> None:
    """The token can be taken into a variable; what is said about it goes to standard error."""
    made = run("tokens create --role rep --name ana --days 7")
    assert made.exit_code == 0
    assert re.fullmatch(r"as_rep_[\w-]{43}\n", made.stdout)
    assert "for 7 days" in made.stderr


@pytest.mark.usefixtures("migrated")
def test_a_token_is_listed_without_itself_until_it_is_revoked() -> None:
    """The list has name, role and state, and never the token."""
    token = run("tokens create --role operator --name op").stdout.strip()
    listed = run("tokens list").stdout
    assert re.search(r"^op +operator .* live", listed, re.MULTILINE)
    assert token not in listed
    assert run("tokens revoke op").exit_code == 0
    assert "revoked 2" in run("tokens list").stdout


@pytest.mark.req("SEND-R14")
@pytest.mark.usefixtures("migrated")
def test_what_does_not_match_is_exit_code_1(tmp_path: Path) -> None:
    """An empty ledger and an empty outbox match; an email that somebody put there is named with its Message-ID."""
    folder = tmp_path / "by hand"
    assert run("reconcile", OUTBOX_DIR=str(folder)).exit_code == 0
    asyncio.run(OutboxMailer(folder).send(an_email(sent_at=to_text(datetime.now(UTC)))))
    found = run("reconcile", OUTBOX_DIR=str(folder))
    assert (found.exit_code, "<touch-1@forge.example>" in found.stdout, "1 differs." in found.stdout) == (1, True, True)


async def add_campaigns(*campaign_ids: str) -> None:
    """Add campaigns that nobody is enrolled in."""
    async with open_service({}) as service:
        for campaign_id in campaign_ids:
            await Rows(service.database).add_campaign(campaign_id)


@pytest.mark.req("ACCESS-R1", "ACCESS-R2")
@pytest.mark.usefixtures("migrated")
def test_a_token_is_limited_to_the_campaigns_it_is_given() -> None:
    """The list says which, or that it is all; a campaign that does not exist is named, and no token is made."""
    asyncio.run(add_campaigns("close", "open"))
    made = run("tokens create --role rep --name ana --campaign open --campaign close")
    assert (made.exit_code, "limited to close, open, good for" in made.stderr) == (0, True)
    run("tokens create --role rep --name eve")
    refused = run("tokens create --role rep --name bob --campaign clsoe")
    assert (refused.exit_code, refused.stderr.partition(".")[0]) == (1, "There is no campaign 'clsoe'")
    listed = run("tokens list").stdout
    assert re.search(r"^ana +rep +close +2", listed, re.MULTILINE)
    assert re.search(r"^ +open", listed, re.MULTILINE)
    assert re.search(r"^eve +rep +all ", listed, re.MULTILINE)
    assert "bob" not in listed


@pytest.mark.req("SERVE-R11")
@pytest.mark.usefixtures("migrated")
def test_a_deliberate_failure_is_one_sentence_and_exit_code_1() -> None:
    """No traceback: what happened, what was not done, what to do."""
    refused = run("tokens revoke nobody")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("There is no token 'nobody'.")


@pytest.mark.req("SERVE-R11")
@pytest.mark.parametrize("arguments", ["resume --sideways", "tokens create --role king --name ana", "nonsense"])
def test_bad_usage_is_exit_code_2(arguments: str) -> None:
    """An unknown option, value or command says so and does nothing."""
    assert run(arguments).exit_code == 2
    assert not Path(".data").exists()


@pytest.mark.parametrize("command", ["serve", "migrate", "resume", "tokens list", "demo"])
@pytest.mark.parametrize(("variable", "text"), [("CAMPAIGN_COACH_ENABLED", "maybe"), ("LOG_LEVEL", "loud")])
def test_an_unknown_setting_refuses_to_start(command: str, variable: str, text: str) -> None:
    """A flag that is neither true nor false stops every command, and the sentence names the variable."""
    refused = run(command, **{variable: text})
    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"{variable} is '{text}'")
    assert not Path(".data").exists()


@pytest.mark.req("SERVE-R15")
@pytest.mark.parametrize("command", ["serve", "resume"])
def test_in_cloudflares_container_no_email_becomes_a_file(command: str) -> None:
    """Its disk is gone after 15 minutes, so the service says where to run instead, and starts nothing."""
    refused = run(command, D1_URL="http://d1.internal")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("OUTBOX_DIR is on the disk of Cloudflare's container")
    assert "SERVICE_URL" in refused.stderr
    assert "Nothing was started" in refused.stderr


def test_migrate_says_what_it_applied_and_where() -> None:
    """The first time every file by name, the second time that there is nothing to do; the database by its whole path."""
    first = run("migrate")
    assert re.findall(r"applied (\w+)\.sql", first.stdout)[0] == "0001_campaigns"
    assert first.stderr == f"database {Path('.data/agentic-sales.db').absolute()}\n"
    assert run("migrate").stdout.startswith("Nothing to apply")


@pytest.mark.req("SERVE-R12")
@pytest.mark.parametrize(
    "arguments",
    ["resume", "requeue close ada", "tokens list", "tokens create --role rep --name ana", "tokens revoke ana"],
)
def test_in_another_folder_no_new_database_is_made(arguments: str) -> None:
    """A command that reads or decides names the file that is missing, says what makes one, and leaves the folder as it was."""
    refused = run(arguments)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"There is no database {Path('.data/agentic-sales.db').absolute()}. Nothing was done")
    assert "`agentic-sales migrate`" in refused.stderr
    assert list(Path().iterdir()) == []


@pytest.mark.req("SERVE-R13")
def test_a_short_command_imports_no_graph_and_no_model() -> None:
    """What takes seconds to import is imported by the commands that use it: tokens, migrate and requeue are not among them."""
    heavy = {"fastapi", "langchain_core", "langchain_openai", "langgraph", "openai", "uvicorn"}
    lines = f"import sys, backend.cli.verbs; print(*sorted({heavy} & sys.modules.keys()))"
    imported = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True)  # noqa: S603  # ours
    assert imported.stdout == "\n"


def test_a_database_elsewhere_is_not_migrated_unasked() -> None:
    """A database that cannot be reached ends the command with a sentence."""
    refused = run("resume", D1_URL="http://127.0.0.1:9", D1_TOKEN="t")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("The database gave no clear answer")


@pytest.mark.usefixtures("migrated")
def test_resume_reports_as_text_or_as_json() -> None:
    """Without anything due the report is a line, or the same facts as JSON."""
    assert run("resume").stdout == "Nothing is due.\n"
    assert json.loads(run("resume --json").stdout) == {
        "counts": {"claimed": 0, "sent": 0, "failed": 0, "model_failures": 0, "left": 0, "absent": 0},
        "runs": [],
        "absent": [],
    }


async def park_ada() -> None:
    """Enrol Ada, in a thread that was given up before its first draft."""
    async with open_service({}) as service:
        await settle(D1Intake(service.database), "ada")
        await service.campaigns.enrol("close", ["ada"], principal="op")
        await Rows(service.database).set_threads(status="parked", next_touch_at=None)


@pytest.mark.usefixtures("migrated")
def test_requeue_puts_a_parked_thread_back() -> None:
    """The thread is listed, then put back, and said to stand; a second time there is none, and an unknown campaign is named."""
    asyncio.run(park_ada())
    listed = run("parked")
    assert (listed.exit_code, listed.stdout.split()[5:9]) == (0, ["close", "ada", "1", "0"])
    assert listed.stderr == "1 thread was given up. Put one back with: agentic-sales requeue CAMPAIGN CONTACT\n"
    back, again, unknown = run("requeue close ada"), run("requeue close ada"), run("requeue open ada")
    assert (back.exit_code, back.stdout) == (0, "Touch 1 of 'close:ada' is scheduled again; the next sweep takes it up.\n")
    assert (again.exit_code, again.stderr.partition(",")[0]) == (1, "Thread 'close:ada' is scheduled")
    assert run("parked").stderr.startswith("0 threads were given up.")
    assert (unknown.exit_code, unknown.stderr.partition(".")[0]) == (1, "There is no campaign 'open'")


@pytest.mark.req("LIST-R7")
@pytest.mark.usefixtures("migrated")
def test_what_there_is_is_listed() -> None:
    """Campaigns, the contacts of one and its threads: a line each, and how many there are on standard error."""
    assert (run("campaigns").stdout, run("campaigns").stderr) == ("", "0 campaigns.\n")
    asyncio.run(park_ada())
    campaigns, contacts, threads = run("campaigns"), run("contacts close"), run("threads close")
    assert campaigns.stdout.split()[4:9] == ["close", "Close", "Ben", "Ortiz", "<ben@vendor.example>"]
    assert contacts.stdout.split()[5:] == ["ada", "Ada", "Ngata", "ada@northwind.example", "Northwind"]
    assert threads.stdout.split()[5:] == ["ada", "parked", "1", "enrolled"]
    assert [listed.stderr for listed in (campaigns, contacts, threads)] == ["1 campaign.\n", "1 contact.\n", "1 thread.\n"]
    assert run("threads close --status completed").stderr == "0 threads.\n"
    assert run("contacts open").stderr.startswith("There is no campaign 'open'.")


@pytest.mark.req("POST-R10")
@pytest.mark.usefixtures("migrated")
def test_a_preview_is_a_message_on_standard_output() -> None:
    """With mail's line ends and nothing around it; a draft that is none is a sentence."""
    asyncio.run(park_ada())
    assert [run(command).exit_code for command in ("requeue close ada", "resume")] == [0, 0]
    shown, unknown = run("preview close:ada:0:1"), run("preview close:ada:0:9")
    assert shown.stdout_bytes.startswith(b"From: Ben Ortiz <ben@vendor.example>\r\nTo: Ada Ngata <ada@northwind.example>\r\n")
    assert message_from_bytes(shown.stdout_bytes).get_content_type() == "multipart/alternative"
    assert (shown.exit_code, shown.stderr, unknown.exit_code) == (0, "", 1)
    assert unknown.stderr.startswith("There is no draft 'close:ada:0:9'.")


def test_a_database_that_cannot_be_opened_is_a_sentence() -> None:
    """It names the path and says what to set."""
    Path("folder").mkdir()
    refused = run("resume", D1_URL="sqlite:///folder")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("The database folder cannot be opened: Is a directory.")


def test_a_taken_port_is_a_sentence() -> None:
    """Where another process listens, nothing is started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = run(f"serve --port {taken.getsockname()[1]}")
    assert refused.exit_code == 1
    assert "Nothing was started" in refused.stderr


def test_the_demo_command_prints_the_transcript_and_exits_0() -> None:
    """A new user's first command, in a process of its own: its output is the golden transcript."""
    environment = {**os.environ, "LLM_KILL_SWITCH": "false"}
    played = subprocess.run([COMMAND, "demo"], capture_output=True, text=True, check=False, env=environment)  # noqa: S603  # ours
    assert (played.returncode, played.stderr) == (0, "")
    assert played.stdout == (GOLDEN / "demo.txt").read_text("utf-8")
