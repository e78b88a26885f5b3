"""Pack a login, and unpack it over a profile: all of it or nothing."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import zstandard

from sessions.blobs.errors import (
    BlobError,
    BlobReason,
    IncompleteProfileError,
    ProfileTooLargeError,
)
from sessions.blobs.login import DEFAULT, PARTS, lacking, login_files
from sessions.blobs.placing import Staging

if TYPE_CHECKING:
    from sessions.blobs.frames import Readable, Writable

LARGEST = 200 * 1024 * 1024
_DUMP = "local_storage.json"
_MOST_FILES = 20_000
_LEVEL = 3
_PIECE = 1024 * 1024


def pack(
    profile: Path,
    local_storage: dict[str, str] | None,
    out: Writable,
    limit_bytes: int = LARGEST,
) -> str:
    """Write the login and the dump to `out`; return the SHA-256 of names and contents.

    Raises IncompleteProfileError and ProfileTooLargeError. Nothing may write to the profile
    meanwhile.
    """
    try:
        if missing := lacking(profile):
            raise IncompleteProfileError(f"The profile is not saved: {missing}.")
        compressor = zstandard.ZstdCompressor(level=_LEVEL)
        with compressor.stream_writer(cast("IO[bytes]", out), closefd=False) as compressed:
            return _pack(profile, local_storage, _Packer(compressed, limit_bytes))
    except FileNotFoundError as error:
        raise IncompleteProfileError("A file vanished while it was packed.") from error


def unpack(
    source: Readable, destination: Path, limit_bytes: int = LARGEST
) -> dict[str, str] | None:
    """Replace the login in the profile `destination` by what `source` holds; return the dump.

    The profile is as it was until all of the source has been read and is on the disk. Raises
    BlobError.
    """
    with Staging(destination) as staging:
        try:
            dump = _extract(source, staging.folder, limit_bytes)
        except (tarfile.TarError, zstandard.ZstdError, ValueError, EOFError) as error:
            raise BlobError(BlobReason.DAMAGED, "The blob is not an archive of ours.") from error
        if missing := lacking(staging.folder):
            raise BlobError(BlobReason.DAMAGED, f"The blob is not a whole login: {missing}.")
        staging.place()
    return dump


class _Packer:
    """Writes one archive and hashes what it holds; equal content gives an equal hash."""

    def __init__(self, out: Writable, limit_bytes: int) -> None:
        self._out = out
        self._hash = hashlib.sha256()
        self._left = limit_bytes
        self._count = 0

    def add(self, name: str, size: int, file: IO[bytes]) -> None:
        """Add a file of this size; raise ProfileTooLargeError, or IncompleteProfileError."""
        self._left -= size
        self._count += 1
        if self._left < 0 or self._count > _MOST_FILES:
            raise ProfileTooLargeError("The profile holds more than a session blob may.")
        entry = tarfile.TarInfo(name)
        entry.size = size
        entry.mode = 0o600
        self._out.write(entry.tobuf(tarfile.PAX_FORMAT))
        self._hash.update(f"{len(name.encode())}:{name}:{size}:".encode())
        self._copy(file, size, name)
        self._out.write(bytes(-size % tarfile.BLOCKSIZE))

    def finish(self) -> str:
        """Write the end of the archive; return the hash."""
        self._out.write(bytes(2 * tarfile.BLOCKSIZE))
        return self._hash.hexdigest()

    def _copy(self, file: IO[bytes], size: int, name: str) -> None:
        while size > 0:
            piece = file.read(min(size, _PIECE))
            if not piece:
                raise IncompleteProfileError(f"{name} shrank while it was packed.")
            self._hash.update(piece)
            self._out.write(piece)
            size -= len(piece)


def _pack(profile: Path, local_storage: dict[str, str] | None, packer: _Packer) -> str:
    if local_storage is not None:
        dump = _as_json(local_storage)
        packer.add(_DUMP, len(dump), io.BytesIO(dump))
    for path in login_files(profile):
        with path.open("rb") as file:
            name = path.relative_to(profile).as_posix()
            packer.add(name, os.fstat(file.fileno()).st_size, file)
    return packer.finish()


def _extract(source: Readable, folder: Path, limit_bytes: int) -> dict[str, str] | None:
    dump: dict[str, str] | None = None
    decompressor = zstandard.ZstdDecompressor()
    with (
        decompressor.stream_reader(cast("IO[bytes]", source), closefd=False) as content,
        tarfile.open(fileobj=content, mode="r|") as tar,
    ):
        for name, file in _checked(tar, folder, limit_bytes):
            if name == Path(_DUMP):
                dump = _from_json(file.read())
            else:
                _write(folder / name, file)
    _drain(source)
    return dump


def _checked(
    tar: tarfile.TarFile, folder: Path, limit_bytes: int
) -> Iterator[tuple[Path, IO[bytes]]]:
    """Return the files that may be in an archive; refuse it because of any other."""
    left = limit_bytes
    for count, entry in enumerate(tar, 1):
        left -= entry.size
        if left < 0 or count > _MOST_FILES:
            raise BlobError(BlobReason.TOO_LARGE, "The blob holds more than may be unpacked.")
        name = Path(tarfile.data_filter(entry, str(folder)).name)
        ours = name.parts[:1] == (DEFAULT,) and len(name.parts) > 2 and name.parts[1] in PARTS
        file = tar.extractfile(entry) if entry.isreg() else None
        if file is None or ".." in name.parts or not (ours or name == Path(_DUMP)):
            raise BlobError(BlobReason.DAMAGED, "The blob holds what does not belong to a login.")
        yield name, file


def _write(path: Path, file: IO[bytes]) -> None:
    _make_folder(path.parent)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        while piece := file.read(_PIECE):
            out.write(piece)
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


def _as_json(local_storage: dict[str, str]) -> bytes:
    # Lone surrogates are legal in localStorage and not in UTF-8; ASCII escapes carry them.
    return json.dumps(local_storage, sort_keys=True, ensure_ascii=True).encode("ascii")


def _from_json(content: bytes) -> dict[str, str]:
    dump = json.loads(content)
    if not isinstance(dump, dict) or not all(isinstance(value, str) for value in dump.values()):
        raise ValueError(_DUMP)
    return dump
