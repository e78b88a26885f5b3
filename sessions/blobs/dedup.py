"""Store large files that never change once: as parts that later blobs share."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bson import ObjectId
from pydantic import Field, TypeAdapter

from sessions.blobs.encryption import Identity, is_under_first_key
from sessions.blobs.errors import IncompleteProfileError
from sessions.blobs.login_files import Allowance, is_lasting, login_files, profile_too_large
from sessions.storage.record import Record

if TYPE_CHECKING:
    from sessions.blobs.gridfs import BlobFiles, StoredFile
    from sessions.blobs.records import History
    from sessions.common.threads import Stop
    from sessions.encryption.keys import KeyRing

SMALLEST = 256 * 1024
"""Bytes; a smaller file is cheaper to store in each blob."""
REUSED_FOR = timedelta(days=1)
"""An older part is stored again, so that one damaged part cannot spoil every later save.

A save checks only that no chunk of the part is missing; only a restore reads its content.
"""


class Part(Record):
    """An entry of a blob's list of parts; `size` and `sha256` are those of the plain content."""

    name: str
    size: int = Field(alias="bytes", ge=0)
    sha256: str
    id: str
    generation: int
    serial: int

    def identity(self, connection: str) -> Identity:
        """Return the identity that the part must have been encrypted with."""
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
    """A file of a profile that is to become a part; `name` is its path in the profile."""

    path: Path
    name: str
    size: int
    sha256: str


def lasting_files(profile: Path, limit_bytes: int, stop: Stop) -> list[LastingFile]:
    """Find and hash the files to store as parts; raise NotSavedError, StoppedError."""
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


@dataclass(frozen=True)
class Plan:
    """Which parts of a login are in the store already, and which have to be uploaded.

    `reused` maps the ids of stored parts to their bytes in the store; `missing` maps the ids of
    new parts to the files to upload.
    """

    parts: list[Part] = field(default_factory=list)
    reused: dict[str, int] = field(default_factory=dict)
    missing: dict[str, tuple[Path, Part]] = field(default_factory=dict)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the parts; equal files share one id."""
        return (*self.reused, *self.missing)


def make_plan(
    files: Sequence[LastingFile],
    stored: Mapping[str, StoredFile],
    save: Identity,
    new_id: Callable[[], str],
) -> Plan:
    """Choose a part for each file: a stored one with the same SHA-256, or a new one."""
    plan = Plan()
    new_ids: dict[str, str] = {}
    for file in files:
        if found := stored.get(file.sha256):
            part = _part(file, found.id, found.header.identity)
            plan.reused[part.id] = found.size
        else:
            part = _part(file, new_ids.setdefault(file.sha256, new_id()), save)
            plan.missing[part.id] = (file.path, part)
        plan.parts.append(part)
    return plan


def _part(file: LastingFile, part_id: str, made_by: Identity) -> Part:
    return Part(
        name=file.name,
        size=file.size,
        sha256=file.sha256,
        id=part_id,
        generation=made_by.generation,
        serial=made_by.serial,
    )


async def reusable_parts(
    files: BlobFiles, keys: KeyRing, connection: str, before: History
) -> dict[str, StoredFile]:
    """Return the stored parts that a save may reuse, by the SHA-256 of their content.

    They are parts of blobs that are kept, under the ring's first key: an operator may remove
    another key, and the new blob must still open then.
    """
    ids = {part for blob in before.blobs for part in blob.parts}
    young = {each for each in ids if before.read_at - _made_at(each) < REUSED_FOR}
    if not young:
        return {}
    return {
        stored.header.part: stored
        for stored in await files.whole_of(young)
        if stored.header.connection == connection and is_under_first_key(keys, stored.header)
    }


def _made_at(file_id: str) -> datetime:
    return ObjectId(file_id).generation_time
