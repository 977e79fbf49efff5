"""Contacts come in."""

from fastapi import APIRouter

from backend.api.operations import operation
from backend.api.schemas import ContactsBody
from backend.api.security import GuardedRoute, Wired
from backend.d1.intake import IntakeCounts
from backend.domain.instants import to_text

router = APIRouter(prefix="/contacts", tags=["contacts"], route_class=GuardedRoute)


@router.post("", **operation("operator"))
async def put_contacts(body: ContactsBody, service: Wired) -> IntakeCounts:
    """Create or update up to 500 contacts with their companies and facts, all or none of them.

    What a contact leaves out stays as it is stored. An address whose contact is marked do_not_contact, bounced or
    unsubscribed is suppressed for good.
    """
    at = to_text(service.clock.now())
    return await service.intake.add_contacts([contact.as_new() for contact in body.contacts], at=at)
