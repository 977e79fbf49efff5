"""The demo as a new user sees it: two campaigns in seconds, told in a transcript that the files bear out."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from backend.d1.database import open_database
from backend.d1.statements import Row
from backend.demo.run import DATABASE, OUTBOX, STORIES, DemoContradicted, Performance, _check, run_demo
from backend.demo.script import speak
from backend.demo.scripted_model import ScriptedModelServer
from backend.demo.story import read_story
from tests.goldens import CheckGolden
from tests.mail.emails import text_of
from tests.rows import Rows, Table

DEMO = Path(".data/demo")
DEFAULT_GAPS = [4, 7, 7, 7, 7]
WORDS_OF_A_BODY = range(60, 250)

README = Path(__file__).parents[2] / "README.md"


@dataclass(frozen=True)
class Told:
    """A finished run: what it printed, and where its files are."""

    transcript: str
    folder: Path

    @property
    def emails(self) -> list[Any]:
        """Every email that left, the earliest first."""
        files = sorted((self.folder / OUTBOX).glob("*.eml"))
        return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]

    def sent_to(self, contact_id: str) -> list[datetime]:
        """When an email left for this contact."""
        (address,) = {
            who["address"] for name in STORIES for who in read_story(name).contacts if who["contact_id"] == contact_id
        }
        return [email["Date"].datetime for email in self.emails if email["To"].addresses[0].addr_spec == address]

    def rows(self, table: Table) -> list[Row]:
        """What the run's database holds."""

        async def read() -> list[Row]:
            async with open_database(f"sqlite:///{self.folder / DATABASE}") as database:
                return await Rows(database).all(table)

        return asyncio.run(read())


def perform() -> str:
    """Run the demo below the present folder, and return its transcript."""
    written = StringIO()
    asyncio.run(run_demo(DEMO, Console(file=written, width=120)))
    return written.getvalue()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """One run with the scripted model, for all tests that only look at it."""
    home = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setenv("LLM_KILL_SWITCH", "false")
        transcript = perform()
    return Told(transcript, home / DEMO / "1")


def test_the_transcript_is_the_golden_file(told: Told, check_golden: CheckGolden) -> None:
    """Two runs of the demo tell the same story, word for word; the README quotes five lines of it."""
    check_golden("demo.txt", told.transcript)
    quoted = (
        README.read_text("utf-8").split("<!-- five lines -->")[1].split("<!-- /five")[0].strip().strip("`").strip().splitlines()
    )
    assert [line in told.transcript.splitlines() for line in quoted] == [True] * 5


def test_one_contact_gets_six_touches_with_the_default_gaps(told: Told) -> None:
    """With the flag off a sequence has six touches, to the minute 4, 7, 7, 7 and 7 days apart."""
    instants = told.sent_to("farah-lindgren")
    assert [later - earlier for earlier, later in pairwise(instants)] == [timedelta(days=days) for days in DEFAULT_GAPS]


def test_the_coach_sets_the_gaps_of_its_own_contacts(told: Told) -> None:
    """Beside the defaults, a planned thread keeps its plan's gaps and budget."""
    instants = told.sent_to("ana-braganca")
    assert [(later - earlier).days for earlier, later in pairwise(instants)] == [3, 8]
    assert "completed: every touch was made" in told.transcript


def test_nothing_leaves_after_a_reply(told: Told) -> None:
    """The contact who replied got two of five planned touches, both before the reply."""
    replied_on = datetime.fromisoformat("2027-03-05T00:00:00+00:00")
    assert [at < replied_on for at in told.sent_to("bolaji-adeyemi")] == [True, True]


def test_nothing_leaves_to_somebody_who_unsubscribed(told: Told) -> None:
    """Neither to the contact who had unsubscribed before, nor to the one who did so while a draft waited for its approval."""
    assert told.sent_to("dmitri-haas") == []
    assert len(told.sent_to("elif-sato")) == 1
    assert "was withdrawn: suppressed" in told.transcript


def test_the_gap_counts_from_the_real_send(told: Told) -> None:
    """A draft that waited three days for its approval moves the touches after it."""
    first, second = told.sent_to("goran-petrov")
    assert first == read_story("baseline").starts_at + timedelta(days=3)
    assert second - first == timedelta(days=4)


def test_there_is_one_file_a_send(told: Told) -> None:
    """As many .eml files as the ledger counts sends, and each with a Message-ID of its own."""
    sends = [row["state"] for row in told.rows("send_ledger")].count("sent")
    assert len(told.emails) == sends == len({email["Message-ID"] for email in told.emails})
    assert f"{sends} sent, {sends} .eml files" in told.transcript


def test_every_kind_of_decision_was_made(told: Told) -> None:
    """The story holds an approval, an edit, a regeneration, a rejection and a stop."""
    assert len({row["decision"] for row in told.rows("drafts")} - {None}) == 5


