"""Encrypt a stream under a key of its own: AES-256-GCM in frames, the key wrapped by the ring's.

The nonce of each frame is a counter, its header says whether it is the last one, and its
authenticated data names the connection and the save. So nothing opens that is cut off, reordered,
repeated, appended, or taken from another connection or another save. The wrapped key is stored in
the header, apart from the frames: it can be wrapped again without touching them. Parts are
encrypted as blobs are.
"""

from __future__ import annotations

import hmac
import io
import secrets
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import ValidationError

from sessions.blobs.streams import Fingerprint, Sink
from sessions.encryption.errors import BlobError, BlobReason, damaged
from sessions.encryption.keys import KEY_BYTES, Key, KeyRing
from sessions.storage.record import Record

if TYPE_CHECKING:
    from sessions.common.threads import Stop

VERSION = 1
_BLOB = f"chatgrow-blob-{VERSION}"
_PART = f"chatgrow-part-{VERSION}"
FRAME_BYTES = 1024 * 1024
PREFIX_BYTES = 4
_TAG_BYTES = 16
_FRAME_HEADER = struct.Struct(">BI")
_MORE, _LAST = 0, 1
_NONCE_BYTES = 12
Result = TypeVar("Result")


@dataclass(frozen=True)
class Identity:
    """What a file is bound to by its encryption: its connection, and the save that made it.

    A part is also bound to its content: `part` is the SHA-256 of it. For a blob `part` is empty.
    """

    connection: str
    generation: int
    serial: int
    part: str = ""

    def bound(self, *more: str) -> bytes:
        """Return the identity as authenticated data; different identities give different bytes."""
        kind = (_PART, self.part) if self.part else (_BLOB,)
        fields = (*kind, self.connection, str(self.generation), str(self.serial), *more)
        encoded = [field.encode() for field in fields]
        return b"".join(struct.pack(">I", len(field)) + field for field in encoded)


class Wrapping(Record):
    """The key of a blob, encrypted under a key of the ring."""

    key_id: str
    key_check: bytes
    nonce: bytes
    wrapped_key: bytes


class Header(Record):
    """What is stored beside the frames; every field of it is authenticated."""

    version: int = VERSION
    connection: str
    generation: int
    serial: int
    part: str = ""
    nonce_prefix: bytes
    wrapping: Wrapping

    @property
    def identity(self) -> Identity:
        """The identity that the file claims to have."""
        return Identity(self.connection, self.generation, self.serial, self.part)

    def document(self) -> dict[str, Any]:
        """Return the header as MongoDB stores it."""
        return self.model_dump(by_alias=True)

    @classmethod
    def read(cls, document: Mapping[str, Any] | None) -> Header:
        """Read a stored header; raise BlobError."""
        try:
            header = cls.model_validate(document)
        except ValidationError:
            raise damaged("The blob's header is not readable.") from None
        if header.version != VERSION:
            raise damaged(f"The blob's version is {header.version}, which this program lacks.")
        return header


@dataclass(frozen=True)
class Sealed:
    """An encrypted file: its header, and the fingerprint of its bytes."""

    header: Header
    fingerprint: Fingerprint


def seal_to_file(
    keys: KeyRing,
    identity: Identity,
    file: BinaryIO,
    stop: Stop,
    fill: Callable[[Writable], Result],
) -> tuple[Sealed, Result]:
    """Encrypt what `fill` writes into a file; return the sealed file and the result of `fill`."""
    sink = Sink(stop, file)
    header, sealer = seal(keys, identity, sink)
    result = fill(sealer)
    sealer.finish()
    return Sealed(header, sink.fingerprint), result


def seal(keys: KeyRing, identity: Identity, out: Writable) -> tuple[Header, Sealer]:
    """Return the header of a new file and the writer for its content."""
    blob_key = AESGCM.generate_key(bit_length=8 * KEY_BYTES)
    prefix = secrets.token_bytes(PREFIX_BYTES)
    header = Header(
        connection=identity.connection,
        generation=identity.generation,
        serial=identity.serial,
        part=identity.part,
        nonce_prefix=prefix,
        wrapping=_wrap(blob_key, keys.first, identity, prefix),
    )
    return header, Sealer(Frames(blob_key, prefix, identity.bound("frame")), out)


