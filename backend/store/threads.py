"""Threads in D1: enrolment, the claims of a sweep, and the way into a run. Every batch may come twice, and late."""

import json
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

from backend.checkpointer import D1Saver
from backend.d1.clock import NOW, later
from backend.d1.statements import Database, Result, Statement
from backend.domain.access import EVERYWHERE, Reach
from backend.domain.campaign import DecisionRequest, pair_of, thread_id_of
from backend.domain.flags import Flags
from backend.errors import AgenticSalesError, UnknownCampaign, UnknownContact
from backend.ports import Claim, Due, Enrolment, Lease, Look, Remembered, RollCall, Run
from backend.store.attendance import CLAIMABLE_AT, LOOK, call_roll, take_roll
from backend.store.cases import open_transaction, select_cases, take_case, thread_of
from backend.store.decisions import D1Decisions
from backend.store.known import contact_within, look_up_campaign, within
from backend.store.runs import D1Run
from backend.store.stopped import NOT_ALL_PAUSED

_IS_KNOWN = f"EXISTS (SELECT 1 FROM contacts WHERE contact_id = named.value AND {contact_within('named.value', '?4')})"
_ENROL = f"""
INSERT INTO threads (thread_id, campaign_id, contact_id, status, status_reason, enrolled_at, next_touch_at)
SELECT campaign_id || ':' || contact_id, campaign_id, contact_id, 'scheduled', 'enrolled', {NOW}, {NOW}
FROM json_each(?2) AS wanted JOIN contacts ON contact_id = wanted.value JOIN campaigns ON campaign_id = ?1
WHERE {within("campaign_id", "?4")} AND NOT EXISTS (SELECT 1 FROM json_each(?2) AS named WHERE NOT {_IS_KNOWN})
ON CONFLICT DO NOTHING RETURNING thread_id"""
_ENROLLED = """
SELECT threads.* FROM json_each(?2) AS wanted JOIN threads ON thread_id = ?1 || ':' || wanted.value"""
_STRANGERS = f"SELECT value AS contact_id FROM json_each(?2) AS named WHERE NOT {_IS_KNOWN}"
_AUDIT_ENROLMENTS = f"""
INSERT INTO audit (thread_id, audit_id, at, principal, action)
SELECT thread_id, 'enrol', enrolled_at, ?3, 'enrol'
FROM json_each(?2) AS wanted JOIN threads ON thread_id = ?1 || ':' || wanted.value WHERE {within("campaign_id", "?4")}
ON CONFLICT DO NOTHING"""

_DUE = f"""
SELECT thread_id, fence FROM threads WHERE next_touch_at IS NOT NULL AND {CLAIMABLE_AT} <= {NOW}
  AND {NOT_ALL_PAUSED}
ORDER BY {CLAIMABLE_AT} LIMIT ?1"""

# A claim names the fence it saw. Whoever claims a thread raises the fence, so the same claim does nothing a second time.
_CLAIM = f"""
UPDATE threads SET lease_owner = ?1, lease_until_at = {later("?2")}, fence = fence + 1
WHERE (thread_id, fence) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?3))
  AND next_touch_at IS NOT NULL AND {CLAIMABLE_AT} <= {NOW} AND {NOT_ALL_PAUSED}"""

_LET_GO = f"""
UPDATE threads SET lease_owner = NULL, lease_until_at = {NOW}
WHERE (thread_id, lease_owner, fence) IN (SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1))"""


@dataclass(frozen=True, slots=True)
class _OpenedLease(Lease):
    """A lease whose claim has read, in the same request, what its run reads first; `read_at` is on this host's stopwatch."""

    opening: Sequence[Result] = field(compare=False, repr=False)
    read_at: float = field(compare=False, repr=False)


