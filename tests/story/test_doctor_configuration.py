"""The examination of the configuration: each setting that is not as it must be, and what is said of it."""

import json
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from backend.cli.commands import app
from backend.d1.embedded import open_embedded
from backend.d1.meter import MeteredDatabase
from backend.doctor import examine
from tests.databases import place_migrated
from tests.fakes.unlike_d1 import BlankDatabase

LONG, OTHER = "s" * 32, "t" * 32


class Case(NamedTuple):
    """Settings, and what one check says of them."""

    settings: Mapping[str, object]
    check: str
    state: str
    words: str


CASES = [
    Case({"log_level": "loud"}, "log level", "wrong", "'loud' is no level"),
    Case({"log_level": "debug"}, "log level", "ok", "debug"),
    Case({}, "D1 token", "ok", "a file"),
    Case({"d1_url": "https://bridge.example", "d1_token": "t"}, "D1 token", "ok", "set"),
    Case({"d1_url": "https://bridge.example"}, "D1 token", "wrong", "not set"),
    Case({"d1_url": "d1://account/database"}, "D1 token", "wrong", "not set"),
    Case({"d1_url": "http://bridge.example", "d1_token": "t"}, "D1 token", "note", "in the clear"),
    Case({"d1_url": "http://127.0.0.1:8787", "d1_token": "t"}, "D1 token", "ok", "set"),
    Case({"d1_url": "http://d1.internal"}, "D1 token", "ok", "container"),
    Case({"d1_url": "http://[::1"}, "D1 token", "wrong", "not set"),
    Case({}, "checkpoint key", "note", "unencrypted"),
    Case({"checkpoint_key": LONG}, "checkpoint key", "ok", "encrypted"),
    Case({"checkpoint_key": "short"}, "checkpoint key", "wrong", "at least 32"),
    Case({}, "model key", "note", "the defaults"),
    Case({"deepseek_api_key": "  "}, "model key", "note", "the defaults"),
    Case({"deepseek_api_key": "k"}, "model key", "ok", "set"),
    Case({}, "model host", "ok", "api.deepseek.com"),
    Case({"deepseek_base_url": "http://localhost:11434/v1"}, "model host", "note", "localhost"),
    Case({"deepseek_base_url": "http://[::1]:11434/v1"}, "model host", "note", "::1"),
    Case({}, "kill switch", "note", "no model is asked"),
    Case({"orchestrator_role_plan": True}, "flags", "ok", "COACH_ENABLED off, ORCHESTRATOR_ROLE_PLAN on"),
    Case({}, "unsubscribe", "note", "no link"),
    Case({"public_url": "https://mail.example", "unsubscribe_secret": LONG}, "unsubscribe", "ok", "under https://mail.example"),
    Case({"public_url": "https://mail.example"}, "unsubscribe", "wrong", "UNSUBSCRIBE_SECRET is not set"),
    Case({"public_url": "https://mail.example", "unsubscribe_secret": "short"}, "unsubscribe", "wrong", "fewer than 32"),
    Case(
        {"unsubscribe_secret": LONG, "unsubscribe_secret_previous": f"{OTHER} short"}, "unsubscribe", "wrong", "fewer than 32"
    ),
    Case({"unsubscribe_secret": LONG}, "unsubscribe", "note", "earlier emails"),
    Case({"public_url": "http://localhost:8000", "unsubscribe_secret": LONG}, "unsubscribe", "note", "cannot reach"),
    Case({"public_url": "https://intranet", "unsubscribe_secret": LONG}, "unsubscribe", "note", "cannot reach"),
    Case({}, "cron secret", "note", "not set"),
    Case({"cron_secret": LONG}, "cron secret", "ok", "set"),
    Case({"cron_secret": "short"}, "cron secret", "note", "fewer than 32"),
    Case({"cron_secret": LONG, "cron_secret_previous": "short"}, "cron secret", "note", "fewer than 32"),
    Case({"cron_secret": LONG, "cron_secret_previous": OTHER}, "cron secret", "note", "still good"),
    Case({"cron_secret": LONG, "cron_secret_previous": LONG}, "cron secret", "wrong", "nothing was rotated"),
    Case({"cron_secret_previous": OTHER}, "cron secret", "wrong", "CRON_SECRET is not set"),
    Case({}, "mail", "ok", "made by the first send"),
    Case({"d1_url": "http://d1.internal"}, "mail", "wrong", "emails included"),
    Case({"outbox_dir": "."}, "mail", "ok", "can be written to"),
    Case({"outbox_dir": "a file"}, "mail", "wrong", "Not a directory"),
    Case({"outbox_dir": "a file/outbox"}, "mail", "wrong", "Not a directory"),
    Case({"mail_url": "smtp://ana:secret@mail.example"}, "mail", "note", "mail.example:587 by SMTP, STARTTLS; what"),
    Case(
        {"mail_url": "smtp://ana:secret@mail.example", "mail_sent_url": "imaps://ana:secret@mail.example/Sent"},
        *("mail", "ok", "mail.example:587 by SMTP, STARTTLS"),
    ),
    Case({"mail_sent_url": "imap://ana:secret@mail.example/Sent"}, "settings", "wrong", "MAIL_SENT_URL"),
    Case({"mail_url": "smtps://mail.example"}, "mail", "note", "mail.example:465 by SMTP, TLS, without a login"),
    Case({"mail_url": "smtps://ana:secret@192.0.2.7"}, "mail", "note", "no certificate names 192.0.2.7"),
    Case({"mail_url": "smtps://ana:secret@mail"}, "mail", "note", "no certificate names mail"),
    Case({"mail_url": "smtp://127.0.0.1:2525"}, "mail", "ok", "127.0.0.1:2525 by SMTP, STARTTLS if it is offered"),
    Case({"mail_url": "resend://", "resend_api_key": "re_short"}, "mail", "note", "has 8 characters"),
    Case({"mail_url": "resend://"}, "mail", "wrong", "RESEND_API_KEY is not set"),
    Case({}, "hours", "note", "a mailbox sends any number a day and any number an hour"),
    Case({"mailbox_cap_a_day": 5, "send_days": "sat-mon"}, "hours", "ok", "mon,sat-sun 00:00-24:00 where the contact is"),
    Case({"mail_url": "resend://", "resend_api_key": "re_0123456789abcdef"}, "mail", "ok", "Resend"),
]


