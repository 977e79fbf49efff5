"""An address is checked when it comes in, and again before anything is sent there."""

import re
from typing import Final

from email_validator import EmailNotValidError, ValidatedEmail, validate_email

_HOST_NAME: Final = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")


def read_address(text: str) -> ValidatedEmail:
    """Read exactly one address. Nothing is looked up, and `.test` is a domain like any other, so that it can be tried out.

    Raises:
        ValueError: it is none, or at a domain that has no mail; the message goes on from "the address".
    """
    checked = _checked(text)
    if checked is None:
        local, _, domain = text.rpartition("@")
        if _HOST_NAME.fullmatch(domain) and _checked(f"{local}@host.example"):
            msg = "is at a name without a dot or one kept for special use, such as localhost; there is no mail outside"
            raise ValueError(msg)
        msg = "is not exactly one email address"
        raise ValueError(msg)
    if checked.ascii_email is None:
        msg = "has letters beyond ASCII before the @, which mail cannot be sent to everywhere"
        raise ValueError(msg)
    return checked


def _checked(text: str) -> ValidatedEmail | None:
    try:
        return validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
