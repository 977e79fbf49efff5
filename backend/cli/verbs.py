"""What the short commands do, each over the service or its database."""

import json
from dataclasses import asdict
from datetime import timedelta

from rich.table import Table

from backend.campaigns import SweepReport
from backend.cli.terminal import err, opened, out, say, working
from backend.domain.access import Role, TokenRecord
from backend.domain.instants import to_text
from backend.wiring import open_service


async def migrate_database() -> None:
    """Apply what is pending and say what that was."""
    async with open_service() as service:
        with working("Migrating …"):
            applied = await service.schema.migrate()
    for name in applied:
        say(out(), f"applied {name}")
    if not applied:
        say(out(), "Nothing to apply: the database has every migration of this version.")


async def resume_due(*, as_json: bool) -> None:
    """Make one sweep and report it."""
    async with opened() as service:
        with working("Resuming what is due …"):
            report = await service.campaigns.resume()
    if as_json:
        runs = [asdict(run) for run in report.runs]
        say(out(), json.dumps({"counts": report.counts, "runs": runs}, ensure_ascii=False, indent=2))
    else:
        _print_report(report)


async def requeue_thread(campaign_id: str, contact_id: str) -> None:
    """Put a parked thread back and say where it stands."""
    async with opened() as service:
        back = await service.parked.requeue(campaign_id, contact_id, principal="cli")
    say(out(), f"Touch {back.step + 1} of '{back.thread_id}' is {back.status} again; the next sweep takes it up.")


async def create_token(role: Role, name: str, days: int) -> None:
    """Make a token and print it alone on standard output."""
    async with opened() as service:
        token = await service.tokens.create(name, role, now=service.clock.now(), expires_in=timedelta(days=days))
    say(
        err(), f"A token for '{name}' with the role {role}, good for {days} days. It is shown this once; only its hash is kept."
    )
    say(out(), token)


async def list_tokens() -> None:
    """Print every token but the tokens themselves."""
    async with opened() as service:
        records, now = await service.tokens.list(), to_text(service.clock.now())
    table = _table("name", "role", "created", "expires", "state")
    for record in records:
        table.add_row(record.name, record.role, record.created_at, record.expires_at, _state(record, now))
    out().print(table)


async def revoke_token(name: str) -> None:
    """End a token at once."""
    async with opened() as service:
        await service.tokens.revoke(name, now=service.clock.now())
    say(err(), f"The token '{name}' is revoked.")


def _print_report(report: SweepReport) -> None:
    counts = report.counts
    if not report.runs:
        say(out(), "Nothing is due.")
        return
    table = _table("thread", "touch", "status", "next", "why")
    for run in report.runs:
        table.add_row(run.thread_id, str(run.step + 1), run.status, run.next_touch_at or "-", run.error or run.reason)
    out().print(table)
    done = f"{counts['claimed']} resumed, {counts['sent']} sent, {counts['failed']} failed"
    say(out(), f"{done}, {counts['model_failures']} model failures" if counts["model_failures"] else done)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _state(record: TokenRecord, now: str) -> str:
    if record.revoked_at:
        return f"revoked {record.revoked_at}"
    return "live" if record.expires_at > now else "expired"
