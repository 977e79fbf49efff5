"""The demo's transcript: a timeline of one line an event, the answer of the team, a table at the end, and where things are."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from textwrap import wrap
from typing import Any

from rich.console import Console
from rich.text import Text

from backend.demo.play import Event, EventKind
from backend.demo.story import Story
from backend.domain.instants import from_text
from backend.domain.provenance import Provenance
from backend.read_models import ThreadView

_STYLES: Mapping[EventKind, str] = {
    "plan": "cyan",
    "draft": "dim",
    "sent": "green",
    "decided": "yellow",
    "incident": "magenta",
    "ended": "bold",
}
_NAME_WIDTH = 15
_BODY_WIDTH = 96

SCRIPTED = "scripted model"


class Transcript:
    """Writes to one console; without a terminal it is plain text, the same for the same events."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def line(self, text: str = "", style: str = "") -> None:
        """One line, however long."""
        self._console.print(Text(text, style), soft_wrap=True)

    def heading(self, text: str) -> None:
        """A line that begins a part."""
        self.line()
        self.line(text, "bold")
        self.line()

    def event(self, event: Event) -> None:
        """One line of the timeline."""
        line = Text(f"{event.at:%Y-%m-%d %a}  ", "dim").append(f"{event.who:<{_NAME_WIDTH}}  ", "not dim")
        self._console.print(line.append(event.what, f"not dim {_STYLES[event.kind]}"), soft_wrap=True)

    def opening(self, model_name: str) -> None:
        """Tell who plays."""
        self.line("Invented people and firms, a simulated clock, and the verbs that run in production.")
        if model_name == SCRIPTED:
            self.line("The model is scripted: a server on this machine's loopback with a few phrases. No key, no network.")
        else:
            self.line(f"The model: {model_name}.")

    def team(self, who: str, written: Mapping[str, Any], model_name: str) -> None:
        """Tell what the organised team made of an email."""
        roles, draft, meta = written.get("role_plan"), written["draft"], written["graph_meta"]
        self.heading(f"The organised team {'answers' if written['action'] == 'reply' else 'writes to'} {who}")
        if roles:
            self.line(f"roles     {', '.join(roles['roles'])}, assigned by {_source(roles['provenance'], model_name)}")
        self.line(f"writer    {_source(draft['provenance'], model_name)}")
        if "review_passed" in meta:
            self.line(f"reviewer  {'passed' if meta['review_passed'] else '; '.join(meta['review_notes'])}, by rule")
        self.line(f"subject   {draft['subject']}")
        for paragraph in ["", *draft["body"].splitlines()]:
            for line in wrap(paragraph, _BODY_WIDTH) or [""]:
                self.line(f"  | {line}".rstrip(), "italic")
        self.line()
        self.line("It is a draft: the team holds no mailer.")

    def summary(self, stories: Sequence[tuple[Story, Sequence[ThreadView]]], model_name: str) -> None:
        """One row a contact: on whose plan, how many emails, after which gaps, and why it ended."""
        rows = [("contact", "plan", "sent", "days between", "ended")]
        for story, threads in stories:
            for thread in threads:
                gaps = sent_gaps(thread)
                days = ", ".join(map(str, gaps)) or "-"
                name = story.contact(thread.contact_id)["name"]
                rows.append((name, _planner(story, thread, model_name), str(len(gaps)), days, thread.status_reason))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        self.heading("What became of everybody")
        for number, row in enumerate(rows):
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            self.line("   ".join(cells).rstrip(), "" if number else "bold")

    def accounts(self, home: Path, sends: int, rows_written: int, asked: Counter[str]) -> None:
        """Tell what it took, where it lies, and what to try next."""
        self.heading("What it took, and where it lies")
        by_prompt = ", ".join(f"{count} {name}" for name, count in sorted((+asked).items()))
        self.line(f"emails    {sends} sent, {sends} .eml files in {home / 'outbox'}")
        self.line(f"model     {asked.total()} requests: {by_prompt}" if by_prompt else "model     it is switched off")
        self.line(f"database  {rows_written} rows written by the verbs, kept in {home / 'agentic-sales.db'}")
        self.line("checked   one file a send, none after a reply, none to anybody who unsubscribed")
        self.heading("Try next")
        for command, what in (
            (f"less {home / 'outbox'}/*.eml", "the emails as they left"),
            (f"D1_URL=sqlite:///{home / 'agentic-sales.db'} uv run agentic-sales serve", "these campaigns over HTTP"),
            ("DEEPSEEK_API_KEY=… uv run agentic-sales demo", "the same people, planned for and written to by DeepSeek"),
        ):
            self.line(f"{command}\n    {what}")


def sent_gaps(thread: ThreadView) -> list[int]:
    """Whole days before each email that left: the first counts from the enrolment, each other from the one before."""
    sent = [from_text(touch.sent_at) for touch in thread.touches if touch.sent_at]
    return [(later - earlier) // timedelta(days=1) for earlier, later in pairwise([from_text(thread.enrolled_at), *sent])]


def _planner(story: Story, thread: ThreadView, model_name: str) -> str:
    if thread.plan is None:
        return "none" if story.campaign_coach_enabled else "default, flag off"
    return model_name if thread.plan.provenance.source == "model" else "default, no usable plan"


def _source(origin: Provenance, model_name: str) -> str:
    return model_name if origin["source"] == "model" else "rule"
