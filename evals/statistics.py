"""One-sided bounds of a mean over clustered examples; whole numbers go in, so their order changes no bit of what comes out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

DECIMALS = 9
"""A bound is rounded to these before it is compared or kept: libraries of two machines differ in the last bits of a sine."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """A mean with its one-sided lower and upper bound."""

    mean: float
    lower: float
    upper: float


def bound_mean(clusters: Mapping[str, Sequence[int]], *, per_example: int, alpha: float, least: float) -> Bounds:
    """Bound the mean of `value / per_example` over all examples; a quotient lies from `least` to 1.

    The standard error is robust to any likeness within a cluster, and its quantile is Student's with one degree of freedom
    less than there are clusters. With fewer than two clusters nothing is known, and the bounds are `least` and 1.
    """
    size = sum(len(values) for values in clusters.values())
    if not size or not per_example:
        return Bounds(least, least, 1.0)
    total = sum(sum(values) for values in clusters.values())
    mean = round(total / (size * per_example), DECIMALS)
    groups = len(clusters)
    if groups < 2:  # noqa: PLR2004  # a spread takes two
        return Bounds(mean, least, 1.0)
    squares = sum((size * sum(values) - len(values) * total) ** 2 for values in clusters.values())
    error = math.sqrt(squares * groups / (groups - 1)) / (size * size * per_example)
    reach = t_quantile(1 - alpha, groups - 1) * error
    return Bounds(mean, round(max(least, mean - reach), DECIMALS), round(min(1.0, mean + reach), DECIMALS))


@lru_cache(maxsize=256)
def t_quantile(probability: float, degrees: int) -> float:
    """The value that Student's t stays under with `probability`, which is above one half; found by bisection."""
    low, high = 0.0, 1.0
    while _within(high, degrees) < 2 * probability - 1:
        high *= 2
    while (middle := (low + high) / 2) not in {low, high}:
        if _within(middle, degrees) < 2 * probability - 1:
            low = middle
        else:
            high = middle
    return high


def _within(t: float, degrees: int) -> float:
    """The probability of |T| <= t: Abramowitz and Stegun, 26.7.3 and 26.7.4."""
    angle = math.atan(t / math.sqrt(degrees))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = degrees % 2
    term = total = cosine if odd else 1.0
    for k in range(2 + odd, degrees - 1, 2):
        term *= (k - 1) / k * cosine * cosine
        total += term
    if odd:
        return (angle + (sine * total if degrees > 1 else 0.0)) * 2 / math.pi
    return sine * total
