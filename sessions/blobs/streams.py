"""Files that are written and read for as long as somebody waits for it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from sessions.common.threads import Stop


@dataclass(frozen=True)
class Fingerprint:
    """What tells whether bytes are those that were written."""

    size: int
    sha256: str


class Sink:
    """Writes to a file from `start` on, or nowhere; counts and hashes on the way."""

    def __init__(self, stop: Stop, file: BinaryIO | None = None, start: int = 0) -> None:
        self._file = file
        self._stop = stop
        self._start = start
        self._hash = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes, /) -> int:
        """Take the data; raise StoppedError when nobody waits for it any more."""
        self._stop.check()
        self._hash.update(data)
        if self._file is not None:
            _write_at(self._file, data, self._start + self._size)
        self._size += len(data)
        return len(data)

    @property
    def fingerprint(self) -> Fingerprint:
        """That of what was written."""
        return Fingerprint(self._size, self._hash.hexdigest())


class Source:
    """Reads a file, or `size` bytes of it from `start`; several may read the same one."""

    def __init__(self, stop: Stop, file: BinaryIO, start: int = 0, size: int | None = None) -> None:
        self._file = file
        self._stop = stop
        self._at = start
        whole = os.fstat(file.fileno()).st_size - start
        self._left = whole if size is None else size

    def read(self, size: int = -1, /) -> bytes:
        """Return what comes next; raise StoppedError when nobody waits for it any more."""
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
