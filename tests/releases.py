"""Decisions of the gate as they are recorded, for whoever turns a flag on."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from backend.domain.flags import CAMPAIGN_COACH_ENABLED
from backend.domain.instants import to_text
from backend.domain.release import POLICY, GateRecord

COMMIT = "c" * 40


def promoted(at: datetime, *, attempt: int = 1, **changes: Any) -> GateRecord:
    """A PROMOTE of the coach on `COMMIT`, with `changes`."""
    record = GateRecord(
        flag=CAMPAIGN_COACH_ENABLED,
        commit_sha=COMMIT,
        dataset_sha256="d" * 64,
        attempt=attempt,
        evidence_sha256=f"e{attempt}",
        decision="PROMOTE",
        policy_sha256=POLICY.fingerprint,
        author="Ana Ngata <ana.n@vendor.example>",
        decided_at=to_text(at),
    )
    return replace(record, **changes)
