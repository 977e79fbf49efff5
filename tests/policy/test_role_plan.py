"""AA06: whatever the leader answers, only roles that somebody can fill are assigned."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.graphs.email_orchestrator_graph import _DEFAULT_ROLES, _ROLE_WORKERS, _ROLES, _repair_role_plan
from backend.graphs.registry import GRAPHS
from tests.strategies import any_flat, any_json, any_scalar, thorough

role_lists = st.lists(st.sampled_from(_ROLES) | any_scalar, max_size=8)


@pytest.mark.req("AA06-R12", "AA06-R13", "AA06-R14")
@thorough
@given(any_flat | role_lists | st.fixed_dictionaries({"roles": any_flat | role_lists}))
def test_any_answer_gives_known_roles_in_order_with_a_composer(raw: Any) -> None:
    """Nothing is raised, nothing outside the enum or twice is left, and a second pass changes nothing."""
    check_roles(raw)


@pytest.mark.req("AA06-R12", "AA06-R13", "AA06-R14")
@given(any_json, any_json)
def test_json_nested_anyhow_is_as_harmless(raw: Any, roles: Any) -> None:
    """Depth makes no difference, at the top or under `roles`."""
    check_roles(raw)
    check_roles({"roles": roles})


def check_roles(raw: Any) -> None:
    """What comes out of `raw` is a plan of known roles with a composer."""
    roles = _repair_role_plan(raw)
    assert roles == [role for role in _ROLES if role in roles]
    assert "composer" in roles
    assert _repair_role_plan(roles) == _repair_role_plan({"roles": roles}) == roles


@pytest.mark.req("AA06-R12")
@pytest.mark.parametrize("named", list(permutations(_ROLES)))
def test_the_order_is_always_the_canonical_one(named: tuple[str, ...]) -> None:
    """Research comes before writing and review after it, however the leader lists them."""
    assert _repair_role_plan(list(named)) == list(_ROLES)


@pytest.mark.req("AA06-R12")
@pytest.mark.parametrize(
    ("named", "kept"),
    [
        (["composer"], ["composer"]),
        (["composer", "composer", "researcher", "composer"], ["researcher", "composer"]),
        (["closer", "composer", "Reviewer", " researcher"], ["composer"]),
        (["composer", None, 1, {"role": "reviewer"}, ["reviewer"], float("nan")], ["composer"]),
        (["reviewer", "composer"], ["composer", "reviewer"]),
    ],
)
def test_strangers_and_repetitions_are_dropped(named: list[Any], kept: list[str]) -> None:
    """What is not exactly a role of the enum is not a role; what stands twice is assigned once."""
    assert _repair_role_plan(named) == _repair_role_plan({"roles": named}) == kept


@pytest.mark.req("AA06-R13")
@pytest.mark.parametrize(
    "raw",
    [
        *([], ["researcher"], ["researcher", "reviewer"], ["Composer"], {"roles": []}, {"roles": ["reviewer"]}),
        *({}, {"roles": None}, {"roles": "composer"}, {"composer": True}, {"roles": {"composer": 1}}),
        *(None, "composer", 3),
    ],
    ids=repr,
)
def test_a_plan_without_a_composer_is_the_default(raw: object) -> None:
    """A team that does not write has not understood its task."""
    assert _repair_role_plan(raw) == ["researcher", "composer"]


def test_the_default_cannot_be_changed_through_a_plan() -> None:
    """Each plan is a list of its own."""
    _repair_role_plan(None).append("reviewer")
    assert _DEFAULT_ROLES == ["researcher", "composer"]


@pytest.mark.req("AA06-R16")
def test_every_role_has_graphs_the_registry_knows() -> None:
    """The enum is closed over real graphs, so a role that nobody can fill cannot be named."""
    assert tuple(_ROLE_WORKERS) == _ROLES
    for workers in _ROLE_WORKERS.values():
        assert workers
        assert set(workers) <= GRAPHS.keys()
