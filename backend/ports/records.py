"""The records of contacts and campaigns, who may ask, and the schema of the tables."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from backend.domain.access import EVERYWHERE, Principal, Reach, Role, TokenRecord
from backend.domain.attendance import Attendance
from backend.domain.campaign import Campaign, Dossier, Memory
from backend.domain.flags import Flags
from backend.domain.incoming import IntakeCounts, NewContact
from backend.domain.suppression import ContactFlag
from backend.domain.unsubscribe import Scope


class Records(Protocol):
    """The records of one contact, for a run that has no thread."""

    async def brief(self, campaign_id: str, contact_id: str, *, reach: Reach = EVERYWHERE) -> tuple[Campaign, Dossier]:
        """Read the campaign, the contact, company, best facts, what was sent and learned, and the suppression, in one request.

        Raises:
            UnknownCampaign, UnknownContact: there is none with this id within `reach`.
        """
        ...

    async def flags(self) -> Flags:
        """Read the flags: the environment's defaults with the stored ones laid over them."""
        ...

    async def remember(self, contact_id: str, memories: Sequence[Memory]) -> None:
        """Add what a run learned; what is known already is not written again."""
        ...


class IntakeRecords(Protocol):
    """The place where contacts and campaigns are kept."""

    async def add_contacts(self, contacts: Sequence[NewContact]) -> IntakeCounts:
        """Create or update contacts with their companies and facts in one batch; see `backend.intake.Intake.add`."""
        ...

    async def add_campaign(self, campaign: Campaign) -> bool:
        """Create the campaign, or find it with this very content; says whether this call made it.

        Raises:
            CampaignDiffers: the id is taken by another content; nothing was written.
        """
        ...

    async def mark(self, contact_id: str, flag: ContactFlag, *, evidence: str, principal: str) -> bool:
        """Raise a flag of a contact with an audit row that holds the evidence; says whether it was down before.

        Raises:
            UnknownContact: nothing was written.
        """
        ...


class Tokens(Protocol):
    """Bearer tokens; only the hash of one is kept."""

    async def create(self, name: str, role: Role, *, now: datetime, expires_in: timedelta, reach: Reach = EVERYWHERE) -> str:
        """Make a token and return its text, which is shown this once. The name of a revoked or expired token is free again.

        Raises:
            BadRequest: the name, the lifetime or the limit is not allowed; nothing was written.
            UnknownCampaign: it would be limited to one that does not exist; no token was made.
            TokenNameTaken: a live token has this name; nothing was written.
        """
        ...

    async def list(self) -> Sequence[TokenRecord]:
        """Return every token ever made under a name still in use, by name."""
        ...

    async def revoke(self, name: str, *, now: datetime) -> None:
        """End a token at once; a second time changes nothing.

        Raises:
            UnknownToken: no token has this name.
        """
        ...

    async def find(self, token_text: str, now: datetime) -> Principal | None:
        """Return who holds this token, or None when it is unknown, expired or revoked."""
        ...


class Attendances(Protocol):
    """The roll of the sweeps."""

    async def read(self) -> Attendance:
        """Read how attendance stands, in one request that costs the same however many threads are due."""
        ...


class Schema(Protocol):
    """The tables of this version."""

    async def pending(self) -> Sequence[str]:
        """Return the names of the migrations the database lacks, in order; changes nothing."""
        ...

    async def migrate(self) -> Sequence[str]:
        """Apply what is pending and return the names this call applied."""
        ...

    async def probe(self) -> datetime:
        """Write one row over with what it holds, now and then, and return the database's instant.

        Raises:
            DatabaseUnwritable: there is no room or no right to write.
        """
        ...


class Unsubscribes(Protocol):
    """A recipient's wish to be left alone, by a link in an email they got."""

    async def act(self, key: str, scope: Scope) -> bool:
        """End what the send with this key belongs to, at once and with an audit row; the same wish again changes nothing.

        `campaign` stops its thread, wherever it stands. `all` marks the contact and suppresses its address, and the address the
        email went to, for good; what waits for these is withdrawn. Says whether there is such a send.
        """
        ...
