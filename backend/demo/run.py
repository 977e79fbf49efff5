"""The demo: two small campaigns from their first day to their last, in seconds, and a check of what came of them."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from pathlib import Path

from rich.console import Console

from backend.d1.statements import Statement
from backend.demo.counting import CountingLLM
from backend.demo.hours import AT_ANY_HOUR
from backend.demo.play import Play, SimulatedClock
from backend.demo.script import speak
from backend.demo.scripted_model import ScriptedModelServer
from backend.demo.story import Story, read_story
from backend.demo.transcript import SCRIPTED, Transcript
from backend.desk import look_around
from backend.egress import name_model_server
from backend.errors import AgenticSalesError
from backend.read_models import ThreadView
from backend.wiring import make_deepseek, open_service

STORIES = ("coached", "baseline")
DATABASE, OUTBOX = "agentic-sales.db", "outbox"

_SENDS = "SELECT count(*) AS sends FROM send_ledger WHERE state = 'sent' AND thread_id LIKE ?1 || ':%'"


@dataclass(frozen=True, slots=True)
class Performance:
    """A story went so: its threads at the end, from when each contact was not to be written to, sends and rows written."""

    story: Story
    threads: Sequence[ThreadView]
    blocked_at: Mapping[str, datetime]
    sends: int
    rows_written: int


class DemoContradicted(AgenticSalesError):
    """The demo left behind something else than it told."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The demo contradicts itself: {what}. Its files were kept for a look.")


async def run_demo(folder: Path, console: Console) -> None:
    """Play every story into a fresh folder under `folder`, write the transcript to `console`, and check it against the files.

    Needs no key and no network: without DEEPSEEK_API_KEY a scripted server on loopback stands in for the model.

    Raises:
        DemoContradicted: the emails that left are not those the transcript tells of.
    """
    home = _fresh_folder(folder)
    transcript = Transcript(console)
    async with _model() as (model_name, make_llm):
        transcript.opening(model_name)
        performances = [await _perform(read_story(name), home, transcript, model_name, make_llm) for name in STORIES]
    transcript.summary([(told.story, told.threads) for told in performances], model_name)
    sends = _check(home / OUTBOX, performances)
    transcript.accounts(home, sends, sum(told.rows_written for told in performances), make_llm.asked)


async def _perform(story: Story, home: Path, transcript: Transcript, model_name: str, make_llm: CountingLLM) -> Performance:
    """Play one story on a service of its own over the run's database and outbox."""
    clock = SimulatedClock(story.starts_at)
    transcript.heading(f"Campaign “{story.campaign['name']}” {story.title}")
    async with open_service(_settings(story, home), clock=clock, make_llm=make_llm) as service:
        await service.schema.migrate()
        play = Play(story, service, clock, model_name, transcript.event)
        await play.perform()
        if story.for_the_team:
            transcript.team(story.contact(story.for_the_team)["name"], await play.write_as_team(story.for_the_team), model_name)
        (counted,) = await service.database.batch([Statement(_SENDS, (story.campaign["campaign_id"],))])
        return Performance(story, await play.threads(), play.blocked_at, counted.rows[0]["sends"], play.rows_written)


def _settings(story: Story, home: Path) -> dict[str, object]:
    """The environment holds settings the demo does not take over."""
    return {
        "d1_url": f"sqlite:///{home / DATABASE}",
        "outbox_dir": str(home / OUTBOX),
        "campaign_coach_enabled": story.campaign_coach_enabled,
        "orchestrator_role_plan": story.orchestrator_role_plan,
        **AT_ANY_HOUR,
    }


def _check(outbox: Path, performances: Sequence[Performance]) -> int:
    """Hold the files against the ledger, and the day of each against what its contact had asked for by then; return the sends.

    Raises:
        DemoContradicted: they disagree.
    """
    files = sorted(outbox.glob("*.eml"))
    sends = sum(told.sends for told in performances)
    if len(files) != sends:
        what = f"the ledger counts {sends} sends, and there are {len(files)} .eml files"
        raise DemoContradicted(what)
    blocked_at = {
        told.story.contact(contact_id)["address"]: at for told in performances for contact_id, at in told.blocked_at.items()
    }
    for file in files:
        email = message_from_bytes(file.read_bytes(), policy=policy.default)
        (recipient,) = email["To"].addresses
        if recipient.addr_spec in blocked_at and email["Date"].datetime >= blocked_at[recipient.addr_spec]:
            what = f"{file.name} went to somebody who may not be written to"
            raise DemoContradicted(what)
    return sends


def _fresh_folder(folder: Path) -> Path:
    """Make the first of `folder/1`, `folder/2`, … that does not exist; of two runs at once each gets its own."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        try:
            (folder / str(number)).mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder / str(number)


@asynccontextmanager
async def _model() -> AsyncGenerator[tuple[str, CountingLLM]]:
    """Name who speaks, and the client to ask them with."""
    around = look_around()
    if around.has_model_key:
        async with make_deepseek() as client:
            yield name_model_server(around.model_url), CountingLLM(client)
        return
    async with ScriptedModelServer(speak) as server:
        scripted = {"deepseek_base_url": server.base_url, "deepseek_api_key": "scripted"}
        async with make_deepseek(scripted) as client:
            yield SCRIPTED, CountingLLM(client)
