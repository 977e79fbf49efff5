"""Opens D1 over one of three transports; which one, its URL says.

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

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

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
        SettingRefused: the URL names no transport, or REST lacks its token. Nothing was opened.
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
        raise SettingRefused(D1_URL, "names no file: sqlite:///PATH")
    return path


def _endpoint(url: str, token: str | None, cloudflare_api: str) -> str:
    parts = urlsplit(url)
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
