"""The flags in D1 are flipped with an audit row, and on only by a recorded decision of the gate; safe twice and late."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from difflib import SequenceMatcher
from typing import Final
from uuid import uuid4

from backend.d1.clock import NOW
from backend.d1.statements import Database, Result, Row, Statement
from backend.domain.flags import FLAGS, Flags
from backend.domain.instants import from_text
from backend.domain.release import GateRecord, Judgement, refuse_to_turn_on, short
from backend.errors import AttemptTaken, FlagFlipped, FlagNotReleased, UnknownFlag
from backend.read_models import FlagHistory, FlagsView, FlagView, Flip

MAX_FLIPS: Final = 100
_TRIES: Final = 5
DRAFTS_LOOKED_AT: Final = 10_000
"""The judgements are sought among so many of the newest drafts, most of which may wait."""

_FLAG: Final = "SELECT name, value, set_by, set_at, revision FROM flags WHERE name = ?1"
_NEWEST: Final = """
SELECT * FROM gate_decisions WHERE flag = ?1 AND commit_sha = ?2 ORDER BY decided_at DESC, attempt DESC LIMIT 1"""
_PRESENT: Final = f"SELECT {NOW} AS now"

# The audit row claims the revision it is written for: a flip that comes again finds its row, a late one another revision. Where
# it rests on evidence, that is still the newest.
_AUDIT: Final = f"""
INSERT INTO audit (thread_id, audit_id, at, principal, action, version, detail) SELECT '', ?2, {NOW}, ?4, ?5, ?3 + 1, ?6
WHERE COALESCE((SELECT revision FROM flags WHERE name = ?1), 0) = ?3
  AND (?7 IS NULL OR ?7 = (SELECT evidence_sha256 FROM ({_NEWEST.replace("?2", "?8")})))
ON CONFLICT DO NOTHING"""
# Off is meant now: what is under way to turn the flag on was made for a revision before.
_STAY_OFF: Final = "UPDATE flags SET revision = revision + 1 WHERE name = ?1 AND revision = ?2 AND value = 0"
_FLIP: Final = f"""
INSERT INTO flags (name, value, set_by, set_at, revision) SELECT ?1, ?5, ?4, {NOW}, ?3 + 1
WHERE COALESCE((SELECT revision FROM flags WHERE name = ?1), 0) = ?3
  AND EXISTS (SELECT 1 FROM audit WHERE audit.thread_id = '' AND audit_id = ?2)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, set_by = excluded.set_by, set_at = excluded.set_at,
  revision = excluded.revision"""
_FLIPPED: Final = "SELECT 1 FROM audit WHERE thread_id = '' AND audit_id = ?1"
_HISTORY: Final = f"""
SELECT at, principal, action, detail FROM audit WHERE thread_id = '' AND audit_id > ?1 AND audit_id < ?2
ORDER BY version DESC LIMIT {MAX_FLIPS}"""

# The newest drafts stand last in their table, so no index is needed, which would cost each decision a row.
_JUDGED: Final = f"""
SELECT thread_id, decision, CASE decision WHEN 'edit' THEN body END AS body,
  CASE decision WHEN 'edit' THEN COALESCE(approved_body, body) END AS approved_body,
  created_at >= COALESCE((SELECT set_at FROM flags WHERE name = ?1 AND value = 1), '9') AS treated
