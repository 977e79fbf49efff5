"""Bearer tokens in D1: who may ask, in which role, until when. Only the SHA-256 of a token is kept."""

import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import uuid4

from backend.d1.clock import NOW
from backend.d1.statements import Database, Statement
from backend.domain.access import CRON_NAME, EVERYWHERE, MAX_CAMPAIGNS, Principal, Reach, Role, TokenRecord
from backend.domain.instants import to_text
from backend.errors import BadRequest, TokenNameTaken, UnknownCampaign, UnknownToken

TOKEN_BYTES = 32
MAX_LIFETIME = timedelta(days=3650)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")

_STRANGE = "SELECT value FROM json_each(?6) WHERE NOT EXISTS (SELECT 1 FROM campaigns WHERE campaign_id = value)"

# A late copy of a word that was said must not revive a token, nor end the next one of its name: a word's audit row says it was.
_CREATE = f"""
INSERT INTO tokens (token_sha256, name, role, created_at, expires_at, campaigns) SELECT ?1, ?2, ?3, ?4, ?5, ?6
WHERE NOT EXISTS (SELECT 1 FROM audit WHERE audit.thread_id = '' AND audit_id = 'token:' || ?1)
  AND NOT EXISTS ({_STRANGE})
ON CONFLICT (name) DO UPDATE SET token_sha256 = excluded.token_sha256, role = excluded.role,
  created_at = excluded.created_at, expires_at = excluded.expires_at, revoked_at = NULL, campaigns = excluded.campaigns
WHERE revoked_at IS NOT NULL OR expires_at <= excluded.created_at
ON CONFLICT (token_sha256) DO NOTHING"""
_STRANGERS = _STRANGE.replace("?6", "?1")
_HOLDER = "SELECT token_sha256 FROM tokens WHERE name = ?1"
_LIST = "SELECT name, role, created_at, expires_at, revoked_at, campaigns FROM tokens ORDER BY name"
_REVOKE = """
UPDATE tokens SET revoked_at = COALESCE(revoked_at, ?2) WHERE name = ?1
  AND NOT EXISTS (SELECT 1 FROM audit WHERE audit.thread_id = '' AND audit_id = 'token:' || ?3)"""
_SAID = f"""
INSERT INTO audit (thread_id, audit_id, at, principal, action, detail) VALUES ('', 'token:' || ?1, {NOW}, 'operator', ?2, ?3)
ON CONFLICT DO NOTHING"""
_FIND = """
SELECT token_sha256, name, role, campaigns FROM tokens WHERE token_sha256 = ?1 AND revoked_at IS NULL AND expires_at > ?2"""


class D1Tokens:
    """Makes, finds and revokes tokens."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, name: str, role: Role, *, now: datetime, expires_in: timedelta, reach: Reach = EVERYWHERE) -> str:
        """Make a token and return its text, which is shown this once. The name of a revoked or expired token is free again.

        Raises:
            BadRequest: the name, the lifetime or the limit is not allowed; nothing was written.
            UnknownCampaign: it would be limited to one that does not exist; no token was made.
            TokenNameTaken: a live token has this name; nothing was written.
        """
        if not _NAME.fullmatch(name) or name == CRON_NAME:
            msg = f"A token may not be named {name!r}: 1 to 64 letters, digits and . _ @ -, and not '{CRON_NAME}'."
            raise BadRequest(msg)
        if not timedelta(0) < expires_in <= MAX_LIFETIME:
            msg = f"A token lives more than 0 and at most {MAX_LIFETIME.days} days."
            raise BadRequest(msg)
        _check_reach(role, reach)
        token = f"as_{role}_{secrets.token_urlsafe(TOKEN_BYTES)}"
        row = (_hash(token), name, role, to_text(now), to_text(now + expires_in), reach.as_json)
        said = Statement(_SAID, (row[0], "create token", name))
        _, strangers, holder, _ = await self._database.batch(
            [Statement(_CREATE, row), Statement(_STRANGERS, (reach.as_json,)), Statement(_HOLDER, (name,)), said]
        )
        if strangers.rows:
            raise UnknownCampaign(strangers.rows[0]["value"])
        if holder.rows[0]["token_sha256"] != row[0]:
            raise TokenNameTaken(name)
        return token

    async def list(self) -> Sequence[TokenRecord]:
        """Return every token ever made under a name still in use, by name."""
        (found,) = await self._database.batch([Statement(_LIST)])
        return [TokenRecord(reach=Reach.of(row.pop("campaigns")), **row) for row in found.rows]

    async def revoke(self, name: str, *, now: datetime) -> None:
        """End a token at once; a second time changes nothing.

        Raises:
            UnknownToken: no token has this name.
        """
        word = uuid4().hex
        revoke = Statement(_REVOKE, (name, to_text(now), word))
        said = Statement(_SAID, (word, "revoke token", name))
        _, holder, _ = await self._database.batch([revoke, Statement(_HOLDER, (name,)), said])
        if not holder.rows:
            raise UnknownToken(name)

    async def find(self, token_text: str, now: datetime) -> Principal | None:
        """Return who holds this token, or None when it is unknown, expired or revoked."""
        digest = _hash(token_text)
        (found,) = await self._database.batch([Statement(_FIND, (digest, to_text(now)))])
        for row in found.rows:
            if hmac.compare_digest(row["token_sha256"].encode(), digest.encode()):
                return Principal(row["name"], row["role"], Reach.of(row["campaigns"]))
        return None


def _check_reach(role: Role, reach: Reach) -> None:
    if not reach.is_limited:
        return
    if role == "cron":
        msg = "A token of the role cron resumes every campaign, so it cannot be limited to some. Nothing was created."
        raise BadRequest(msg)
    if not 0 < len(reach.campaign_ids or ()) <= MAX_CAMPAIGNS:
        msg = f"A token is limited to 1 to {MAX_CAMPAIGNS} campaigns, or to none. Nothing was created."
        raise BadRequest(msg)


def _hash(token_text: str) -> str:
    return sha256(token_text.encode(errors="replace")).hexdigest()
