"""Encrypt a stream under a key of its own: AES-256-GCM in frames, the key wrapped by the ring's.

Each frame's nonce counts, its header says whether it is the last one, and its authenticated data
names the connection and the save: what is cut off, reordered, repeated, appended, or taken from
another connection or another save does not open. The wrapped key stands in the header, apart from
the frames, so that it can be wrapped anew without touching them.
"""

from __future__ import annotations

import hmac
import io
import secrets
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import TypeAdapter, ValidationError

from sessions.blobs.errors import BlobError, BlobReason
from sessions.blobs.keys import KEY_BYTES, Key, KeyRing

FRAME_BYTES = 1024 * 1024
VERSION = 1
_TAG_BYTES = 16
_NONCE_BYTES = 12
_PREFIX_BYTES = 4
_FRAME_HEADER = struct.Struct(">BI")
_MORE, _LAST = 0, 1


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


@dataclass(frozen=True)
class Identity:
    """What a blob is bound to for ever: its connection, and which save of it this is."""

    connection: str
    generation: int
    serial: int

    def bound(self, *parts: str) -> bytes:
        """Return the identity as authenticated data; no two identities give the same bytes."""
        fields = (self.connection, str(self.generation), str(self.serial), *parts)
        encoded = [field.encode() for field in (f"chatgrow-blob-{VERSION}", *fields)]
        return b"".join(struct.pack(">I", len(part)) + part for part in encoded)


@dataclass(frozen=True)
class Header:
    """What is stored beside the frames; every part of it is authenticated."""

    version: int
    connection: str
    generation: int
    serial: int
    key_id: str
    key_check: bytes
    wrap_nonce: bytes
    wrapped_key: bytes
    nonce_prefix: bytes

    @property
    def identity(self) -> Identity:
        """What the blob says it is."""
        return Identity(self.connection, self.generation, self.serial)

    def document(self) -> dict[str, Any]:
        """Return the header as MongoDB stores it."""
        return asdict(self)

    @classmethod
    def read(cls, document: Mapping[str, Any] | None) -> Header:
        """Read a stored header; raise BlobError."""
        try:
            header = _HEADER.validate_python(document)
        except ValidationError:
            raise _damaged("The blob's header is not readable.") from None
        if header.version != VERSION:
            raise _damaged(f"The blob's version is {header.version}, which this program lacks.")
        return header


_HEADER = TypeAdapter(Header)


def seal(keys: KeyRing, identity: Identity, out: Writable) -> tuple[Header, Sealer]:
    """Return the header of a new blob and what its content is written to."""
    blob_key = AESGCM.generate_key(bit_length=8 * KEY_BYTES)
    prefix = secrets.token_bytes(_PREFIX_BYTES)
    bare = Header(VERSION, *_parts(identity), "", b"", b"", b"", prefix)
    header = _wrapped(bare, keys.first, blob_key)
    return header, Sealer(_Frames(blob_key, prefix, identity), out)


def unseal(keys: KeyRing, header: Header, expected: Identity, source: Readable) -> Opener:
    """Return what the blob's content is read from; raise BlobError, then or while it is read."""
    _check_identity(header.identity, expected)
    blob_key = _unwrapped(header, keys)
    return Opener(_Frames(blob_key, header.nonce_prefix, expected), source)


def rewrap(keys: KeyRing, header: Header) -> Header:
    """Return the header with its key wrapped under the ring's first key; raise BlobError."""
    if header.key_id == keys.first.id:
        return header
    return _wrapped(header, keys.first, _unwrapped(header, keys))


class Sealer(io.RawIOBase):
    """Writes the frames of one blob; `finish` writes the last one."""

    def __init__(self, frames: _Frames, out: Writable) -> None:
        self._frames = frames
        self._out = out
        self._pending = bytearray()

    def writable(self) -> bool:
        """Say that this is written to."""
        return True

    def write(self, data: Any, /) -> int:
        """Take a piece of the content; write the frames that are full."""
        self._pending += data
        # A full frame waits for what follows: only then is it known not to be the last.
        while len(self._pending) > FRAME_BYTES:
            self._out.write(self._frames.sealed(bytes(self._pending[:FRAME_BYTES]), _MORE))
            del self._pending[:FRAME_BYTES]
        return len(data)

    def finish(self) -> None:
        """Write the last frame; a blob without it does not open."""
        self._out.write(self._frames.sealed(bytes(self._pending), _LAST))
        self._pending.clear()


