"""A database that an earlier version left: `tests/golden/first_database.sql`, as it stood after the first three migrations.

Ada's thread waits with the second version of its first touch. Cleo's draft is approved, and its run was killed. Bob's first
touch was sent with a person's own words, Dan's as it was drafted.
"""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from tests.goldens import FOLDER
from tests.northwind import EMAIL, SCRIPT
from tests.story.fleet import Fleet, open_fleet

SECOND_TOUCH = "2026-11-26T09:00:00.000Z"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The old database as a file of its own."""
    with contextlib.closing(sqlite3.connect(tmp_path / "old.db")) as connection:
        connection.executescript((FOLDER / "first_database.sql").read_text("utf-8"))
    return f"sqlite:///{tmp_path}/old.db"


def recipients(fleet: Fleet) -> list[str]:
    """Whom the fleet has written to, in order."""
    return [email.recipient_address.partition("@")[0] for email in fleet.mailer.delivered]


@pytest.mark.req("RUN-R22")
async def test_what_was_under_way_goes_on(url: str) -> None:
    """The cut-off run is taken up, the waiting draft is decided under its new id, and each thread makes its next touch."""
    async with open_fleet(SCRIPT, coach=True, url=url, contacts=()) as fleet:
        report = await fleet.resume()
        assert [(run.thread_id, run.sent) for run in report.runs] == [("close:cleo", True)]
        decided = await fleet.decide_on("close:ada:0:2", "approve", override=True)
        assert (decided.sent, decided.step) == (True, 1)
        assert recipients(fleet) == ["cleo", "ada"]
        report = await fleet.fast_forward()
        assert {run.thread_id: (run.status, run.step) for run in report.runs} == {
            f"close:{contact_id}": ("awaiting_approval", 1) for contact_id in ("ada", "bob", "cleo", "dan")
        }
        assert fleet.model.count("campaign:coach_plan") == 0


@pytest.mark.req("RUN-R23")
async def test_what_was_sent_is_in_the_history(url: str) -> None:
    """A person reads the text that left, with its instant; the edited one beside the draft it came from."""
    async with open_fleet(SCRIPT, coach=True, url=url, contacts=()) as fleet:
        views = fleet.service.views
        bob, dan = [await views.thread("close", contact_id) for contact_id in ("bob", "dan")]
        for view, words in ((bob, "My own words"), (dan, EMAIL["subject"])):
            (touch,) = view.touches
            assert touch.ledger is not None
            assert touch.versions[0].decision is not None
            assert touch.versions[0].decision.approved is not None
            assert (touch.outcome, touch.ledger.state, touch.versions[0].decision.approved.subject) == ("sent", "sent", words)
            assert (view.next_touch_at, view.plan_in_force) == (SECOND_TOUCH, True)
