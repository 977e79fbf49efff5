"""Places are read from URLs that may be wrong, and told without the user name and the password one may hold."""

from contextlib import suppress
from urllib.parse import SplitResult, urlsplit


def split(url: str) -> SplitResult:
    """Take a URL apart; one that cannot be is empty here, and refused where it is used."""
    with suppress(ValueError):
        return urlsplit(url)
    return SplitResult("", "", "", "", "")


def name_database(url: str) -> str:
    """Name the database of a `D1_URL` for people."""
    parts = split(url)
    if parts.scheme == "sqlite":
        return f"the file {url.removeprefix('sqlite:///')}"
    if parts.scheme == "d1":
        return "Cloudflare's REST API"
    return f"the bridge at {parts.netloc.rpartition('@')[2]}"
