"""`agentic-sales gate watch`: people's decisions on drafts are evidence too, and turn a flag off that does harm."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256

from backend.cli.terminal import fail, opened, out, say
from backend.desk import open_desk
from backend.domain.flags import ORCHESTRATOR_ROLE_PLAN
from backend.domain.instants import to_text
from backend.domain.release import POLICY, GateDecision, GateRecord, Judgement
from evals.gate import EXIT_CODES
from evals.statistics import Bounds, bound_mean

NAME = "gate watch"
MIN_WINDOW = 50
MAX_WINDOW = 200
_FLOOR = -9.0
"""Below anything a bound can come to, so that none is cut off."""


@dataclass(frozen=True, slots=True)
class Sight:
    """The newest decisions of people say this. The difference is None while there are too few from before the flag was on."""

    decision: GateDecision
    reason: str
    judged: int
    on: Bounds
    difference_upper: float | None


def judge(judgements: Sequence[Judgement]) -> Sight:
    """Hold drafts written with the flag against the bars of the gate: ROLLBACK when surely bad or surely worse, else HOLD.

    A draft passes when a person let 0.7 of it stand; the drafts of one thread are alike.
    """
    treated = [each for each in judgements if each.treated]
    before = [each for each in judgements if not each.treated]
    on, off = _bound(treated), _bound(before)
    worse = None
    if len(before) >= MIN_WINDOW:
        reach = ((on.mean - on.lower) ** 2 + (off.mean - off.lower) ** 2) ** 0.5
        worse = round(on.mean - off.mean + reach, 9)
    if len(treated) < MIN_WINDOW:
        return Sight("HOLD", f"{len(treated)} of {MIN_WINDOW} decisions", len(treated), on, worse)
    if on.upper < POLICY.bar:
        reason = f"people let {on.mean:.0%} of drafts stand; the upper bound {on.upper:.3f} is under {POLICY.bar:g}"
        return Sight("ROLLBACK", reason, len(treated), on, worse)
    if worse is not None and worse < -POLICY.margin:
        reason = f"the upper bound {worse:.3f} of the difference from before is under {-POLICY.margin:g}"
        return Sight("ROLLBACK", reason, len(treated), on, worse)
    return Sight("HOLD", f"people let {on.mean:.0%} of drafts stand", len(treated), on, worse)


async def watch(flag: str) -> int:
    """Look once, turn the flag off where it does harm, say so, and return the exit code: 20 when it was turned off, else 0.

    A flag that no decided draft depends on is not watched, and ends the command with 1.
    """
    if flag == ORCHESTRATOR_ROLE_PLAN:
        fail(f"{flag} cannot be watched: it governs single emails, and the service keeps no decision on those.")
    async with opened(open_desk()) as desk:
        sight = judge(await desk.switches.judgements(flag, limit=MAX_WINDOW))
        if sight.decision == "ROLLBACK":
            commit = (await desk.switches.list()).commit
            await desk.switches.record(_record(flag, commit, sight, desk.clock.now()), by=NAME)
            await desk.switches.set(flag, on=False, by=NAME, why=sight.reason)
    done = f"{flag} was turned off" if sight.decision == "ROLLBACK" else f"{flag} is left as it is"
    say(out(), f"{done}: {sight.reason}, over {sight.judged} decisions.")
    return EXIT_CODES["ROLLBACK"] if sight.decision == "ROLLBACK" else 0


def _bound(judgements: Sequence[Judgement]) -> Bounds:
    threads: defaultdict[str, list[int]] = defaultdict(list)
    for each in judgements:
        threads[each.thread_id].append(int(each.kept >= POLICY.pass_score))
    return bound_mean(threads, per_example=1, alpha=POLICY.alpha, least=_FLOOR)


def _record(flag: str, commit: str, sight: Sight, now: datetime) -> GateRecord:
    """The ROLLBACK as a decision on this commit: until the gate has measured again, nothing turns the flag on."""
    at = to_text(now)
    seal = sha256(json.dumps({**asdict(sight), "flag": flag, "at": at}, sort_keys=True).encode()).hexdigest()
    return GateRecord(
        flag=flag,
        commit_sha=commit,
        dataset_sha256=f"people:{at}",
        attempt=1,
        evidence_sha256=seal,
        decision="ROLLBACK",
        policy_sha256=POLICY.fingerprint,
        author=NAME,
        decided_at=at,
    )
