"""Where a model request may go: to DeepSeek, or to a server on this machine's loopback."""

from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

DEEPSEEK_HOST = "api.deepseek.com"


def check_model_url(url: str) -> str:
    """Return `url` when prompts may be sent there: over https to DeepSeek, or over http(s) to loopback.

    Raises:
        ValueError: they may not; the message reads on after the name of the variable that holds `url`.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        msg = "is not a URL"
        raise ValueError(msg) from None
    if "\\" in url or "@" in parts.netloc:
        msg = "holds a user name or a backslash, so two readers may see two hosts in it"
        raise ValueError(msg)
    allowed_schemes = {"https"} if host == DEEPSEEK_HOST else {"http", "https"}
    if host != DEEPSEEK_HOST and not _is_loopback(host):
        msg = f"points at {host!r}; model requests may only go to {DEEPSEEK_HOST} or this machine's loopback"
        raise ValueError(msg)
    if parts.scheme not in allowed_schemes:
        msg = f"has the scheme {parts.scheme!r}; {host} is asked over {' or '.join(sorted(allowed_schemes))}"
        raise ValueError(msg)
    return url


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):  # a name, not an address
        return ip_address(host).is_loopback
    return host == "localhost"