def test_the_emails_are_fit_to_be_sent(told: Told) -> None:
    """The scripted model writes whole emails: of decent length, different from each other, with no hole left open."""
    bodies = [text_of(email) for email in told.emails]
    assert [body for body in bodies if len(body.split()) not in WORDS_OF_A_BODY] == []
    assert [body for body in bodies if "{" in body or "None" in body] == []
    assert len(set(bodies)) == len(bodies)
    subject, *later = [str(email["Subject"]) for email in told.emails if "Farah" in str(email["To"])]
    assert later == [f"Re: {subject}"] * 5


@pytest.mark.usefixtures("models_allowed")
def test_a_second_run_gets_a_folder_of_its_own() -> None:
    """Running it twice leaves both runs whole, and tells the same story twice."""
    first, second = perform(), perform()
    assert second == first.replace(f"{DEMO}/1", f"{DEMO}/2")
    assert sorted(path.name for path in DEMO.iterdir()) == ["1", "2"]


def test_the_script_names_no_firm_that_is_not_known() -> None:
    """A contact without a company is written to all the same, with no field left to fill."""
    said = [speak("email:compose", "", f"This is touch {number} of the sequence, version 1.") for number in range(1, 7)]
    assert not any("{{company}}" in email for email in said)
    assert "{{company}}" in speak("email:compose", "", "<<<DATA company\nname: Firn\nDATA company>>>")


def test_the_kill_switch_holds_in_the_demo_too() -> None:
    """With it on not even the scripted model is asked: plans and drafts are the defaults, and the story goes on to its end."""
    transcript = perform()
    assert "model     it is switched off" in transcript
    assert "by scripted model" not in transcript
    assert len(Told(transcript, DEMO / "1").sent_to("farah-lindgren")) == 6


async def told_by(plan: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Told:
    """Perform the demo with a key and a model that plans this and writes nonsense."""
    written = StringIO()
    async with ScriptedModelServer(
        lambda name, _system, _user: json.dumps(plan) if name == "campaign:coach_plan" else "?"
    ) as model:
        monkeypatch.setenv("DEEPSEEK_API_KEY", "a key")
        monkeypatch.setenv("DEEPSEEK_BASE_URL", model.base_url)
        await run_demo(DEMO, Console(file=written, width=120))
    return Told(written.getvalue(), DEMO / "1")


@pytest.mark.req("MODEL-R20")
@pytest.mark.usefixtures("models_allowed")
async def test_with_a_key_the_demo_holds_whatever_the_model_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model is the one of the key, and said to be; plans of one touch and unusable emails change the story, not its end."""
    plan = {"angle": "One question.", "tone": "direct", "max_touches": 1, "cadence_days": [60]}
    told = await told_by(plan, monkeypatch)
    assert re.search(r"The model: local model at 127\.0\.0\.1:\d+\.", told.transcript)
    assert re.search(r"plan by local model at 127\.0\.0\.1:\d+: gaps 60, direct, “One question\.”", told.transcript)
    assert "by DeepSeek" not in told.transcript.partition("Try next")[0]
    assert "The organised team writes to Bolaji Adeyemi" in told.transcript
    assert len(told.sent_to("ana-braganca")) == 1
    assert len(told.sent_to("farah-lindgren")) == 6


@pytest.mark.usefixtures("models_allowed")
@pytest.mark.parametrize(
    ("gaps", "max_touches"),
    [([0, 0], 2), ([0, 0, 0, 0, 0, 0], 6), ([0, 1, 0, 1], 4), ([60, 0, 60], 3), ([1, 1, 0], 3)],
    ids=str,
)
async def test_the_demo_ends_well_whatever_gaps_are_planned(
    monkeypatch: pytest.MonkeyPatch, gaps: list[int], max_touches: int
) -> None:
    """Touches of one instant are made one after the other, each contact gets as many as planned, and the story ends."""
    plan = {
        "angle": "One question.",
        "tone": "direct",
        "cadence_days": gaps,
        "max_touches": max_touches,
        "stop_criteria": "A meeting.",
    }
    told = await told_by(plan, monkeypatch)
    instants = told.sent_to("ana-braganca")
    assert [(later - earlier).days for earlier, later in pairwise(instants)] == gaps[1:]
    assert len(told.sent_to("farah-lindgren")) == 6


def a_performance(story: str, blocked_at: Mapping[str, datetime] | None = None) -> Performance:
    """How a story with one send might have gone."""
    return Performance(read_story(story), threads=[], blocked_at=blocked_at or {}, sends=1, rows_written=0)


def test_a_missing_file_contradicts_the_demo(tmp_path: Path) -> None:
    """A send without its file ends the demo with a sentence."""
    with pytest.raises(DemoContradicted, match=r"counts 1 sends, and there are 0 \.eml files"):
        _check(tmp_path, [a_performance("baseline")])


def test_an_email_to_somebody_blocked_contradicts_the_demo(tmp_path: Path) -> None:
    """An email to a contact who had unsubscribed by then ends the demo with a sentence."""
    story = read_story("coached")
    email = EmailMessage()
    email["To"], email["Date"] = story.contact("dmitri-haas")["address"], story.starts_at
    (tmp_path / "1.eml").write_bytes(email.as_bytes())
    with pytest.raises(DemoContradicted, match="may not be written to"):
        _check(tmp_path, [a_performance("coached", {"dmitri-haas": story.starts_at})])
