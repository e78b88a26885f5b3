"""Parts of a login: large files that never change, each stored once and shared by later blobs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, TypeAdapter

from sessions.blobs.errors import IncompleteProfileError
from sessions.blobs.header import Identity
from sessions.blobs.limits import Allowance, profile_too_large
from sessions.blobs.login import is_lasting, login_files
from sessions.storage.record import Record

if TYPE_CHECKING:
    from sessions.blobs.threads import Stop

SMALLEST = 256 * 1024
"""A file of fewer bytes is cheaper to store anew, in the blob itself."""


class Part(Record):
    """An entry of a blob's list of parts; `size` and `sha256` are those of the plain content."""

    name: str
    size: int = Field(alias="bytes", ge=0)
    sha256: str
    id: str
    generation: int
    serial: int

    def identity(self, connection: str) -> Identity:
        """Return what the part must be bound to."""
        return Identity(connection, self.generation, self.serial, self.sha256)


_LIST = TypeAdapter(list[Part])


def write_list(parts: Sequence[Part]) -> bytes:
    """Return a list of parts as a blob holds it."""
    return _LIST.dump_json(list(parts), by_alias=True)


def read_list(content: bytes) -> list[Part]:
    """Read what `write_list` wrote; raise ValueError."""
    return _LIST.validate_json(content)


@dataclass(frozen=True)
class LastingFile:
    """A file of a profile that is to be a part; `name` is its path in the profile."""

    path: Path
    name: str
    size: int
    sha256: str


def lasting_files(profile: Path, limit_bytes: int, stop: Stop) -> list[LastingFile]:
    """Find and hash what is to be stored as parts; raise NotSavedError, StoppedError."""
    allowance = Allowance(limit_bytes)
    found = []
    try:
        for path in login_files(profile):
            stop.check()
            name = path.relative_to(profile)
            if is_lasting(name) and path.stat().st_size >= SMALLEST:
                found.append(_hashed(path, name.as_posix(), allowance))
    except FileNotFoundError as error:
        raise IncompleteProfileError("A file vanished while it was saved.") from error
    return found


def _hashed(path: Path, name: str, allowance: Allowance) -> LastingFile:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if not allowance.takes(size):
            raise profile_too_large()
        return LastingFile(path, name, size, hashlib.file_digest(file, "sha256").hexdigest())
