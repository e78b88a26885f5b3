"""Unpack a login over a profile: all of it or nothing."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import zstandard

from sessions.blobs.limits import LARGEST, Allowance
from sessions.blobs.login import belongs, lacking
from sessions.blobs.packing import DUMP, PART_LIST
from sessions.blobs.parts import Part, read_list
from sessions.blobs.placing import Staging
from sessions.encryption.errors import BlobError, BlobReason, damaged

if TYPE_CHECKING:
    from sessions.blobs.frames import Readable

    OpenPart = Callable[[Part], Readable]
    """Returns what the part is read from; raises BlobError, then or while it is read."""

_PIECE = 1024 * 1024
# FileExistsError: the folder was empty, so a name comes twice.
_NOT_OURS = (tarfile.TarError, zstandard.ZstdError, ValueError, EOFError, FileExistsError)


def unpack(
    source: Readable, open_part: OpenPart, destination: Path, limit_bytes: int = LARGEST
) -> dict[str, str] | None:
    """Replace the login in the profile `destination` by what `source` holds; return the dump.

    The profile is as it was until all of the source and of its parts has been read and is on the
    disk. Raises BlobError.
    """
    with Staging(destination) as staging:
        allowance = Allowance(limit_bytes)
        try:
            content = _extract(source, staging.folder, allowance)
            for part in _checked_parts(content.parts, allowance):
                _write(staging.folder / part.name, _verified(part, open_part(part)))
        except _NOT_OURS as error:
            raise BlobError(BlobReason.DAMAGED, "The blob is not an archive of ours.") from error
        if missing := lacking(staging.folder):
            raise BlobError(BlobReason.DAMAGED, f"The blob is not a whole login: {missing}.")
        staging.place()
    return content.dump


@dataclass
class _Content:
    """What an archive holds besides the files of a login."""

    dump: dict[str, str] | None = None
    parts: list[Part] = field(default_factory=list)


def _extract(source: Readable, folder: Path, allowance: Allowance) -> _Content:
    content = _Content()
    decompressor = zstandard.ZstdDecompressor()
    with (
        decompressor.stream_reader(cast("IO[bytes]", source), closefd=False) as plain,
        tarfile.open(fileobj=plain, mode="r|") as tar,
    ):
        for name, file in _checked(tar, allowance):
            if name == DUMP:
                content.dump = _from_json(file.read())
            elif name == PART_LIST:
                content.parts = read_list(file.read())
            else:
                _write(folder / name, iter(lambda: file.read(_PIECE), b""))  # noqa: B023
    _drain(source)
    return content


def _checked(tar: tarfile.TarFile, allowance: Allowance) -> Iterator[tuple[str, IO[bytes]]]:
    """Return the files that may be in an archive; refuse it because of any other.

    Not by tarfile's filters, which Debian 12's Python does not have: nothing but a regular file by
    a name of a login's own is taken, and written by us.
    """
    for entry in tar:
        if not allowance.takes(entry.size):
            raise _too_large()
        file = tar.extractfile(entry) if entry.isreg() else None
        if file is None or not (belongs(entry.name) or entry.name in (DUMP, PART_LIST)):
            raise _not_ours()
        yield entry.name, file


def _checked_parts(parts: Iterable[Part], allowance: Allowance) -> Iterator[Part]:
    for part in parts:
        if not allowance.takes(part.size):
            raise _too_large()
        if not belongs(part.name):
            raise _not_ours()
        yield part


def _verified(part: Part, source: Readable) -> Iterator[bytes]:
    """Read a part piece by piece; raise BlobError when it is not what the list says."""
    hash_, left = hashlib.sha256(), part.size
    decompressor = zstandard.ZstdDecompressor()
    with decompressor.stream_reader(cast("IO[bytes]", source), closefd=False) as plain:
        while piece := plain.read(_PIECE):
            left -= len(piece)
            if left < 0:
                break
            hash_.update(piece)
            yield piece
    _drain(source)
    if left or hash_.hexdigest() != part.sha256:
        raise damaged("A part of the login is not what the blob says.")


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    _make_folder(path.parent)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.writelines(pieces)
        out.flush()
        os.fsync(out.fileno())


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(mode=0o700)


def _drain(source: Readable) -> None:
    """Read to the end: only the last frame says that none is missing."""
    while source.read(_PIECE):
        pass


def _from_json(content: bytes) -> dict[str, str]:
    dump = json.loads(content)
    if not isinstance(dump, dict) or not all(isinstance(value, str) for value in dump.values()):
        raise ValueError(DUMP)
    return dump


def _too_large() -> BlobError:
    return BlobError(BlobReason.TOO_LARGE, "The blob holds more than may be unpacked.")


def _not_ours() -> BlobError:
    return damaged("The blob holds what does not belong to a login.")
