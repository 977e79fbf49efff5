"""Opens D1 over one of three transports; which one, its URL says.

| URL | transport |
|---|---|
| `sqlite:///PATH` | embedded: a SQLite file that keeps D1's rules; `sqlite:///:memory:` for one that vanishes |
| `https://…`, `http://…` | the bridge Worker of `backend/edge`; the client appends `/d1/raw` |
| `d1://ACCOUNT/DATABASE` | Cloudflare's REST API |

    async with open_database("sqlite:///.data/agentic-sales.db") as database:
        results = await database.batch([Statement("SELECT ?1 AS one", (1,))])
        database.meter.requests

`open_proven_database` is the one to work with: REST is open only after it has shown that its batches are atomic.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import SplitResult, urlsplit

import httpx

from backend.d1.atomicity import prove_atomic_batches
from backend.d1.embedded import open_embedded
from backend.d1.meter import MeteredDatabase
from backend.d1.remote import HttpPolicy, open_http
from backend.errors import SettingRefused

CLOUDFLARE_API = "https://api.cloudflare.com/client/v4"
BRIDGE_PATH = "/d1/raw"
D1_URL = "D1_URL"
D1_TOKEN = "D1_TOKEN"  # noqa: S105  # the name of a variable


@asynccontextmanager
async def open_database(
    url: str,
    token: str | None = None,
    *,
    policy: HttpPolicy | None = None,
    cloudflare_api: str = CLOUDFLARE_API,
) -> AsyncGenerator[MeteredDatabase, None]:
    """Open the database that `url` names, and close it on leaving.

    `token` is the bearer token of the bridge or of the REST API; the embedded database needs none.

    Raises:
        SettingRefused: the URL names no transport, REST lacks its token, or no header can carry it. Nothing was opened.
        DatabaseUnreachable: an embedded database cannot be opened.
    """
    if _scheme_of(url) == "sqlite":
        async with open_embedded(_path_of(url)) as embedded:
            yield embedded
        return
    token = _checked_token(token)
    async with open_http(_endpoint(url, token, cloudflare_api), token, policy or HttpPolicy()) as remote:
        yield remote


@asynccontextmanager
async def open_proven_database(
    url: str,
    token: str | None = None,
    *,
    policy: HttpPolicy | None = None,
    cloudflare_api: str = CLOUDFLARE_API,
) -> AsyncGenerator[MeteredDatabase, None]:
    """Open the database that `url` names for work; REST proves first, in two requests, that its batches are atomic.

    Raises:
        SettingRefused: as `open_database` does.
        BatchesNotAtomic: REST keeps half of a failed batch. Nothing of it is left, and nothing was opened.
        DatabaseUnreachable: it cannot be opened, or REST gave no clear answer.
    """
    async with open_database(url, token, policy=policy, cloudflare_api=cloudflare_api) as database:
        if _scheme_of(url) == "d1":
            await prove_atomic_batches(database)
        yield database


def _scheme_of(url: str) -> str:
    return url.partition(":")[0].lower()


def _path_of(url: str) -> str:
    path = url.removeprefix("sqlite:///")
    if path == url or not path:
        raise SettingRefused(D1_URL, "names no file: sqlite:///PATH")
    return path


def _endpoint(url: str, token: str | None, cloudflare_api: str) -> str:
    parts = _parts_of(url)
    if parts.scheme in {"http", "https"} and parts.hostname:
        return url.rstrip("/") + BRIDGE_PATH
    if parts.scheme != "d1":
        raise SettingRefused(D1_URL, f"begins with {parts.scheme!r}, where sqlite, https, http or d1 belongs")
    database = parts.path.strip("/")
    if not parts.netloc or not database or "/" in database:
        raise SettingRefused(D1_URL, "names not one account and one database: d1://ACCOUNT/DATABASE")
    if not token:
        raise SettingRefused(D1_TOKEN, "is not set, and the REST API needs it")
    return f"{cloudflare_api}/accounts/{parts.netloc}/d1/database/{database}/raw"


def _parts_of(url: str) -> SplitResult:
    try:
        httpx.URL(url)
        parts = urlsplit(url)
        _ = parts.port  # read for its ValueError: httpx would raise another one, at the first request
    except (httpx.InvalidURL, ValueError):
        raise SettingRefused(D1_URL, "is not a URL") from None
    return parts


def _checked_token(token: str | None) -> str | None:
    """Return `token` without the line end a secret's file may have; other text would be quoted by the HTTP client's error."""
    token = token.strip() if token else None
    if token and not (token.isascii() and token.isprintable()):
        raise SettingRefused(D1_TOKEN, "holds characters no HTTP header can carry")
    return token