def unseal(keys: KeyRing, header: Header, expected: Identity, source: Readable) -> Opener:
    """Return a reader of the decrypted content; opening and reading raise BlobError."""
    _check_identity(header.identity, expected)
    blob_key = _unwrapped(header, keys)
    return Opener(Frames(blob_key, header.nonce_prefix, expected.bound("frame")), source)


def rewrap(keys: KeyRing, header: Header) -> Header:
    """Return the header with its key wrapped under the ring's first key; raise BlobError."""
    if header.wrapping.key_id == keys.first.id:
        return header
    blob_key = _unwrapped(header, keys)
    wrapping = _wrap(blob_key, keys.first, header.identity, header.nonce_prefix)
    return header.model_copy(update={"wrapping": wrapping})


def is_under_first_key(keys: KeyRing, header: Header) -> bool:
    """Tell whether the ring's first key opens the file with this header."""
    try:
        _unwrapped(header, KeyRing([keys.first]))
    except BlobError:
        return False
    return True


def _check_identity(found: Identity, expected: Identity) -> None:
    if found.connection != expected.connection:
        raise BlobError(BlobReason.FOREIGN, "The blob belongs to another connection.")
    if found.part != expected.part:
        raise damaged("The file is another part of a login than the blob names.")
    if found != expected:
        raise BlobError(
            BlobReason.ROLLED_BACK,
            f"The blob is save {found.serial} of generation {found.generation}, and the record "
            f"names save {expected.serial} of generation {expected.generation}.",
        )


def _wrap(blob_key: bytes, key: Key, identity: Identity, prefix: bytes) -> Wrapping:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    wrapped = AESGCM(key.secret).encrypt(nonce, blob_key, _bound(key, identity, prefix))
    return Wrapping(key_id=key.id, key_check=key.check(), nonce=nonce, wrapped_key=wrapped)


def _unwrapped(header: Header, keys: KeyRing) -> bytes:
    wrapping, prefix = header.wrapping, header.nonce_prefix
    key = keys.find(wrapping.key_id)
    if not hmac.compare_digest(wrapping.key_check, key.check()):
        raise BlobError(
            BlobReason.WRONG_KEY,
            f"The blob is encrypted under another key than the one that goes by {key.id!r}.",
        )
    if len(wrapping.nonce) != _NONCE_BYTES or len(prefix) != PREFIX_BYTES:
        raise damaged("The blob's header is not readable.")
    bound = _bound(key, header.identity, prefix)
    try:
        return AESGCM(key.secret).decrypt(wrapping.nonce, wrapping.wrapped_key, bound)
    except InvalidTag:
        raise damaged("The blob's header does not verify.") from None


def _bound(key: Key, identity: Identity, prefix: bytes) -> bytes:
    return identity.bound("key", key.id) + prefix


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
            self._out.write(self._frames.sealed(bytes(self._pending[:FRAME_BYTES]), _MORE))
            del self._pending[:FRAME_BYTES]
        return len(data)

    def finish(self) -> None:
        """Write the last frame, without which the blob does not open."""
        self._out.write(self._frames.sealed(bytes(self._pending), _LAST))
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
        if kind not in (_MORE, _LAST) or not _TAG_BYTES <= size <= FRAME_BYTES + _TAG_BYTES:
            raise damaged("A frame of the blob has no valid header.")
        self._content = memoryview(self._frames.opened(self._exactly(size), kind))
        self._ended = kind == _LAST
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
    """Encrypt or decrypt the frames of one blob, in order."""

    def __init__(self, blob_key: bytes, prefix: bytes, bound: bytes) -> None:
        self._cipher = AESGCM(blob_key)
        self._prefix = prefix
        self._bound = bound
        self._count = 0

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

    def _next_nonce(self) -> bytes:
        self._count += 1
        return self._prefix + self._count.to_bytes(_NONCE_BYTES - PREFIX_BYTES, "big")
