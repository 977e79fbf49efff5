"""The short commands, as they work at the desk; none of them needs a graph or a model, so none waits for their import."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Protocol, TypeVar

from rich.table import Table
from rich.text import Text

from backend.cli.terminal import err, listing, opened, out, say, working
from backend.desk import look_around, open_desk
from backend.domain.access import EVERYWHERE, Reach, Role, TokenRecord
from backend.domain.campaign import ThreadStatus
from backend.domain.instants import to_text
from backend.domain.stops import StopAction, read_scope
from backend.domain.suppression import CONTACT_FLAGS
from backend.errors import BadRequest
from backend.mail.message import render


class Page(Protocol):
    """A page of a list."""

    @property
    def next_cursor(self) -> str | None:
        """The place of the next page, or None on the last."""
        ...


P = TypeVar("P", bound=Page)


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


async def preview_draft(draft_id: str) -> None:
    """Write the message to standard output, byte for byte."""
    async with opened(open_desk()) as desk:
        email = await desk.previews.email(draft_id)
    sys.stdout.buffer.write(render(email))


async def list_parked() -> None:
    """Print every thread that was given up, and why."""
    table = listing("campaign", "contact", "touch", "failures", "why")
    async with opened(open_desk()) as desk:
        async for page in _pages(desk.parked.page):
            for thread in page.threads:
                touch, failures = str(thread.step + 1), str(thread.attempts)
                table.add_row(thread.campaign_id, thread.contact_id, touch, failures, Text(thread.status_reason))
    if table.row_count:
        out().print(table)
    count = f"{table.row_count} thread{' was' if table.row_count == 1 else 's were'} given up."
    say(err(), f"{count} Put one back with: agentic-sales requeue CAMPAIGN CONTACT")


async def list_stops() -> None:
    """Print what is paused, and the threads that a colleague's reply holds."""
    table, held = listing("paused", "by", "at", "threads", "why"), listing("held", "touch", "why")
    async with opened(open_desk()) as desk:
        async for page in _pages(desk.stops.page):
            for stop in page.stops:
                table.add_row(Text(stop.scope), Text(stop.said_by), stop.said_at, str(stop.threads), Text(stop.why))
        async for held_page in _pages(desk.stops.held):
            for thread in held_page.threads:
                held.add_row(f"thread:{thread.thread_id}", str(thread.step + 1), Text(thread.status_reason))
    _print_counted(table, "pause")
    _print_counted(held, "held thread")


async def say_stop(action: StopAction, scope: str, *, by: str, why: str) -> None:
    """Pause, resume or cancel, and say how many threads it was about."""
    async with opened(open_desk()) as desk:
        try:
            about = read_scope(scope)
        except ValueError as error:
            msg = f"The scope {error}. Nothing was written."
            raise BadRequest(msg) from None
        said = await desk.stops.say(about, action, by=by, why=why)
    done = {"pause": "paused", "resume": "resumed", "cancel": "cancelled"}[action]
    moved = {"pause": "set aside", "resume": "brought back", "cancel": "ended"}[action]
    say(out(), f"{said.scope} is {done}, by {said.said_by} at {said.said_at}: {said.threads} threads {moved}.")


async def list_unknown_sends() -> None:
    """Print every email that may or may not have left."""
    table = listing("send", "subject", "provider", "Message-ID", "claimed", "why")
    async with opened(open_desk()) as desk:
        async for page in _pages(desk.sends.unknown):
            for one in page.sends:
                table.add_row(
                    one.send_id, Text(one.subject), one.provider, Text(one.message_id), one.reserved_at, Text(one.error)
                )
    _print_counted(table, "unknown send")


async def resolve_send(send_id: str, *, delivered: bool, by: str) -> None:
    """Record what a person found at the provider, and say what comes of it."""
    async with opened(open_desk()) as desk:
        now = await desk.sends.resolve(send_id, delivered=delivered, principal=by)
    then = "the next sweep takes its thread up" if now.next_touch_at else f"its thread is {now.thread_status}"
    say(out(), f"Send '{send_id}' is {now.state.replace('_', ' ')}; {then}.")


async def list_campaigns() -> None:
    """Print every campaign."""
    table = listing("campaign", "name", "sender", "created")
    async with opened(open_desk()) as desk:
        async for page in _pages(desk.lists.campaigns):
            for one in page.campaigns:
                sender = Text(f"{one.sender_name} <{one.sender_address}>")
                table.add_row(one.campaign_id, Text(one.name), sender, one.created_at)
    _print_counted(table, "campaign")


async def list_contacts(campaign_id: str) -> None:
    """Print whoever is enrolled in the campaign."""
    table = listing("contact", "name", "address", "company", "heard")
    async with opened(open_desk()) as desk:
        async for page in _pages(partial(desk.lists.contacts, campaign_id)):
            for one in page.contacts:
                heard = ", ".join(flag for flag in CONTACT_FLAGS if getattr(one, flag))
                table.add_row(one.contact_id, Text(one.name), Text(one.address), Text(one.company_name or ""), heard)
    _print_counted(table, "contact")


async def list_threads(campaign_id: str, status: ThreadStatus | None) -> None:
    """Print where every thread of the campaign stands, or those of one status."""
    table = listing("contact", "status", "touch", "next", "why")
    async with opened(open_desk()) as desk:
        async for page in _pages(partial(desk.lists.threads, campaign_id, status=status)):
            for one in page.threads:
                table.add_row(one.contact_id, one.status, str(one.step + 1), one.next_touch_at or "", Text(one.status_reason))
    _print_counted(table, "thread")


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


async def _pages(ask: Callable[..., Awaitable[P]]) -> AsyncIterator[P]:
    """Ask for one page after another, up to the last."""
    cursor: str | None = None
    while True:
        page = await ask(cursor=cursor, limit=100)
        yield page
        cursor = page.next_cursor
        if cursor is None:
            return


def _print_counted(table: Table, noun: str) -> None:
    if table.row_count:
        out().print(table)
    say(err(), f"{table.row_count} {noun}{'' if table.row_count == 1 else 's'}.")


def _state(record: TokenRecord, now: str) -> str:
    if record.revoked_at:
        return f"revoked {record.revoked_at}"
    return "live" if record.expires_at > now else "expired"
