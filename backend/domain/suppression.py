"""Who may not be written to: a hashed address list and four flags on the contact."""

import hashlib
import unicodedata
from contextlib import suppress
from typing import Literal, get_args

from backend.domain.campaign import Dossier

ContactFlag = Literal["do_not_contact", "bounced", "unsubscribed", "replied"]
CONTACT_FLAGS: tuple[ContactFlag, ...] = get_args(ContactFlag)


def normalise_address(address: str) -> str:
    """The one spelling under which an address is suppressed: trimmed, lower case, its domain in IDN ASCII form."""
    folded = unicodedata.normalize("NFKC", address).strip().lower()
    local, at, host = folded.rpartition("@")
    host = host.rstrip(".")
    with suppress(UnicodeError):  # where no IDN form exists, the folded spelling is the only one
        host = host.encode("idna").decode("ascii")
    return f"{local}{at}{host}"


def address_sha256(address: str) -> str:
    """SHA-256 of the normalised address, as 64 hex digits."""
    return hashlib.sha256(normalise_address(address).encode()).hexdigest()


def reason_blocked(dossier: Dossier, *, answering: bool = False) -> ContactFlag | Literal["suppressed"] | None:
    """Why this contact may not be written to, or None; the address list is asked first, then the flags in order.

    `answering` a contact who wrote to us is allowed although they replied; every other reason holds there too.
    """
    if dossier["suppressed"]:
        return "suppressed"
    return next((flag for flag in CONTACT_FLAGS if dossier["contact"][flag] and not (answering and flag == "replied")), None)
