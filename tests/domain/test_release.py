"""Evidence fits a flag, or a sentence says why it does not."""

from datetime import UTC, datetime
from typing import Any

import pytest

from backend.domain.release import POLICY, Policy, names_of, refuse_to_turn_on
from tests.releases import COMMIT, promoted

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def refusal(*, by: str = "bea", commit: str = COMMIT, **changes: Any) -> str | None:
    """Why the coach may not be turned on by a record with `changes`."""
    return refuse_to_turn_on(promoted(NOW, **changes), flag="CAMPAIGN_COACH_ENABLED", commit=commit, by=by, now=NOW)


@pytest.mark.req("FLAG-R2")
def test_a_promote_of_this_commit_fits() -> None:
    """For seven days, and for whoever did not make the change."""
    assert refusal() is None
    assert refusal(decided_at="2026-11-18T12:00:00.000Z") is None


@pytest.mark.req("FLAG-R2")
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"decision": "HOLD"}, "The newest verdict of the gate on commit cccccccccccc is HOLD."),
        ({"decision": "ROLLBACK"}, "The newest verdict of the gate on commit cccccccccccc is ROLLBACK."),
        ({"flag": "ORCHESTRATOR_ROLE_PLAN"}, "There is no verdict of the gate on commit cccccccccccc."),
        ({"commit_sha": "b" * 40}, "The verdict is about commit bbbbbbbbbbbb, not cccccccccccc."),
        ({"policy_sha256": "other"}, "The verdict was made under other bars than today's."),
        ({"decided_at": "2026-11-18T11:59:59.999Z"}, "The verdict is of 2026-11-18T11:59:59.999Z, and counts for 7 days."),
        ({"decided_at": "2027-01-01T00:00:00.000Z"}, "The verdict is of 2027-01-01T00:00:00.000Z, and counts for 7 days."),
        ({"author": " "}, "The verdict does not say who made the change."),
        ({"commit": ""}, "The service does not know its commit; set RELEASE_COMMIT."),
    ],
)
def test_what_does_not_fit_is_a_sentence(changes: dict[str, Any], why: str) -> None:
    """One for each way not to fit."""
    assert refusal(**changes) == why


@pytest.mark.req("FLAG-R3")
@pytest.mark.parametrize("by", ["ana.n", "ANA NGATA", "ana.n@vendor.example", " Ana Ngata "])
def test_the_changes_author_may_not_turn_it_on(by: str) -> None:
    """By name, by address, and by the part of the address before the sign, in any case."""
    assert refusal(by=by) == f"'{by}' made the change, and somebody else has to turn it on."
    assert refusal(by="ana") is None


def test_an_author_has_names() -> None:
    """A line that is no author of git stands for itself."""
    assert names_of("bea") == {"bea"}
    assert names_of("<bea@x.example>") == {"<bea@x.example>", "bea@x.example", "bea"}
    assert names_of("a <b> <c>") == {"a <b> <c>"}
    assert names_of(" ") == frozenset()


def test_other_bars_are_another_policy() -> None:
    """Each bar is part of the fingerprint."""
    assert len({POLICY.fingerprint, Policy(bar=0.7).fingerprint, Policy(max_attempts=4).fingerprint}) == 3
