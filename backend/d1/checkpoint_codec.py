"""How bytes become the text of a D1 row and back: compressed, then encrypted or sealed with a digest, then base64.

A text is `KIND:BASE64` with the kinds `raw` and `zip`, and `raw+aes` and `zip+aes` when a key is set. What a text is about (which row it
belongs to) is bound into it, so that a row moved to another place does not open.
"""

import hmac
import os
import zlib
from base64 import b64decode, b64encode, urlsafe_b64encode
from hashlib import blake2b
from typing import NamedTuple, Protocol

MIN_COMPRESSED_BYTES = 512
COMPRESSION_LEVEL = 6
DIGEST_BYTES = 8
ADDRESS_BYTES = 16
NONCE_BYTES = 12


class TextRefused(ValueError):
    """A text does not open as one that was written under this key for this row."""


class Packed(NamedTuple):
    """Bytes on their way into a text: compressed when `zipped`."""

    zipped: bool
    data: bytes


class Codec:
    """Seals and opens the texts of one saver. With a key, texts without encryption are refused."""

    def __init__(self, key: str | None = None) -> None:
        self._address_key = blake2b(key.encode(), person=b"checkpoint-blob").digest() if key else b""
        self._sealer: _Sealer = _Encrypted(key) if key else _Digested()

    def seal(self, packed: Packed, about: str) -> str:
        """Return the text for `packed`, bound to what it is `about`."""
        kind = ("zip" if packed.zipped else "raw") + self._sealer.suffix
        return f"{kind}:{b64encode(self._sealer.seal(packed.data, f'{kind}|{about}'.encode())).decode()}"

    def open(self, text: str, about: str) -> Packed:
        """Return what `seal` was given.

        Raises:
            TextRefused: not written under this key for this row; says what is wrong with it.
        """
        kind, _, encoded = text.partition(":")
        kinds = {"raw" + self._sealer.suffix: False, "zip" + self._sealer.suffix: True}
        if kind not in kinds:
            message = f"its kind is {kind[:16]!r}, where {' or '.join(map(repr, kinds))} belongs"
            raise TextRefused(message)
        try:
            sealed = b64decode(encoded, validate=True)
        except ValueError as error:
            message = "it is not base64"
            raise TextRefused(message) from error
        return Packed(zipped=kinds[kind], data=self._sealer.open(sealed, f"{kind}|{about}".encode()))

    def address(self, thread_id: str, data: bytes) -> str:
        """Return the address of a value by its content, within its thread; keyed when a key is set, so that it gives nothing away."""
        digest = blake2b(thread_id.encode() + b"\0", digest_size=ADDRESS_BYTES, key=self._address_key)
        digest.update(data)
        return urlsafe_b64encode(digest.digest()).decode().rstrip("=")

    def tag(self, text: str) -> str:
        """Return `text`, or with a key its keyed digest, for columns that are only ever compared."""
        if not self._address_key:
            return text
        return blake2b(text.encode(), digest_size=DIGEST_BYTES, key=self._address_key).hexdigest()


def pack(data: bytes) -> Packed:
    """Compress `data`, unless it is short or does not shrink."""
    if len(data) >= MIN_COMPRESSED_BYTES:
        smaller = zlib.compress(data, COMPRESSION_LEVEL)
        if len(smaller) < len(data):
            return Packed(zipped=True, data=smaller)
    return Packed(zipped=False, data=data)


def unpack(packed: Packed) -> bytes:
    """Undo `pack`.

    Raises:
        TextRefused: it is not what `pack` made.
    """
    if not packed.zipped:
        return packed.data
    try:
        return zlib.decompress(packed.data)
    except zlib.error as error:
        message = "it does not decompress"
        raise TextRefused(message) from error


class _Sealer(Protocol):
    suffix: str

    def seal(self, data: bytes, about: bytes) -> bytes: ...

    def open(self, sealed: bytes, about: bytes) -> bytes: ...


class _Digested:
    """Shows accidents and careless edits; whoever can write the row on purpose can also write the digest."""

    suffix = ""

    def seal(self, data: bytes, about: bytes) -> bytes:
        return self._digest(data, about) + data

    def open(self, sealed: bytes, about: bytes) -> bytes:
        digest, data = sealed[:DIGEST_BYTES], sealed[DIGEST_BYTES:]
        if not hmac.compare_digest(digest, self._digest(data, about)):
            message = "its digest does not match"
            raise TextRefused(message)
        return data

    def _digest(self, data: bytes, about: bytes) -> bytes:
        digest = blake2b(about, digest_size=DIGEST_BYTES)
        digest.update(b"\0" + data)
        return digest.digest()


class _Encrypted:
    """AES-256-GCM with a fresh nonce for each text."""

    suffix = "+aes"

    def __init__(self, key: str) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  # the extra `encryption`

        self._cipher = AESGCM(blake2b(key.encode(), digest_size=32, person=b"checkpoint-aes").digest())

    def seal(self, data: bytes, about: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data, about)

    def open(self, sealed: bytes, about: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415  # the extra `encryption`

        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about)
        except (InvalidTag, ValueError) as error:
            message = "it does not decrypt under the configured key"
            raise TextRefused(message) from error
