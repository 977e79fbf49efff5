"""Opens D1 over one of three transports; which one, the URL says.

| URL | transport |
|---|---|
| `sqlite:///PATH` | embedded: a SQLite file that keeps D1's rules; `sqlite:///:memory:` for one that vanishes |
| `https://…`, `http://…` | the bridge Worker of `backend/edge`; the client appends `/d1/raw` |
| `d1://ACCOUNT/DATABASE` | Cloudflare's REST API |

    async with open_database("sqlite:///.data/agentic-sales.db") as database:
        await migrate(database)
        results = await database.batch([Statement("SELECT ?1 AS one", (1,))])
        database.meter.requests
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from backend.d1.embedded import open_embedded
from backend.d1.remote import HttpPolicy, open_http
from backend.d1.meter import MeteredDatabase
from backend.errors import AgenticSalesError

CLOUDFLARE_API = "https://api.cloudflare.com/client/v4"
BRIDGE_PATH = "/d1/raw"


class DatabaseUrlRefused(AgenticSalesError):
    """The database URL names no transport."""

    def __init__(self, why: str) -> None:
        super().__init__(f"D1_URL {why}. Use sqlite:///PATH, https://BRIDGE or d1://ACCOUNT/DATABASE.")


@asynccontextmanager
async def open_database(
    url: str,
    token: str | None = None,
    *,
    policy: HttpPolicy | None = None,
    cloudflare_api: str = CLOUDFLARE_API,
) -> AsyncIterator[MeteredDatabase]:
    """Open the database that `url` names, and close it on leaving.

    `token` is the bearer token of the bridge or of the REST API; the embedded database needs none.

    Raises:
        DatabaseUrlRefused: the URL names no transport, or REST lacks its token. Nothing was opened.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        async with open_embedded(_path_of(url)) as embedded:
            yield embedded
        return
    async with open_http(_endpoint(url, token, cloudflare_api), token, policy or HttpPolicy()) as remote:
        yield remote


def _path_of(url: str) -> str:
    path = url.removeprefix("sqlite:///")
    if path == url or not path:
        raise DatabaseUrlRefused("names no file")
    return path


def _endpoint(url: str, token: str | None, cloudflare_api: str) -> str:
    parts = urlsplit(url)
    if parts.scheme in {"http", "https"} and parts.hostname:
        return url.rstrip("/") + BRIDGE_PATH
    if parts.scheme != "d1":
        raise DatabaseUrlRefused(f"begins with {parts.scheme or 'no scheme'!r}")
    database = parts.path.strip("/")
    if not parts.netloc or not database or "/" in database:
        raise DatabaseUrlRefused("does not name one account and one database")
    if not token:
        raise DatabaseUrlRefused("needs a token (D1_TOKEN) to reach the REST API")
    return f"{cloudflare_api}/accounts/{parts.netloc}/d1/database/{database}/raw"