class Opener(io.RawIOBase):
    """Reads the content of one blob; raises BlobError at the first frame that does not verify."""

    def __init__(self, frames: _Frames, source: Readable) -> None:
        self._frames = frames
        self._source = source
        self._content = memoryview(b"")
        self._ended = False

    def readable(self) -> bool:
        """Say that this is read from."""
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
        if kind not in (_MORE, _LAST) or not _TAG_BYTES <= size <= FRAME_BYTES + _TAG_BYTES:
            raise _damaged("A frame of the blob has no valid header.")
        self._content = memoryview(self._frames.opened(self._exactly(size), kind))
        self._ended = kind == _LAST
        if self._ended and self._source.read(1):
            raise _damaged("Something was appended to the blob.")

    def _exactly(self, size: int) -> bytes:
        data = self._source.read(size)
        while len(data) < size and (more := self._source.read(size - len(data))):
            data += more
        if len(data) < size:
            raise BlobError(BlobReason.TRUNCATED, "The end of the blob is missing.")
        return data


class _Frames:
    """Seals or opens the frames of one blob in their order."""

    def __init__(self, blob_key: bytes, prefix: bytes, identity: Identity) -> None:
        self._cipher = AESGCM(blob_key)
        self._prefix = prefix
        self._bound = identity.bound("frame")
        self._count = 0

    def sealed(self, content: bytes, kind: int) -> bytes:
        header = _FRAME_HEADER.pack(kind, len(content) + _TAG_BYTES)
        return header + self._cipher.encrypt(self._next_nonce(), content, self._bound + header)

    def opened(self, frame: bytes, kind: int) -> bytes:
        header = _FRAME_HEADER.pack(kind, len(frame))
        try:
            return self._cipher.decrypt(self._next_nonce(), frame, self._bound + header)
        except InvalidTag:
            raise _damaged("A frame of the blob does not verify.") from None

    def _next_nonce(self) -> bytes:
        self._count += 1
        return self._prefix + self._count.to_bytes(_NONCE_BYTES - _PREFIX_BYTES, "big")


def _check_identity(found: Identity, expected: Identity) -> None:
    if found.connection != expected.connection:
        raise BlobError(BlobReason.FOREIGN, "The blob belongs to another connection.")
    if found != expected:
        raise BlobError(
            BlobReason.ROLLED_BACK,
            f"The blob is save {found.serial} of generation {found.generation}, and the record "
            f"names save {expected.serial} of generation {expected.generation}.",
        )


def _wrapped(header: Header, key: Key, blob_key: bytes) -> Header:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    bound = _bound_to_key(header, key.id)
    wrapped = AESGCM(key.secret).encrypt(nonce, blob_key, bound)
    return replace(
        header,
        key_id=key.id,
        key_check=key.check(),
        wrap_nonce=nonce,
        wrapped_key=wrapped,
    )


def _unwrapped(header: Header, keys: KeyRing) -> bytes:
    key = keys.find(header.key_id)
    if not hmac.compare_digest(header.key_check, key.check()):
        raise BlobError(
            BlobReason.WRONG_KEY,
            f"The blob is encrypted under another key than the one that goes by {key.id!r}.",
        )
    if len(header.wrap_nonce) != _NONCE_BYTES or len(header.nonce_prefix) != _PREFIX_BYTES:
        raise _damaged("The blob's header is not readable.")
    bound = _bound_to_key(header, key.id)
    try:
        return AESGCM(key.secret).decrypt(header.wrap_nonce, header.wrapped_key, bound)
    except InvalidTag:
        raise _damaged("The blob's header does not verify.") from None


def _bound_to_key(header: Header, key_id: str) -> bytes:
    return header.identity.bound("key", key_id) + header.nonce_prefix


def _parts(identity: Identity) -> tuple[str, int, int]:
    return identity.connection, identity.generation, identity.serial


def _damaged(text: str) -> BlobError:
    return BlobError(BlobReason.DAMAGED, text)
