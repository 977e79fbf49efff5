"""Texts to hold the checks to: one example of a dataset, and outputs made by hand."""

from functools import cache
from typing import Any

from backend.domain.closing import close
from evals.evaluators import CHECKS
from evals.examples import Example, Output, Score, Touch, read_examples

GOOD = """Hello Grace,

Hull makes two depots since January, and a second depot makes more half-empty vans than one ever did.

Routewise plans tomorrow's tours overnight, out of the orders you already have, and your dispatchers see in the morning which
van is half empty and why. It reads the order file as it is, so nobody types anything twice. Nothing about the way your people
work has to change on the first day, and whoever knows the roads keeps the last word.

Would it help to see the tours of last Tuesday planned that way?"""


_read_once = cache(read_examples)


def example(path: str = "campaign:coach_plan", example_id: str = "plan-harbourline-1", **inputs: Any) -> Example:
    """One example of a dataset, with these inputs instead of its own; `expected` is laid over what it expects."""
    (found,) = [one for one in _read_once(path) if one.example_id == example_id]
    expected = {**found.expected, **inputs.pop("expected", {})}
    return Example(
        found.example_id, path, {**found.inputs, **inputs}, expected, found.cluster, found.slice, expected["language"]
    )


def output(*letters: str, subject: str = "Two depots, one plan", sender: str = "Mira Stone", **changes: Any) -> Output:
    """What an arm would have made: these letters, signed and closed by rule, a week apart."""
    touches = [
        Touch(step=step, due_day=7 * step, subject=subject, body=close(text, sender)) for step, text in enumerate(letters)
    ]
    whole: Any = {"touches": touches, "plan": None, "roles": None, "treated": False, "failure": "", "meta": {}, **changes}
    made: Output = whole
    return made


async def score_of(metric: str, of: Example, made: Output) -> Score:
    """What the check of this name says."""
    (check,) = [check for check in CHECKS[of.path] if check.metric == metric]
    return await check.score(of, made)
