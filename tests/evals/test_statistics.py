"""Bounds and quantiles against tables, and the gate against what a simulation knows to be true."""

import pytest

from evals.simulation import CASES, simulate
from evals.statistics import bound_mean, t_quantile


@pytest.mark.req("GATE-R1")
@pytest.mark.parametrize(
    ("probability", "degrees", "value"),
    [(0.95, 1, 6.3138), (0.95, 2, 2.9200), (0.95, 19, 1.7291), (0.975, 10, 2.2281), (0.9875, 19, 2.4334), (0.95, 120, 1.6577)],
)
def test_the_quantiles_are_those_of_the_tables(probability: float, degrees: int, value: float) -> None:
    """To four places, for odd and even degrees."""
    assert t_quantile(probability, degrees) == pytest.approx(value, abs=5e-5)


@pytest.mark.req("GATE-R1")
def test_a_bound_counts_clusters_and_not_examples() -> None:
    """Ten copies of each example in its cluster tell nothing new; ten more clusters do."""
    single = {"a": [1], "b": [0], "c": [1]}
    copied = {name: values * 10 for name, values in single.items()}
    more = {f"{name}{n}": values for name, values in single.items() for n in range(10)}
    one, same, closer = (bound_mean(each, per_example=1, alpha=0.05, least=0) for each in (single, copied, more))
    assert one == same
    assert closer.mean == one.mean
    assert closer.lower > one.lower


@pytest.mark.req("GATE-R1")
def test_a_bound_by_hand() -> None:
    """Two clusters of means 1 and 0.5: the mean is 0.75, its error 0.25, and t has one degree of freedom."""
    found = bound_mean({"a": [2, 2], "b": [1, 1]}, per_example=2, alpha=0.25, least=-1)
    assert [found.mean, found.lower, found.upper] == pytest.approx([0.75, 0.5, 1.0])
    assert bound_mean({"a": [1, 2]}, per_example=2, alpha=0.05, least=0).lower == 0
    assert bound_mean({}, per_example=2, alpha=0.05, least=-1).upper == 1


@pytest.mark.req("GATE-R16")
def test_the_decisions_come_as_often_as_they_should() -> None:
    """Within the noise of 250 runs; `python -m evals.simulation` takes 2000, and lands within two points."""
    equal, fair, harmed, sunk = (simulate(off, on, times=250) for off, on in CASES)
    assert equal["PROMOTE"] / 250 == pytest.approx(0.96, abs=0.03)
    assert fair["PROMOTE"] / 250 == pytest.approx(0.71, abs=0.06)
    assert harmed["PROMOTE"] / 250 < 0.01
    assert sunk["ROLLBACK"] / 250 == pytest.approx(0.89, abs=0.04)
    assert equal["ROLLBACK"] == fair["ROLLBACK"] == 0
