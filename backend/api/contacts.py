"""Contacts come in."""

from fastapi import APIRouter

from backend.api.bodies import IMPORT_BODY_BYTES
from backend.api.operations import operation
from backend.api.schemas import ContactsBody
from backend.api.security import GuardedRoute, Wired
from backend.domain.incoming import IntakeCounts

router = APIRouter(prefix="/contacts", tags=["contacts"], route_class=GuardedRoute)


@router.post("", **operation("operator", max_body_bytes=IMPORT_BODY_BYTES))
async def put_contacts(body: ContactsBody, service: Wired) -> IntakeCounts:
    """Create or update up to 500 contacts with their companies and facts, all or none of them.

    What a contact leaves out stays as it is stored. An address whose contact is marked do_not_contact, bounced or
    unsubscribed is suppressed for good.
    """
    return await service.intake.add([contact.as_new() for contact in body.contacts])
