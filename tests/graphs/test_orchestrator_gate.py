"""AA06, the gate: before anybody thinks, somebody checks that the contact may be written to."""

from typing import Any

import pytest

from backend.domain.suppression import CONTACT_FLAGS, address_sha256
from backend.errors import DatabaseUnreachable
from tests.graphs.team import INCOMING, Team, team


def block(writers: Team, reason: str) -> None:
    """Let the contact be one who may not be written to."""
    contact: dict[str, Any] = writers.records.dossiers["ada"]["contact"]  # type: ignore[assignment]  # its flags by name
    if reason == "suppressed":
        writers.records.suppressed.add(address_sha256(contact["address"].upper()))
    else:
        contact[reason] = True


@pytest.mark.req("AA06-R8", "AA06-R9")
@pytest.mark.parametrize("led", [True, False])
@pytest.mark.parametrize("reason", ["suppressed", *CONTACT_FLAGS])
async def test_a_blocked_contact_is_skipped_before_anybody_thinks(reason: str, *, led: bool) -> None:
    """The run ends with `skip` and the reason; no draft was written, no model asked, nothing remembered."""
    writers = team()
    block(writers, reason)
    state = await writers.write(led=led)
    assert state["action"] == "skip"
    assert state["action_provenance"]["source"] == "rule"
    assert reason in state["action_provenance"]["reason"]
    assert "draft" not in state
    assert writers.requests() == []
    assert writers.records.learned == {}


@pytest.mark.req("AA06-R8")
async def test_somebody_who_wrote_is_answered() -> None:
    """`replied` stops outreach, and an answer is not outreach."""
    writers = team()
    block(writers, "replied")
    state = await writers.write(INCOMING)
    assert state["action"] == "reply"
    assert "a fair point" in state["draft"]["body"]


@pytest.mark.req("AA06-R8", "AA06-R9")
@pytest.mark.parametrize("reason", ["suppressed", *(flag for flag in CONTACT_FLAGS if flag != "replied")])
async def test_an_answer_is_blocked_by_everything_else(reason: str) -> None:
    """Who asked not to be written to is not answered by a machine either."""
    writers = team()
    block(writers, reason)
    assert (await writers.write(INCOMING))["action"] == "skip"
    assert writers.requests() == []


@pytest.mark.req("AA06-R10")
@pytest.mark.parametrize("led", [True, False])
async def test_a_gate_that_cannot_be_checked_is_closed(*, led: bool) -> None:
    """When the database gives no answer the run fails: it does not guess, ask a model or remember."""
    writers = team()
    writers.records.failure = DatabaseUnreachable("the connection ended", 5)
    with pytest.raises(DatabaseUnreachable):
        await writers.write(led=led)
    assert writers.requests() == []
    assert writers.records.learned == {}
