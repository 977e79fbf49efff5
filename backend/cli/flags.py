"""The flags, from a terminal."""

from rich.text import Text

from backend.cli.terminal import err, listing, opened, out, say
from backend.desk import open_desk
from backend.domain.release import short


async def list_flags() -> None:
    """Print how each flag stands, and what keeps it from being turned on."""
    async with opened(open_desk()) as desk:
        view = await desk.switches.list()
    table = listing("flag", "state", "set by", "set at", "gate", "not to be turned on because")
    for flag in view.flags:
        gate = f"{flag.decision} {flag.decided_at}" if flag.decision else ""
        why_not = "" if flag.is_on else flag.why_not or ""
        table.add_row(flag.name, _state(on=flag.is_on), flag.set_by or "default", flag.set_at or "", gate, Text(why_not))
    out().print(table)
    say(err(), f"This is commit {short(view.commit)}; a verdict counts for its commit alone.")


async def set_flag(name: str, *, on: bool, by: str, why: str) -> None:
    """Turn a flag on or off and say how it stands."""
    async with opened(open_desk()) as desk:
        flag = await desk.switches.set(name, on=on, by=by, why=why)
    say(out(), f"{flag.name} is {_state(on=flag.is_on)}, set by {flag.set_by} at {flag.set_at}; the next sweep follows.")


async def print_history(name: str) -> None:
    """Print the newest flips of a flag."""
    async with opened(open_desk()) as desk:
        history = await desk.switches.history(name)
    table = listing("at", "turned", "by", "why")
    for flip in history.flips:
        table.add_row(flip.at, _state(on=flip.turned_on), flip.by, Text(flip.why))
    if history.flips:
        out().print(table)
    say(err(), f"{name} was flipped {len(history.flips)} times.")


def _state(*, on: bool) -> str:
    return "on" if on else "off"