class D1Threads:
    """`ports.Threads` over D1. `flags` are the defaults the stored flags are laid over."""

    def __init__(self, database: Database, saver: D1Saver, flags: Flags) -> None:
        self._database = database
        self._saver = saver
        self._flags = flags
        self._decisions = D1Decisions(database, saver)

    async def enrol(
        self, campaign_id: str, contact_ids: Sequence[str], *, principal: str, reach: Reach = EVERYWHERE
    ) -> list[Enrolment]:
        """See `ports.Threads.enrol`."""
        given = (campaign_id, json.dumps(list(contact_ids)), principal, reach.as_json)
        made, _, campaign, strangers, found = await self._database.batch(
            [
                Statement(_ENROL, given),
                Statement(_AUDIT_ENROLMENTS, given),
                look_up_campaign(campaign_id, reach),
                Statement(_STRANGERS, given),
                Statement(_ENROLLED, given[:2]),
            ]
        )
        if not campaign.rows:
            raise UnknownCampaign(campaign_id)
        if strangers.rows:
            raise UnknownContact(strangers.rows[0]["contact_id"])
        new = {row["thread_id"] for row in made.rows}
        threads = {row["contact_id"]: thread_of(row) for row in found.rows}
        ids = [thread_id_of(campaign_id, contact_id) for contact_id in contact_ids]
        return [Enrolment(threads[pair_of(thread_id)[1]], thread_id in new) for thread_id in ids]

    async def look(self, *, limit: int) -> Look:
        """See `ports.Threads.look`."""
        now, due = await self._database.batch([LOOK, Statement(_DUE, (limit,))])
        word = now.rows[0]
        ages = [float("inf") if word[age] is None else float(word[age]) for age in ("swept_s_ago", "taken_s_ago")]
        return Look([Due(row["thread_id"], row["fence"]) for row in due.rows], word["now"], word["number"], *ages)

    async def claim(self, due: Sequence[Due], *, owner: str, lease: timedelta, roll: RollCall | None = None) -> Claim:
        """See `ports.Threads.claim`."""
        wanted = {each.thread_id: each.fence for each in due}
        claim: list[Statement] = []
        if wanted:
            named = json.dumps(list(wanted.items()))
            claim = [Statement(_CLAIM, (owner, lease.total_seconds(), named)), *select_cases(self._saver, list(wanted))]
        results = await self._database.batch([*claim, *(call_roll(roll) if roll else [])])
        opening, read_at = results[1 : len(claim)], time.monotonic()
        held = {row["thread_id"] for row in opening[2].rows if row["lease_owner"] == owner} if opening else set[str]()
        number, absent = take_roll(results) if roll else (0, [])
        leases: list[Lease] = [
            _OpenedLease(thread_id, owner, fence + 1, opening, read_at)
            for thread_id, fence in wanted.items()
            if thread_id in held
        ]
        return Claim(leases, absent, number)

    async def let_go(self, leases: Sequence[Lease]) -> None:
        """See `ports.Threads.let_go`."""
        held = [[lease.thread_id, lease.owner, lease.fence] for lease in leases]
        await self._database.batch([Statement(_LET_GO, (json.dumps(held),))])

    async def decide(self, draft_id: str, request: DecisionRequest, *, owner: str, lease: timedelta) -> Lease | Remembered:
        """See `ports.Threads.decide`."""
        made = await self._decisions.decide(draft_id, request, owner=owner, lease=lease)
        if isinstance(made, Remembered):
            return made
        thread_id, fence, opening = made
        return _OpenedLease(thread_id, owner, fence, opening, time.monotonic())

    async def decide_together(self, asked: Mapping[str, DecisionRequest], *, owner: str) -> dict[str, AgenticSalesError | None]:
        """See `ports.Threads.decide_together`."""
        return await self._decisions.decide_together(asked, owner=owner)

    async def recall(self, draft_id: str, request: DecisionRequest) -> str | None:
        """See `ports.Threads.recall`."""
        return await self._decisions.recall(draft_id, request)

    async def allowed_links(self, draft_id: str, reach: Reach) -> list[str]:
        """See `ports.Threads.allowed_links`."""
        return await self._decisions.allowed_links(draft_id, reach)

    async def stop(self, campaign_id: str, contact_id: str, *, principal: str, reason: str, reach: Reach = EVERYWHERE) -> None:
        """See `ports.Threads.stop`."""
        await self._decisions.stop(campaign_id, contact_id, principal=principal, reason=reason, reach=reach)

    @asynccontextmanager
    async def run(self, lease: Lease) -> AsyncGenerator[Run, None]:
        """See `ports.Threads.run`."""
        opening = (
            lease.opening
            if isinstance(lease, _OpenedLease)
            else await self._database.batch(select_cases(self._saver, [lease.thread_id]))
        )
        case = take_case(opening, lease, self._flags)
        if isinstance(lease, _OpenedLease):  # it may have waited for a slot since the database said what time it is
            case = replace(case, now=case.now + timedelta(seconds=int(time.monotonic() - lease.read_at)))
        transaction = open_transaction(self._saver, opening, lease.thread_id)
        with transaction.opened():
            yield D1Run(self._database, transaction, lease, case)
