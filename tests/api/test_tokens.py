"""Tokens in D1."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from backend.d1.meter import MeteredDatabase
from backend.domain.access import EVERYWHERE, MAX_CAMPAIGNS, Principal, Reach, Role
from backend.errors import AgenticSalesError, BadRequest, TokenNameTaken, UnknownToken
from backend.store.tokens import D1Tokens
from tests.databases import open_migrated
from tests.rows import Rows

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
DAY = timedelta(days=1)
TOO_MANY = tuple(f"c{number}" for number in range(MAX_CAMPAIGNS + 1))


@pytest.fixture
async def database() -> AsyncGenerator[MeteredDatabase]:
    """A migrated database that vanishes."""
    async with open_migrated() as opened:
        yield opened


@pytest.mark.req("API-R4")
async def test_only_the_hash_of_a_token_is_stored(database: MeteredDatabase) -> None:
    """The row holds the SHA-256 and no part of the text; the text says its role and holds 32 random bytes."""
    token = await D1Tokens(database).create("ana", "rep", now=NOW, expires_in=DAY)
    (stored,) = await Rows(database).all("tokens")
    assert token.startswith("as_rep_")
    assert len(token.removeprefix("as_rep_")) == 43
    assert stored["token_sha256"] == sha256(token.encode()).hexdigest()
    assert token not in str(stored)


@pytest.mark.req("API-R4")
async def test_a_token_is_found_until_it_ends(database: MeteredDatabase) -> None:
    """Its holder is found by the text until the instant it expires, and in no other way."""
    tokens = D1Tokens(database)
    token = await tokens.create("ana", "rep", now=NOW, expires_in=DAY)
    assert await tokens.find(token, NOW) == Principal("ana", "rep")
    assert await tokens.find(token, NOW + DAY) is None
    assert await tokens.find(sha256(token.encode()).hexdigest(), NOW) is None
    assert await tokens.find("\ud800", NOW) is None
    await tokens.revoke("ana", now=NOW)
    await tokens.revoke("ana", now=NOW + DAY)
    assert await tokens.find(token, NOW) is None
    assert [(row.name, row.role, row.revoked_at) for row in await tokens.list()] == [("ana", "rep", "2026-11-23T09:00:00.000Z")]


@pytest.mark.req("API-R4")
async def test_a_name_is_one_live_token_at_a_time(database: MeteredDatabase) -> None:
    """A name is taken while its token lives, and free again after; the old token stays dead."""
    tokens = D1Tokens(database)
    old = await tokens.create("ana", "rep", now=NOW, expires_in=DAY)
    with pytest.raises(TokenNameTaken):
        await tokens.create("ana", "operator", now=NOW, expires_in=DAY)
    new = await tokens.create("ana", "operator", now=NOW + DAY, expires_in=DAY)
    assert await tokens.find(new, NOW + DAY) == Principal("ana", "operator")
    assert await tokens.find(old, NOW) is None


@pytest.mark.req("ACCESS-R1", "ACCESS-R3")
async def test_a_limit_belongs_to_one_token(database: MeteredDatabase) -> None:
    """Without one a token reaches every campaign; the next token of its name has a limit only if it is given one."""
    tokens, rows = D1Tokens(database), Rows(database)
    await rows.add_campaign("close")
    for reach in (EVERYWHERE, Reach(("close",)), EVERYWHERE):
        token = await tokens.create("ana", "rep", now=NOW, expires_in=DAY, reach=reach)
        assert await tokens.find(token, NOW) == Principal("ana", "rep", reach)
        assert [record.reach for record in await tokens.list()] == [reach]
        await tokens.revoke("ana", now=NOW)
    assert [row["campaigns"] for row in await rows.all("tokens")] == [None]


@pytest.mark.req("ACCESS-R2")
@pytest.mark.parametrize(
    ("role", "campaign_ids"),
    [
        ("rep", ()),
        ("rep", ("close", "clsoe")),
        ("rep", tuple("c" * (n + 1) for n in range(MAX_CAMPAIGNS + 1))),
        ("cron", ("close",)),
    ],
)
async def test_a_limit_that_cannot_be_makes_no_token(
    database: MeteredDatabase, role: Role, campaign_ids: tuple[str, ...]
) -> None:
    """Of nothing, of a campaign that was mistyped, of too many, and for the trigger: no row is written."""
    tokens, rows = D1Tokens(database), Rows(database)
    for campaign_id in {"close", *campaign_ids} - {"clsoe"}:
        await rows.add_campaign(campaign_id)
    with pytest.raises(AgenticSalesError):
        await tokens.create("ana", role, now=NOW, expires_in=DAY, reach=Reach(campaign_ids))
    assert await rows.all("tokens") == []


@pytest.mark.parametrize("name", ["", "cron", "a b", "a\n", "ä", "x" * 65, "-a"])
async def test_a_token_has_a_plain_name_of_its_own(database: MeteredDatabase, name: str) -> None:
    """A name that would blur the audit trail is refused, above all the trigger's own."""
    with pytest.raises(BadRequest):
        await D1Tokens(database).create(name, "rep", now=NOW, expires_in=DAY)


@pytest.mark.parametrize("expires_in", [timedelta(0), -DAY, 3651 * DAY, timedelta.max])
async def test_a_token_has_an_end(database: MeteredDatabase, expires_in: timedelta) -> None:
    """No token is born dead, and none lives for ever."""
    with pytest.raises(BadRequest):
        await D1Tokens(database).create("ana", "rep", now=NOW, expires_in=expires_in)


async def test_revoking_nobody_is_said(database: MeteredDatabase) -> None:
    """A name that no token has is an error, so that a typing mistake does not pass for a revocation."""
    with pytest.raises(UnknownToken):
        await D1Tokens(database).revoke("anna", now=NOW)
