"""Bytes become the text of a D1 row and come back: compressed, then sealed (encrypted, or with a digest), then base64.

A text is `KIND:BASE64` with the kinds `raw` and `zip`, or `raw+aes` and `zip+aes` under a key. Which row a text belongs to is
part of its seal, so that a text moved to another row does not open.
"""

import hmac
import os
import zlib
from base64 import b64decode, b64encode, urlsafe_b64encode
from hashlib import blake2b
from typing import NamedTuple, Protocol

from backend.d1.limits import utf8
from backend.errors import SettingRefused

CHECKPOINT_KEY = "CHECKPOINT_KEY"

MIN_COMPRESSED_BYTES = 512
COMPRESSION_LEVEL = 6
MIN_KEY_CHARS = 32
ADDRESS_BYTES = 16
DIGEST_BYTES = 8
NONCE_BYTES = 12


class TextRefused(Exception):
    """A text does not open as one that was written under this key for this row; says what is wrong with it."""


class Packed(NamedTuple):
    """Bytes on their way into a text: compressed when `zipped`."""

    zipped: bool
    data: bytes


class Codec:
    """Seals and opens the texts of one saver. Under a key, texts without encryption are refused.

    Raises:
        SettingRefused: the key is short, or the extra `encryption` is not installed.
    """

    def __init__(self, key: str | None = None) -> None:
        self._secret = blake2b(key.encode(), person=b"checkpoint-tags").digest() if key else b""
        self._sealer: _Sealer = _Encrypted(key) if key is not None else _Digested()
        self._zipped_of_kind = {"raw" + self._sealer.suffix: False, "zip" + self._sealer.suffix: True}

    def seal(self, packed: Packed, about: str) -> str:
        """Return the text for `packed`, bound to what it is `about`."""
        kind = ("zip" if packed.zipped else "raw") + self._sealer.suffix
        return f"{kind}:{b64encode(self._sealer.seal(packed.data, utf8(f'{kind}|{about}'))).decode()}"

    def open(self, text: str, about: str) -> Packed:
        """Return what `seal` was given.

        Raises:
            TextRefused: not written under this key for this row.
        """
        kind, _, encoded = text.partition(":")
        if kind not in self._zipped_of_kind:
            message = f"a text of kind {kind[:16]!r} stands where only {' or '.join(self._zipped_of_kind)} may"
            raise TextRefused(message)
        try:
            sealed = b64decode(encoded, validate=True)
        except ValueError as error:
            message = "a text is not base64"
            raise TextRefused(message) from error
        return Packed(self._zipped_of_kind[kind], self._sealer.open(sealed, utf8(f"{kind}|{about}")))

    def address(self, thread_id: str, data: bytes) -> str:
        """Return a value's address by its content, within its thread; under a key it gives nothing of the content away."""
        digest = blake2b(utf8(thread_id) + b"\0", digest_size=ADDRESS_BYTES, key=self._secret)
        digest.update(data)
        return urlsafe_b64encode(digest.digest()).decode().rstrip("=")

    def tag(self, text: str) -> str:
        """Return what stands for `text` where texts are only compared: itself, or its digest when it is long or secret."""
        if not self._secret and len(text) <= 2 * DIGEST_BYTES:
            return text
        return blake2b(utf8(text), digest_size=DIGEST_BYTES, key=self._secret).hexdigest()


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
        message = "a text does not decompress"
        raise TextRefused(message) from error


class _Sealer(Protocol):
    suffix: str

    def seal(self, data: bytes, about: bytes) -> bytes: ...

    def open(self, sealed: bytes, about: bytes) -> bytes: ...


class _Digested:
    """Shows accidents and careless edits; whoever rewrites a row on purpose can rewrite its digest too."""

    suffix = ""

    def seal(self, data: bytes, about: bytes) -> bytes:
        return _digest(data, about) + data

    def open(self, sealed: bytes, about: bytes) -> bytes:
        data = sealed[DIGEST_BYTES:]
        if not hmac.compare_digest(sealed[:DIGEST_BYTES], _digest(data, about)):
            message = "a text does not match its digest"
            raise TextRefused(message)
        return data


def _digest(data: bytes, about: bytes) -> bytes:
    digest = blake2b(about + b"\0", digest_size=DIGEST_BYTES)
    digest.update(data)
    return digest.digest()


class _Encrypted:
    """AES-256-GCM with a fresh random nonce for each text."""

    suffix = "+aes"

    def __init__(self, key: str) -> None:
        if len(key) < MIN_KEY_CHARS:
            raise SettingRefused(CHECKPOINT_KEY, f"is {len(key)} characters long, and needs at least {MIN_KEY_CHARS}")
        try:
            from cryptography.exceptions import InvalidTag  # noqa: PLC0415  # the extra `encryption`
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  # the extra `encryption`
        except ImportError:
            raise SettingRefused(CHECKPOINT_KEY, "needs the extra agentic-sales[encryption]") from None
        self._invalid = InvalidTag
        self._cipher = AESGCM(blake2b(key.encode(), digest_size=32, person=b"checkpoint-aes").digest())

    def seal(self, data: bytes, about: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data, about)

    def open(self, sealed: bytes, about: bytes) -> bytes:
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about)
        except (self._invalid, ValueError) as error:
            message = "a text does not decrypt under the configured key"
            raise TextRefused(message) from error
