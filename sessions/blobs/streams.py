"""File readers and writers that stop when nobody waits for them any more."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from sessions.common.threads import Stop


@dataclass(frozen=True)
class Fingerprint:
    """The size and hash by which written bytes are recognised."""

    size: int
    sha256: str


class Sink:
    """Count and hash what is written, and write it to a file, if any, from `start` on."""

    def __init__(self, stop: Stop, file: BinaryIO | None = None, start: int = 0) -> None:
        self._file = file
        self._stop = stop
        self._start = start
        self._hash = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes, /) -> int:
        """Write the data; raise StoppedError if nobody waits for it any more."""
        self._stop.check()
        self._hash.update(data)
        if self._file is not None:
            _write_at(self._file, data, self._start + self._size)
        self._size += len(data)
        return len(data)

    @property
    def fingerprint(self) -> Fingerprint:
        """The fingerprint of what was written."""
        return Fingerprint(self._size, self._hash.hexdigest())


class Source:
    """Read a file, or `size` bytes of it from `start`; several may read the same file."""

    def __init__(self, stop: Stop, file: BinaryIO, start: int = 0, size: int | None = None) -> None:
        self._file = file
        self._stop = stop
        self._at = start
        whole = os.fstat(file.fileno()).st_size - start
        self._left = whole if size is None else size

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes; raise StoppedError if nobody waits for them any more."""
        self._stop.check()
        wanted = self._left if size < 0 else min(size, self._left)
        data = os.pread(self._file.fileno(), wanted, self._at)
        self._at += len(data)
        self._left -= len(data)
        return data


def _write_at(file: BinaryIO, data: bytes, place: int) -> None:
    left = memoryview(data)
    while left:
        written = os.pwrite(file.fileno(), left, place)
        left, place = left[written:], place + written
