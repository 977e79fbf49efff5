"""The gate promotes, holds and rolls back this often when the true rates are known: `python -m evals.simulation`.

Each example has three repetitions of six checks in either arm. A company is easier or harder for both arms alike, and a
little differently for each, which is what the bounds have to see through.
"""

import sys
from collections import Counter
from random import Random
from typing import Final

from backend.domain.release import GateDecision
from evals.gate import decide_path
from evals.tally import ArmFacts, Passed, Row, Tally
from evals.trials import Pinned

CASES: Final = ((0.90, 0.90), (0.85, 0.85), (0.92, 0.83), (0.88, 0.78))
"""The share of cells that truly pass, off and on."""
CLUSTERS: Final = 20
PER_CLUSTER: Final = 3
CELLS: Final = 3 * 6
CLUSTER_SPREAD: Final = 0.08
ARM_SPREAD: Final = 0.012

_TREATED = ArmFacts(trials=1, treated=1, carrying_plan=1)
_UNTREATED = ArmFacts(trials=1)


def simulate(off: float, on: float, *, times: int, seed: int = 1) -> Counter[GateDecision]:
    """Count the decisions on `times` measurements of two arms whose true rates are `off` and `on`."""
    random = Random(seed)  # noqa: S311  # a simulation must be repeatable, not secret
    return Counter(decide_path(_measure(random, off, on)).decision for _ in range(times))


def _measure(random: Random, off: float, on: float) -> Tally:
    def passed(rate: float) -> Passed:
        cells = sum(random.random() < rate for _ in range(CELLS))
        return Passed(cells, cells)

    rows: list[Row] = []
    for cluster in range(CLUSTERS):
        shift = random.gauss(0, CLUSTER_SPREAD)
        on_here, off_here = (rate + shift + random.gauss(0, ARM_SPREAD) for rate in (on, off))
        rows += [
            Row(Pinned(f"{cluster}-{number}", str(cluster), ""), passed(on_here), passed(off_here))
            for number in range(PER_CLUSTER)
        ]
    return Tally("simulated", CELLS, rows, arms={"on": _TREATED, "off": _UNTREATED})


def main(times: int = 2000) -> None:
    """Print the rates of every case."""
    sys.stdout.write(f"off   on    PROMOTE  HOLD   ROLLBACK  ({times} runs, {CLUSTERS * PER_CLUSTER} examples, 20 clusters)\n")
    for off, on in CASES:
        found = simulate(off, on, times=times)
        shares = (f"{found[decision] / times:7.1%}" for decision in ("PROMOTE", "HOLD", "ROLLBACK"))
        sys.stdout.write(f"{off:.2f}  {on:.2f}  {'  '.join(shares)}\n")


if __name__ == "__main__":
    main()
