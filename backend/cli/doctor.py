"""`agentic-sales doctor`: the examination as a table or as JSON."""

import json
from dataclasses import asdict
from typing import Final

from rich.table import Table
from rich.text import Text

from backend.cli.terminal import out, say, working
from backend.doctor import Report, examine, is_healthy

_STYLES: Final = {"ok": "green", "note": "yellow", "wrong": "bold red"}


async def print_examination(*, as_json: bool, probe: bool) -> bool:
    """Examine the configured service and print the report; return whether nothing is wrong."""
    with working("Examining …"):
        report = await examine(probe=probe)
    if as_json:
        checks = [{"check": name, **asdict(finding)} for name, finding in report.items()]
        say(out(), json.dumps({"healthy": is_healthy(report), "checks": checks}, ensure_ascii=False, indent=2))
    else:
        out().print(_table(report))
        say(out(), _sum_up(report))
    return is_healthy(report)


def _table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("check", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("what was found", overflow="fold", ratio=1)
    table.add_column("what to do", overflow="fold", ratio=1)
    for name, finding in report.items():
        table.add_row(name, Text(finding.state, _STYLES[finding.state]), Text(finding.found), Text(finding.advice))
    return table


def _sum_up(report: Report) -> str:
    wrong = [name for name, finding in report.items() if finding.state == "wrong"]
    return f"Wrong: {', '.join(wrong)}." if wrong else "Nothing is wrong."
