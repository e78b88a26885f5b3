"""Frames of encrypted content: each knows its place, and the last one that it is the last."""

from __future__ import annotations

import io
import struct
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sessions.encryption.errors import BlobError, BlobReason, damaged

FRAME_BYTES = 1024 * 1024
PREFIX_BYTES = 4
_TAG_BYTES = 16
_NONCE_BYTES = 12
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


class Sealer(io.RawIOBase):
    """Writes the frames of one blob; `finish` writes the last one."""

    def __init__(self, frames: Frames, out: Writable) -> None:
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

    def __init__(self, frames: Frames, source: Readable) -> None:
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
    """Seals or opens the frames of one blob in their order."""

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
