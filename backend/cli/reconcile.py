"""`agentic-sales reconcile`: what ledger, provider and checkpoints do not agree on."""

from datetime import timedelta

from rich.text import Text

from backend.cli.terminal import err, listing, opened, out, say, working
from backend.reconciling import reconcile
from backend.wiring import open_configured_deliveries, open_service


async def reconcile_sends(*, days: int) -> int:
    """Compare, print what differs, and return how much that is."""
    async with open_configured_deliveries() as deliveries, opened(open_service()) as service:
        with working("Comparing …"):
            found = await reconcile(service.books, deliveries, since=timedelta(days=days))
    table = listing("thread", "touch", "email", "what differs")
    for one in found.mismatches:
        touch = "" if one.step is None else str(one.step + 1)
        table.add_row(one.thread_id, touch, Text(one.email), Text(one.what))
    if table.row_count:
        out().print(table)
    if deliveries is None:
        say(err(), "The provider was not asked: an SMTP server keeps no list. Set MAIL_SENT_URL to its folder of sent emails.")
    elif found.elsewhere:
        say(err(), f"{found.elsewhere} of the rows belong to another provider than {deliveries.name}, which was not asked.")
    read = f"{found.rows} row{'s'[: found.rows != 1]} of the ledger"
    told = f"{found.deliveries} deliver{'y' if found.deliveries == 1 else 'ies'}"
    compared = f"{read} and {told} of the last {days} days compared"
    differs = f"{table.row_count} differ{'s' if table.row_count == 1 else ''}"
    say(out(), f"{compared}: {differs if table.row_count else 'all match'}.")
    return table.row_count
