"""The one way to a model's server: seven headers of our own go out, and a bounded answer comes back.

It stands below the SDK, so whatever the SDK reads from the environment or keeps from an earlier response, OPENAI_CUSTOM_HEADERS
or a cookie for instance, does not leave.
"""

import zlib
from contextlib import aclosing
from typing import Final

import httpx2

from backend.egress import trusted_tls
from backend.errors import ModelAnswerUnusable
from backend.llm.completion import read_completion

MAX_RESPONSE_BYTES: Final = 1_000_000
"""Twice the longest usable answer with every character escaped, as it came and unpacked; what is longer is left unread."""
MIN_KEY_CHARS: Final = 16
"""A shorter key is a local server's, and may be a word of any answer."""


class ModelTransport(httpx2.AsyncBaseTransport):
    """Sends one request as it stands in its body, and returns of the response what `read_completion` takes from it.

    The body of an error is not read. A response that repeats the key has it blanked.

    Raises:
        SettingRefused: `SSL_CERT_FILE` names no certificates.
    """

    def __init__(self, api_key: str) -> None:
        self._api_key = api_key
        self._wire = httpx2.AsyncHTTPTransport(verify=trusted_tls(), trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Exchange one request for one response.

        Raises:
            ModelAnswerUnusable: the response is too long, or no chat completion.
        """
        response = await self._wire.handle_async_request(self._plain(request, await request.aread()))
        try:
            if not response.is_success:
                return httpx2.Response(response.status_code)
            body = await _read_bounded(response)
        finally:
            await response.aclose()
        if len(self._api_key) >= MIN_KEY_CHARS:
            body = body.replace(self._api_key.encode(), b"***")
        return httpx2.Response(response.status_code, json=read_completion(body))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._wire.aclose()

    def _plain(self, request: httpx2.Request, body: bytes) -> httpx2.Request:
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Authorization": f"Bearer {self._api_key}",
            "Content-Type": "application/json",
            "User-Agent": "agentic-sales",
        }
        return httpx2.Request(request.method, request.url, headers=headers, content=body, extensions=request.extensions)


async def _read_bounded(response: httpx2.Response) -> bytes:
    """Read the body, unpacked once if it is gzip, and stop at `MAX_RESPONSE_BYTES` of either."""
    packed = response.headers.get("content-encoding", "").strip().lower() == "gzip"
    unpack, taken, body = zlib.decompressobj(zlib.MAX_WBITS | 16), 0, bytearray()
    async with aclosing(response.aiter_raw()) as pieces:
        async for piece in pieces:
            taken += len(piece)
            try:
                body += unpack.decompress(piece, MAX_RESPONSE_BYTES + 1 - len(body)) if packed else piece
            except zlib.error:
                why = "its response is not the gzip it says it is"
                raise ModelAnswerUnusable(why) from None
            if max(taken, len(body)) > MAX_RESPONSE_BYTES:
                why = f"its response is longer than {MAX_RESPONSE_BYTES} bytes"
                raise ModelAnswerUnusable(why)
    return bytes(body)
