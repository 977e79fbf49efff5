"""The verb for what comes in from outside: contacts and campaigns are added, and a contact is marked with what happened."""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.domain.campaign import Campaign
from backend.domain.incoming import IntakeCounts, NewContact
from backend.domain.suppression import ContactFlag
from backend.ports import IntakeRecords


@dataclass(frozen=True, slots=True)
class Intake:
    """The verbs for what comes in, over one set of adapters."""

    records: IntakeRecords

    async def add(self, contacts: Sequence[NewContact]) -> IntakeCounts:
        """Create or update the contacts, their companies and facts, all or none of them; no two have the same id.

        An address that may not be written to for good (do_not_contact, bounced, unsubscribed) is suppressed as well, and
        stays so whatever comes in later.
        """
        return await self.records.add_contacts(contacts)

    async def add_campaign(self, campaign: Campaign) -> bool:
        """Create the campaign, or find it with this very content; says whether this call made it.

        Raises:
            CampaignDiffers: the id is taken by another content; nothing was written.
        """
        return await self.records.add_campaign(campaign)

    async def mark(self, contact_id: str, flag: ContactFlag, *, evidence: str, principal: str) -> bool:
        """Raise a flag of a contact and record on what evidence; says whether it was down before.

        `evidence` names what shows it, such as the id of a message or an event, and holds no text of a person.

        Raises:
            UnknownContact: nothing was written.
        """
        return await self.records.mark(contact_id, flag, evidence=evidence, principal=principal)
