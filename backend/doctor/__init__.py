"""Examines a configured service: what is right, what is worth knowing, what is wrong, and what to do about it.

    report = await examine()
    report["database"].state, is_healthy(report)

`findings.py` is what a check says; `database.py`, `configuration.py` and `model.py` are the checks; `examination.py` makes
them all.
"""

from backend.doctor.examination import examine
from backend.doctor.findings import Finding, Report, is_healthy

__all__ = ["Finding", "Report", "examine", "is_healthy"]
