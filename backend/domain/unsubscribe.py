"""A link by which a recipient ends what they get: it names one send, is signed, and tells nothing about anybody.

A token is the send's key and a part of an HMAC over it, so no row is written for a link and no list of links is kept.
"""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Literal, TypeAlias

MIN_SECRET_CHARS: Final = 32
PATH: Final = "/u/"
TOKEN_CHARS: Final = 43

Scope: TypeAlias = Literal["all", "campaign"]
"""`all` is every email to the recipient's address, `campaign` the thread that the send belongs to."""

_PURPOSE: Final = b"unsubscribe\0"
_KEY_BYTES: Final = 16
_MAC_BYTES: Final = 16
_TOKEN: Final = re.compile(rf"[A-Za-z0-9_-]{{{TOKEN_CHARS}}}")


def key_of_touch(thread_id: str, step: int) -> str:
    """The key of a touch's send, as 32 hex digits; its Message-ID begins with it."""
    return sha256(f"{thread_id}:{step}".encode()).hexdigest()[: 2 * _KEY_BYTES]


def offer_unsubscribe(link: str) -> dict[str, str]:
    """The headers of RFC 8058, by which a mail program offers the link as a button; none without a link."""
    return {"List-Unsubscribe": f"<{link}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"} if link else {}


@dataclass(frozen=True, slots=True)
class UnsubscribeLinks:
    """Links under `base_url`: the first secret signs, every one verifies. Without a base URL no links are made."""

    base_url: str = ""
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def link_of(self, key: str) -> str:
        """The link of the send with this key, or `""`."""
        return f"{self.base_url}{PATH}{_sign(bytes.fromhex(key), self.secrets[0])}" if self.base_url and self.secrets else ""

    def key_of(self, token: str) -> str | None:
        """The key of the send that a token names, or None for any text that no secret of ours signed for this purpose."""
        if not _TOKEN.fullmatch(token):
            return None
        key = urlsafe_b64decode(f"{token}=")[:_KEY_BYTES]
        known = [hmac.compare_digest(_sign(key, secret), token) for secret in self.secrets]
        return key.hex() if any(known) else None


NO_LINKS: Final = UnsubscribeLinks()
"""Nothing is linked, and no token is known."""


def _sign(key: bytes, secret: str) -> str:
    signature = hmac.digest(secret.encode(), _PURPOSE + key, "sha256")[:_MAC_BYTES]
    return urlsafe_b64encode(key + signature).decode().rstrip("=")
