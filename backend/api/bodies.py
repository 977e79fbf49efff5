"""A body has a greatest size and a longest time: both are settled before any of it is parsed."""

import asyncio
from typing import Final

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import Message

from backend.errors import BodyIncomplete, BodyTooLarge

MAX_BYTES_KEY: Final = "x-max-body-bytes"
SMALL_BODY_BYTES: Final = 64 * 1024
LETTER_BODY_BYTES: Final = 256 * 1024
"""A letter of the most characters, each of them escaped as JSON may."""
IMPORT_BODY_BYTES: Final = 1024 * 1024
"""Parsed and checked in less than 100 ms, during which nobody else is answered."""
BODY_DEADLINE_S = 30.0
"""From the end of a request's headers to the end of its body."""


async def with_body(request: Request, most_bytes: int) -> Request:
    """Return the request with its body read.

    Raises:
        BodyTooLarge: it is declared to be, or is, larger than `most_bytes`.
        BodyIncomplete: it did not arrive whole within `BODY_DEADLINE_S`.
    """
    if int(request.headers.get("Content-Length", 0)) > most_bytes:
        raise BodyTooLarge(most_bytes)
    taken = 0

    async def receive() -> Message:
        nonlocal taken
        message = await request.receive()
        taken += len(message.get("body", b""))
        if taken > most_bytes:
            raise BodyTooLarge(most_bytes)
        return message

    bounded = Request(request.scope, receive)
    try:
        async with asyncio.timeout(BODY_DEADLINE_S):
            await bounded.body()  # which it keeps
    except (TimeoutError, ClientDisconnect):
        raise BodyIncomplete(BODY_DEADLINE_S) from None
    return bounded
