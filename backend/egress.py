"""Requests leave and come back under these rules: where a model request may go, whom our clients trust, where links lead."""

import os
import re
import ssl
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

import certifi

from backend.errors import SettingRefused

DEEPSEEK_HOST = "api.deepseek.com"
MAX_PUBLIC_URL_CHARS = 200

_PUBLIC_URL = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~-]+)*/?")
"""A place and a path, without a user name, a query or anything else a link would not survive."""


def trusted_tls() -> ssl.SSLContext:
    """Make the TLS settings of an HTTPS client: it trusts the authorities in the file `SSL_CERT_FILE`, else the public ones.

    The variable is where a platform that signs HTTPS anew names its own authority. Clients are made with this and with
    `trust_env=False`, so no other variable has a say: no proxy gets a token, and nobody else's authority is trusted.

    Raises:
        SettingRefused: the file cannot be read or holds no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(os.environ.get("SSL_CERT_FILE", "").strip() or certifi.where())
    except OSError:  # ssl.SSLError is one
        variable, why = "SSL_CERT_FILE", "names no file of certificates that can be read"
        raise SettingRefused(variable, why) from None
    return context


def check_model_url(url: str) -> str:
    """Return `url` when prompts may be sent there: over https to DeepSeek, or over http(s) to loopback.

    Raises:
        ValueError: they may not; the message reads on after the name of the variable that holds `url`.
    """
    parts, host = _split(url)
    if "\\" in url or "@" in parts.netloc:
        msg = "holds a user name or a backslash, so two readers may see two hosts in it"
        raise ValueError(msg)
    allowed_schemes = {"https"} if host == DEEPSEEK_HOST else {"http", "https"}
    if host != DEEPSEEK_HOST and not is_loopback(host):
        msg = f"points at {host!r}; model requests may only go to {DEEPSEEK_HOST} or this machine's loopback"
        raise ValueError(msg)
    if parts.scheme not in allowed_schemes:
        msg = f"has the scheme {parts.scheme!r}; {host} is asked over {' or '.join(sorted(allowed_schemes))}"
        raise ValueError(msg)
    return url


def check_public_url(url: str) -> str:
    """Return `url` without a slash at its end when links in emails may begin with it: https, or http to loopback to try it out.

    Raises:
        ValueError: they may not; the message reads on after the name of the variable that holds `url`.
    """
    if not url:
        return url
    parts, host = _split(url)
    if not _PUBLIC_URL.fullmatch(url) or len(url) > MAX_PUBLIC_URL_CHARS:
        msg = f"is not an address such as https://mail.example, in ASCII and at most {MAX_PUBLIC_URL_CHARS} characters"
        raise ValueError(msg)
    if parts.scheme != "https" and not is_loopback(host):
        msg = f"has the scheme {parts.scheme!r}; only this machine's loopback may do without https"
        raise ValueError(msg)
    return url.rstrip("/")


def _split(url: str) -> tuple[SplitResult, str]:
    """The parts of `url`, and its host, which is empty where it has none."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        msg = "is not a URL"
        raise ValueError(msg) from None
    return parts, host


def name_model_server(url: str) -> str:
    """Name for people who answers at a `url` that `check_model_url` let pass."""
    parts = urlsplit(url)
    return "DeepSeek" if parts.hostname == DEEPSEEK_HOST else f"local model at {parts.netloc}"


def is_loopback(host: str) -> bool:
    """Tell whether `host` is this machine itself."""
    with suppress(ValueError):  # a name, not an address
        return ip_address(host).is_loopback
    return host == "localhost"
