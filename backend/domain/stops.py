"""People stop what should not leave: a contact in a campaign, a campaign, a mailbox, or everything."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from backend.domain.campaign import thread_id_of

StopAction = Literal["pause", "resume", "cancel"]
ScopeKind = Literal["everything", "mailbox", "campaign", "thread"]
ReplyRule = Literal["ignore", "hold", "stop"]
"""A campaign does this when a colleague of the contact's, at the same company, replied to anything."""

COLLEAGUE_REPLIED: Final = "a colleague at the same company replied"


@dataclass(frozen=True, slots=True)
class Scope:
    """A scope is paused, resumed or cancelled; `name` is an address, a campaign id, a thread id, or blank for everything."""

    kind: ScopeKind
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind


EVERYTHING: Final = Scope("everything")


def read_scope(text: str) -> Scope:
    """Read a scope as it is written: `everything`, `mailbox:ADDRESS`, `campaign:ID`, `thread:CAMPAIGN:CONTACT`.

    Raises:
        ValueError: says what it may be.
    """
    kind, _, name = text.strip().partition(":")
    parts = {"everything": name == "", "mailbox": "@" in name, "campaign": bool(name) and ":" not in name}
    parts["thread"] = all(name.partition(":")) and name.count(":") == 1
    if not parts.get(kind):
        msg = f"{text!r} is neither everything, mailbox:ADDRESS, campaign:ID nor thread:CAMPAIGN:CONTACT"
        raise ValueError(msg)
    return Scope(next(known for known in get_args(ScopeKind) if known == kind), name)


def thread_scope(campaign_id: str, contact_id: str) -> Scope:
    """The scope of one contact in one campaign."""
    return Scope("thread", thread_id_of(campaign_id, contact_id))
