"""The short commands, as they work at the desk; none of them needs a graph or a model, so none waits for their import."""

from collections.abc import Sequence
from datetime import timedelta

from rich.text import Text

from backend.cli.terminal import err, listing, opened, out, say, working
from backend.desk import look_around, open_desk
from backend.domain.access import EVERYWHERE, Reach, Role, TokenRecord
from backend.domain.instants import to_text


async def migrate_database() -> None:
    """Apply what is pending and say what that was, and where."""
    async with open_desk() as desk:
        with working("Migrating …"):
            applied = await desk.schema.migrate()
    if file := look_around().database_file:
        say(err(), f"database {file}")
    for name in applied:
        say(out(), f"applied {name}")
    if not applied:
        say(out(), "Nothing to apply: the database has every migration of this version.")


async def requeue_thread(campaign_id: str, contact_id: str) -> None:
    """Put a parked thread back and say where it stands."""
    async with opened(open_desk()) as desk:
        back = await desk.parked.requeue(campaign_id, contact_id, principal="cli")
    say(out(), f"Touch {back.step + 1} of '{back.thread_id}' is {back.status} again; the next sweep takes it up.")


async def list_parked() -> None:
    """Print every thread that was given up, and why."""
    table, cursor = listing("campaign", "contact", "touch", "failures", "why"), None
    async with opened(open_desk()) as desk:
        while True:
            page = await desk.parked.page(cursor=cursor, limit=100)
            for thread in page.threads:
                touch, failures = str(thread.step + 1), str(thread.attempts)
                table.add_row(thread.campaign_id, thread.contact_id, touch, failures, Text(thread.status_reason))
            cursor = page.next_cursor
            if cursor is None:
                break
    if table.row_count:
        out().print(table)
    count = f"{table.row_count} thread{' was' if table.row_count == 1 else 's were'} given up."
    say(err(), f"{count} Put one back with: agentic-sales requeue CAMPAIGN CONTACT")


async def create_token(role: Role, name: str, days: int, campaign_ids: Sequence[str]) -> None:
    """Make a token and print it alone on standard output."""
    named = tuple(sorted(set(campaign_ids)))
    reach = Reach(named) if named else EVERYWHERE
    lifetime = timedelta(days=days)
    async with opened(open_desk()) as desk:
        token = await desk.tokens.create(name, role, now=desk.clock.now(), expires_in=lifetime, reach=reach)
    limit = f", limited to {', '.join(named)}" if named else ""
    kept = "It is shown this once; only its hash is kept."
    say(err(), f"A token for '{name}' with the role {role}{limit}, good for {days} days. {kept}")
    say(out(), token)


async def list_tokens() -> None:
    """Print every token but the tokens themselves."""
    async with opened(open_desk()) as desk:
        records, now = await desk.tokens.list(), to_text(desk.clock.now())
    table = listing("name", "role", "campaigns", "created", "expires", "state")
    for record in records:
        campaigns = "all" if record.reach.campaign_ids is None else "\n".join(record.reach.campaign_ids)
        table.add_row(record.name, record.role, campaigns, record.created_at, record.expires_at, _state(record, now))
    out().print(table)


async def revoke_token(name: str) -> None:
    """End a token at once."""
    async with opened(open_desk()) as desk:
        await desk.tokens.revoke(name, now=desk.clock.now())
    say(err(), f"The token '{name}' is revoked.")


def _state(record: TokenRecord, now: str) -> str:
    if record.revoked_at:
        return f"revoked {record.revoked_at}"
    return "live" if record.expires_at > now else "expired"
