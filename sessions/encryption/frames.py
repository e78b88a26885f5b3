"""Encrypt a file under a key of its own: AES-256-GCM in frames, the key wrapped by the ring's.

The nonce of each frame is a counter, its header says whether it is the last one, and its
authenticated data names what the file belongs to. So nothing opens that is cut off, reordered,
repeated, appended, or taken from elsewhere. The wrapped key is stored apart from the frames: it can
be wrapped again without touching them. Saved logins and media are encrypted like this.
"""

from __future__ import annotations

import hmac
import io
import secrets
import struct
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sessions.encryption.errors import BlobError, BlobReason, damaged
from sessions.encryption.keys import Key, KeyRing
from sessions.storage.record import Record

FRAME_BYTES = 1024 * 1024
"""The content of each frame but the last one, which may have less."""
PREFIX_BYTES = 4
_TAG_BYTES = 16
_FRAME_HEADER = struct.Struct(">BI")
SEALED_FRAME_BYTES = FRAME_BYTES + _FRAME_HEADER.size + _TAG_BYTES
"""The bytes of each encrypted frame but the last one."""
MORE, LAST = 0, 1
"""Whether another frame follows, or a frame is the last one."""
_NONCE_BYTES = 12


class Place(Protocol):
    """What a file is bound to by its encryption."""

    def bound(self, *more: str) -> bytes:
        """Return it as authenticated data; different places give different bytes."""
        ...


def bound(*fields: str) -> bytes:
    """Return authenticated data; different lists of fields give different bytes."""
    encoded = [field.encode() for field in fields]
    return b"".join(struct.pack(">I", len(field)) + field for field in encoded)


class Wrapping(Record):
    """The key of a file, encrypted under a key of the ring."""

    key_id: str
    key_check: bytes
    nonce: bytes
    wrapped_key: bytes


def wrap(file_key: bytes, key: Key, place: Place, prefix: bytes) -> Wrapping:
    """Encrypt the key of a file; `prefix` is that of its nonces."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    wrapped = AESGCM(key.secret).encrypt(nonce, file_key, _key_bound(key, place, prefix))
    return Wrapping(key_id=key.id, key_check=key.check(), nonce=nonce, wrapped_key=wrapped)


def unwrap(keys: KeyRing, wrapping: Wrapping, place: Place, prefix: bytes) -> bytes:
    """Decrypt the key of a file; raise BlobError."""
    key = keys.find(wrapping.key_id)
    if not hmac.compare_digest(wrapping.key_check, key.check()):
        raise BlobError(
            BlobReason.WRONG_KEY,
            f"The blob is encrypted under another key than the one that goes by {key.id!r}.",
        )
    if len(wrapping.nonce) != _NONCE_BYTES or len(prefix) != PREFIX_BYTES:
        raise damaged("The blob's header is not readable.")
    try:
        return AESGCM(key.secret).decrypt(
            wrapping.nonce, wrapping.wrapped_key, _key_bound(key, place, prefix)
        )
    except InvalidTag:
        raise damaged("The blob's header does not verify.") from None


def _key_bound(key: Key, place: Place, prefix: bytes) -> bytes:
    return place.bound("key", key.id) + prefix


class Readable(Protocol):
    """What can be read piece by piece."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end."""
        ...


class Writable(Protocol):
    """What can be written piece by piece."""

    def write(self, data: bytes, /) -> object:
        """Take all of the data."""
        ...


class Sealer(io.RawIOBase):
    """Write the frames of one blob; `finish` writes the last one."""

    def __init__(self, frames: Frames, out: Writable) -> None:
        self._frames = frames
        self._out = out
        self._pending = bytearray()

    def writable(self) -> bool:
        """Return True: content can be written."""
        return True

    def write(self, data: Any, /) -> int:
        """Take a piece of the content; write the frames that it fills."""
        self._pending += data
        # A full frame is kept back until more follows: it may be the last one.
        while len(self._pending) > FRAME_BYTES:
            self._out.write(self._frames.sealed(bytes(self._pending[:FRAME_BYTES]), MORE))
            del self._pending[:FRAME_BYTES]
        return len(data)

    def finish(self) -> None:
        """Write the last frame, without which the blob does not open."""
        self._out.write(self._frames.sealed(bytes(self._pending), LAST))
        self._pending.clear()


class Opener(io.RawIOBase):
    """Read the content of one blob; raise BlobError at the first frame that does not verify."""

    def __init__(self, frames: Frames, source: Readable) -> None:
        self._frames = frames
        self._source = source
        self._content = memoryview(b"")
        self._ended = False

    def readable(self) -> bool:
        """Return True: content can be read."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill the buffer with verified content; return 0 only after the last frame."""
        while not self._content and not self._ended:
            self._next_frame()
        size = min(len(buffer), len(self._content))
        buffer[:size] = self._content[:size]
        self._content = self._content[size:]
        return size

    def _next_frame(self) -> None:
        header = self._exactly(_FRAME_HEADER.size)
        kind, size = _FRAME_HEADER.unpack(header)
        if kind not in (MORE, LAST) or not _TAG_BYTES <= size <= FRAME_BYTES + _TAG_BYTES:
            raise damaged("A frame of the blob has no valid header.")
        self._content = memoryview(self._frames.opened(self._exactly(size), kind))
        self._ended = kind == LAST
        if self._ended and self._source.read(1):
            raise damaged("Something was appended to the blob.")

    def _exactly(self, size: int) -> bytes:
        data = self._source.read(size)
        while len(data) < size and (more := self._source.read(size - len(data))):
            data += more
        if len(data) < size:
            raise BlobError(BlobReason.TRUNCATED, "The end of the blob is missing.")
        return data


class Frames:
    """Encrypt or decrypt the frames of one blob, in order, or from any frame on."""

    def __init__(self, blob_key: bytes, prefix: bytes, bound: bytes) -> None:
        self._cipher = AESGCM(blob_key)
        self._prefix = prefix
        self._bound = bound
        self._count = 0

    def go_to(self, number: int) -> None:
        """Continue with the frame of this number; the first one is 0."""
        self._count = number

    def sealed(self, content: bytes, kind: int) -> bytes:
        """Return the next frame."""
        header = _FRAME_HEADER.pack(kind, len(content) + _TAG_BYTES)
        return header + self._cipher.encrypt(self._next_nonce(), content, self._bound + header)

    def opened(self, frame: bytes, kind: int) -> bytes:
        """Return the content of the next frame; raise BlobError when it does not verify."""
        header = _FRAME_HEADER.pack(kind, len(frame))
        try:
            return self._cipher.decrypt(self._next_nonce(), frame, self._bound + header)
        except InvalidTag:
            raise damaged("A frame of the blob does not verify.") from None

    def opened_whole(self, sealed: bytes) -> tuple[bytes, bool]:
        """Return the content of the next frame, given with its header, and whether it is the last.

        Raises BlobError.
        """
        try:
            kind, size = _FRAME_HEADER.unpack(sealed[: _FRAME_HEADER.size])
        except struct.error:
            raise BlobError(BlobReason.TRUNCATED, "The end of the blob is missing.") from None
        if len(sealed) != _FRAME_HEADER.size + size:
            raise damaged("A frame of the blob has no valid header.")
        return self.opened(sealed[_FRAME_HEADER.size :], kind), kind == LAST

    def _next_nonce(self) -> bytes:
        self._count += 1
        return self._prefix + self._count.to_bytes(_NONCE_BYTES - PREFIX_BYTES, "big")
