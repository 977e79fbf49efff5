"""A hashed address list and four flags on the contact say who may not be written to."""

import hashlib
import re
import unicodedata
from contextlib import suppress
from typing import Literal, get_args

from backend.domain.campaign import Dossier
from backend.domain.text import clean

ContactFlag = Literal["do_not_contact", "bounced", "unsubscribed", "replied"]
CONTACT_FLAGS: tuple[ContactFlag, ...] = get_args(ContactFlag)

_DOTS = re.compile("[.\u3002]")


def normalise_address(address: str) -> str:
    """The one spelling under which an address is suppressed: trimmed, visible, lower case, its domain in IDN ASCII form."""
    local, at, host = _fold(address).rpartition("@")
    labels = [_fold(_read_punycode(label)) for label in _DOTS.split(host)]
    host = ".".join(labels).strip(".")
    with suppress(UnicodeError):  # where no IDN form exists, the folded spelling is the only one
        host = host.encode("idna").decode("ascii")
    return f"{local}{at}{host}"


def _fold(text: str) -> str:
    return clean(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", clean(text)).lower()))


def _read_punycode(label: str) -> str:
    """A domain label in letters; Python's own IDN reader refuses those that newer registries allow, such as `ß`."""
    if label.startswith("xn--"):
        with suppress(UnicodeError):
            letters = label[4:].encode("ascii").decode("punycode")
            return label if letters.isascii() else letters
    return label


def address_sha256(address: str) -> str:
    """SHA-256 of the normalised address, as 64 hex digits."""
    return hashlib.sha256(normalise_address(address).encode()).hexdigest()


def reason_blocked(dossier: Dossier, *, answering: bool = False) -> ContactFlag | Literal["suppressed"] | None:
    """Name why this contact may not be written to, or return None; the address list is asked first, then the flags in order.

    `answering` a contact who wrote to us is allowed although they replied; every other reason holds there too.
    """
    if dossier["suppressed"]:
        return "suppressed"
    return next((flag for flag in CONTACT_FLAGS if dossier["contact"][flag] and not (answering and flag == "replied")), None)