FROM (SELECT * FROM drafts ORDER BY rowid DESC LIMIT {DRAFTS_LOOKED_AT})
WHERE status = 'decided' AND decision <> 'stop' ORDER BY decided_at DESC LIMIT ?2"""

_COLUMNS: Final = tuple(GateRecord.__dataclass_fields__)
_RECORD: Final = f"""
INSERT INTO gate_decisions ({", ".join(_COLUMNS)}, recorded_by, recorded_at)
SELECT {", ".join(f"value ->> '{column}'" for column in _COLUMNS)}, ?2, {NOW}
FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING"""
_RECORDED: Final = """
SELECT evidence_sha256 FROM gate_decisions WHERE flag = ?1 AND commit_sha = ?2 AND dataset_sha256 = ?3 AND attempt = ?4"""


class D1Switches:
    """`read_models.Switches` over D1. `defaults` count where no flag is stored, `commit` is what the service is of."""

    def __init__(self, database: Database, defaults: Flags, commit: str) -> None:
        self._database = database
        self._defaults = defaults
        self._commit = commit

    async def list(self) -> FlagsView:
        """See `read_models.Switches.list`."""
        found = await self._database.batch([statement for name in FLAGS for statement in self._select(name)])
        views = [self._view(name, found[3 * place : 3 * place + 3]) for place, name in enumerate(FLAGS)]
        return FlagsView(commit=self._commit, flags=views)

    async def set(self, name: str, *, on: bool, by: str, why: str) -> FlagView:
        """See `read_models.Switches.set`."""
        _check(name)
        for attempt in range(_TRIES):
            found = await self._database.batch(self._select(name))
            stored = next(iter(found[0].rows), None)
            if stored is not None and stored["value"] == on:
                if not on:
                    await self._database.batch([Statement(_STAY_OFF, (name, stored["revision"]))])
                return self._view(name, found)
            evidence = self._evidence(name, by, found) if on else None
            if evidence and attempt:
                break  # somebody said something else meanwhile; only off is said again
            after = await self._flip(name, stored["revision"] if stored else 0, evidence, by=by, why=why)
            if after:
                return self._view(name, after)
        raise FlagFlipped(name)

    async def history(self, name: str) -> FlagHistory:
        """See `read_models.Switches.history`."""
        _check(name)
        (found,) = await self._database.batch([Statement(_HISTORY, (f"flag:{name}:", f"flag:{name};"))])
        flips = [Flip(row["at"], row["principal"], row["action"] == "turn on", row["detail"]) for row in found.rows]
        return FlagHistory(name, flips)

    async def judgements(self, name: str, *, limit: int) -> Sequence[Judgement]:
        """See `read_models.Switches.judgements`."""
        _check(name)
        (found,) = await self._database.batch([Statement(_JUDGED, (name, limit))])
        return [Judgement(row["thread_id"], _kept(row), row["treated"] == 1) for row in found.rows]

    async def record(self, record: GateRecord, *, by: str) -> bool:
        """See `read_models.Switches.record`."""
        _check(record.flag)
        key = (record.flag, record.commit_sha, record.dataset_sha256, record.attempt)
        before, _, found = await self._database.batch(
            [
                Statement(_RECORDED, key),
                Statement(_RECORD, (json.dumps([asdict(record)]), by)),
                Statement(_RECORDED, key),
            ]
        )
        if found.rows[0]["evidence_sha256"] != record.evidence_sha256:
            raise AttemptTaken(record.flag, short(record.commit_sha), record.attempt)
        return not before.rows

    def _select(self, name: str) -> Sequence[Statement]:
        return [Statement(_FLAG, (name,)), Statement(_NEWEST, (name, self._commit)), Statement(_PRESENT)]

    def _view(self, name: str, found: Sequence[Result]) -> FlagView:
        stored, record = next(iter(found[0].rows), None), _record(found[1].rows)
        return FlagView(
            name=name,
            is_on=stored["value"] == 1 if stored else self._defaults.is_on(name),
            set_by=stored["set_by"] if stored else None,
            set_at=stored["set_at"] if stored else None,
            decision=record.decision if record else None,
            decided_at=record.decided_at if record else None,
            why_not=self._refusal(name, "", found),
        )

    def _refusal(self, name: str, by: str, found: Sequence[Result]) -> str | None:
        now = from_text(found[2].rows[0]["now"])
        return refuse_to_turn_on(_record(found[1].rows), flag=name, commit=self._commit, by=by, now=now)

    def _evidence(self, name: str, by: str, found: Sequence[Result]) -> str:
        """Return the seal of the evidence that a flag may be turned on by."""
        if why_not := self._refusal(name, by, found):
            raise FlagNotReleased(name, why_not)
        return str(found[1].rows[0]["evidence_sha256"])

    async def _flip(self, name: str, revision: int, evidence: str | None, *, by: str, why: str) -> Sequence[Result]:
        """Turn the flag on by `evidence`, or off without; nothing comes back where revision or evidence are others by now."""
        audit_id = f"flag:{name}:{uuid4().hex}"
        action = "turn on" if evidence else "turn off"
        detail = ": ".join(part for part in (f"evidence {evidence}" if evidence else "", why) if part)
        said = Statement(_AUDIT, (name, audit_id, revision, by, action, detail, evidence, self._commit))
        flip = Statement(_FLIP, (name, audit_id, revision, by, int(evidence is not None)))
        _, _, flipped, *after = await self._database.batch([said, flip, Statement(_FLIPPED, (audit_id,)), *self._select(name)])
        return after if flipped.rows else []


def _kept(row: Row) -> float:
    """All of an approved text, none of a rejected one or one that is to be written anew, and a share of an edited one."""
    if row["decision"] != "edit":
        return float(row["decision"] == "approve")
    return SequenceMatcher(None, row["body"].split(), row["approved_body"].split()).ratio()


def _check(name: str) -> None:
    if name not in FLAGS:
        raise UnknownFlag(name, FLAGS)


def _record(rows: Sequence[Row]) -> GateRecord | None:
    return GateRecord(**{column: rows[0][column] for column in _COLUMNS}) if rows else None