@pytest.mark.req("DOCTOR-R1", "DOCTOR-R13")
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check}: {case.words}")
async def test_a_setting_is_judged(own_folder: Path, case: Case) -> None:
    """Its check says how it stands; whatever is not ok comes with what to do."""
    (own_folder / "a file").touch()
    report = await examine(case.settings, opening=nullcontext(BlankDatabase()))
    finding = report[case.check]
    assert (finding.state, case.words in finding.found) == (case.state, True), finding
    assert bool(finding.advice) == (case.state != "ok")


@pytest.mark.req("DOCTOR-R1")
async def test_a_key_without_the_extra_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `cryptography` is not installed, what to install is said."""
    for name in [name for name in sys.modules if name.startswith("cryptography")]:
        monkeypatch.setitem(sys.modules, name, None)
    report = await examine({"checkpoint_key": LONG}, opening=nullcontext(BlankDatabase()))
    assert report["checkpoint key"].state == "wrong"
    assert "uv sync --extra encryption" in report["checkpoint key"].advice


@pytest.fixture
async def embedded(own_folder: Path) -> AsyncGenerator[MeteredDatabase]:
    """The database of the default settings, migrated."""
    await place_migrated(own_folder / ".data/agentic-sales.db")
    async with open_embedded(str(own_folder / ".data/agentic-sales.db")) as database:
        yield database


REFUSED = {
    "CAMPAIGN_COACH_ENABLED": "maybe",
    "DEEPSEEK_BASE_URL": "https://elsewhere.example",
    "DEEPSEEK_API_KEY": "gültig",
    "PORT": "many",
    "SEND_DAYS": "weekdays",
    "SEND_HOURS": "9 to 5",
    "MAILBOX_CAP_A_DAY": "-1",
}


@pytest.mark.req("DOCTOR-R4")
@pytest.mark.parametrize("variable", REFUSED)
@pytest.mark.usefixtures("embedded")
def test_a_setting_that_cannot_be_read_is_the_only_finding(variable: str) -> None:
    """It is named, as JSON too, and nothing is looked at with settings that nobody has."""
    answered = CliRunner().invoke(app, ["doctor", "--json"], env={variable: REFUSED[variable]})
    [finding] = json.loads(answered.stdout)["checks"]
    assert (answered.exit_code, finding["check"], finding["state"]) == (1, "settings", "wrong")
    assert finding["found"].startswith(variable)


@pytest.mark.req("DOCTOR-R4")
@pytest.mark.parametrize(("variable", "text"), [("D1_URL", "postgres://host"), ("D1_URL", "http://[::1"), ("D1_TOKEN", "a\nb")])
async def test_a_setting_of_the_database_that_is_refused_is_named(variable: str, text: str) -> None:
    """The database is not opened, and the rest is looked at."""
    report = await examine({"d1_url": "http://127.0.0.1:9", variable.lower(): text})
    assert (report["database"].state, report["mail"].state) == ("wrong", "ok")
    assert report["database"].found.startswith(variable)
