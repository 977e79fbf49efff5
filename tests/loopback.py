"""The plugin that keeps the suite on this machine: anything beyond loopback is refused, and fails the test that tried.

An audit hook sees every socket of the process: asyncio's, a thread's, a library's. The refusal is an OSError, which
careful code takes for a network that is down; so the test fails afterwards as well, however calmly the code took it.
"""

import ipaddress
import sys
from collections.abc import Iterator
from typing import Any

import pytest

_refused: list[str] = []


class BeyondLoopback(OSError):
    """A test tried to reach another machine; nothing was sent."""

    def __init__(self, host: str) -> None:
        super().__init__(f"The suite reaches loopback only, and {host} is beyond it.")


def _is_loopback(host: str | None) -> bool:
    if not host or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _destination(event: str, args: tuple[Any, ...]) -> str | None:
    """The host this event would reach, or None where it reaches none (a local socket, any other event)."""
    if event == "socket.getaddrinfo":
        host = args[0]
    elif event in {"socket.connect", "socket.sendto", "socket.sendmsg"} and not isinstance(args[1], (str, bytes, type(None))):
        host = args[1][0]
    else:
        return None
    return host.decode() if isinstance(host, bytes) else host


def _refuse_beyond_loopback(event: str, args: tuple[Any, ...]) -> None:
    if event.startswith("socket.") and not _is_loopback(host := _destination(event, args)):
        _refused.append(str(host))
        raise BeyondLoopback(str(host))


sys.addaudithook(_refuse_beyond_loopback)


@pytest.fixture(autouse=True)
def refused_hosts() -> Iterator[list[str]]:
    """The hosts this test was refused; one that means to be refused empties the list."""
    _refused.clear()
    yield _refused
    if _refused:
        pytest.fail(f"This test tried to reach {', '.join(_refused)}; the suite reaches loopback only.", pytrace=False)
