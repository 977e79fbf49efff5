"""`agentic-sales resume`: one sweep, as a table or as JSON."""

import json
from dataclasses import asdict

from backend.cli.terminal import listing, opened, out, say, working
from backend.sweeps import SweepReport
from backend.wiring import open_service


async def resume_due(*, as_json: bool) -> None:
    """Make one sweep and report it."""
    async with opened(open_service()) as service:
        with working("Resuming what is due …"):
            report = await service.campaigns.resume()
    if as_json:
        runs = [asdict(run) for run in report.runs]
        say(out(), json.dumps({"counts": report.counts, "runs": runs, "absent": report.absent}, ensure_ascii=False, indent=2))
    else:
        _print_report(report)


def _print_report(report: SweepReport) -> None:
    counts = report.counts
    if report.absent:
        say(out(), f"Due, and taken by no sweep: {', '.join(report.absent)}", "bold red")
    if not report.runs:
        say(out(), "Nothing is due." if not report.absent else "Nothing was resumed.")
        return
    table = listing("thread", "touch", "status", "next", "why")
    for run in report.runs:
        table.add_row(run.thread_id, str(run.step + 1), run.status, run.next_touch_at or "-", run.error or run.reason)
    out().print(table)
    done = f"{counts['claimed']} resumed, {counts['sent']} sent, {counts['failed']} failed"
    say(out(), f"{done}, {counts['model_failures']} model failures" if counts["model_failures"] else done)
