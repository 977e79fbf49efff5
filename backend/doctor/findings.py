"""A finding says how a check stands, what was found, and what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

State = Literal["ok", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's answer, in words that hold no secret. Only `wrong` keeps the service from its work."""

    state: State
    found: str
    advice: str = ""


Report: TypeAlias = Mapping[str, Finding]
"""The findings by the name of their check, in the order they were made."""


def ok(found: str) -> Finding:
    """All is as it must be."""
    return Finding("ok", found)


def note(found: str, advice: str) -> Finding:
    """The service works, and not in the way somebody may expect."""
    return Finding("note", found, advice)


def wrong(found: str, advice: str) -> Finding:
    """The service does not work, or not safely."""
    return Finding("wrong", found, advice)


def is_healthy(report: Report) -> bool:
    """True when nothing is wrong; notes may stand."""
    return all(finding.state != "wrong" for finding in report.values())
