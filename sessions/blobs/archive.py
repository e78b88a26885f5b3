"""Pack a login with tar and zstd, and unpack one into a profile: all of it or nothing."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import zstandard

from sessions.blobs.dedup import Part, read_list, write_list
from sessions.blobs.errors import IncompleteProfileError
from sessions.blobs.login_files import (
    LARGEST,
    Allowance,
    Staging,
    is_login_file,
    login_files,
    missing_part,
    profile_too_large,
)
from sessions.encryption.errors import BlobError, BlobReason, damaged

if TYPE_CHECKING:
    from sessions.encryption.frames import Readable, Writable

    OpenPart = Callable[[Part], Readable]
    """Returns a reader of a part; opening and reading raise BlobError."""

DUMP = "local_storage.json"
PART_LIST = "parts.json"
_LEVEL = 3
_PIECE = 1024 * 1024
# FileExistsError: the folder was empty, so the archive names a file twice.
_NOT_OURS = (tarfile.TarError, zstandard.ZstdError, ValueError, EOFError, FileExistsError)


def pack(
    profile: Path,
    local_storage: dict[str, str] | None,
    parts: Sequence[Part],
    out: Writable,
    limit_bytes: int = LARGEST,
) -> str:
    """Write the login and the localStorage dump to `out`; return the SHA-256 of names and contents.

    Files that are stored as parts are only listed. Nothing may write to the profile meanwhile.
    Raises IncompleteProfileError and ProfileTooLargeError.
    """
    try:
        if missing := missing_part(profile):
            raise IncompleteProfileError(f"The profile is not saved: {missing}.")
        compressor = zstandard.ZstdCompressor(level=_LEVEL)
        with compressor.stream_writer(cast("IO[bytes]", out), closefd=False) as compressed:
            packer = _Packer(compressed, Allowance(limit_bytes))
            return _pack(profile, local_storage, parts, packer)
    except FileNotFoundError as error:
        raise IncompleteProfileError("A file vanished while it was packed.") from error


def pack_part(path: Path, part: Part, out: Writable) -> None:
    """Write the file of a part to `out`; raise IncompleteProfileError if the file has changed."""
    hash_ = hashlib.sha256()
    compressor = zstandard.ZstdCompressor(level=_LEVEL)
    try:
        with (
            path.open("rb") as file,
            compressor.stream_writer(cast("IO[bytes]", out), closefd=False) as compressed,
        ):
            while piece := file.read(_PIECE):
                hash_.update(piece)
                compressed.write(piece)
    except FileNotFoundError as error:
        raise IncompleteProfileError("A file vanished while it was packed.") from error
    if hash_.hexdigest() != part.sha256:
        raise IncompleteProfileError(f"{part.name} changed while it was packed.")


class _Packer:
    """Write one archive and hash its content; the same content gives the same hash."""

    def __init__(self, out: Writable, allowance: Allowance) -> None:
        self._out = out
        self._hash = hashlib.sha256()
        self._allowance = allowance

    def add(self, name: str, size: int, file: IO[bytes]) -> None:
        """Add a file of this size; raise ProfileTooLargeError, or IncompleteProfileError."""
        self._take_in(name, size)
        self._begin(name, size)
        self._copy(file, size, name)
        self._out.write(bytes(-size % tarfile.BLOCKSIZE))

    def add_list(self, parts: Sequence[Part]) -> None:
        """Add the list of parts; the hash includes their content, not where it is stored."""
        for part in parts:
            self._take_in(part.name, part.size)
            self._hash.update(part.sha256.encode())
        content = write_list(parts)
        self._begin(PART_LIST, len(content))
        self._out.write(content + bytes(-len(content) % tarfile.BLOCKSIZE))

    def finish(self) -> str:
        """Write the end of the archive; return the hash."""
        self._out.write(bytes(2 * tarfile.BLOCKSIZE))
        return self._hash.hexdigest()

    def _take_in(self, name: str, size: int) -> None:
        if not self._allowance.takes(size):
            raise profile_too_large()
        self._hash.update(f"{len(name.encode())}:{name}:{size}:".encode())

    def _begin(self, name: str, size: int) -> None:
        entry = tarfile.TarInfo(name)
        entry.size = size
        entry.mode = 0o600
        self._out.write(entry.tobuf(tarfile.PAX_FORMAT))

    def _copy(self, file: IO[bytes], size: int, name: str) -> None:
        while size > 0:
            piece = file.read(min(size, _PIECE))
            if not piece:
                raise IncompleteProfileError(f"{name} shrank while it was packed.")
            self._hash.update(piece)
            self._out.write(piece)
            size -= len(piece)


def _pack(
    profile: Path, local_storage: dict[str, str] | None, parts: Sequence[Part], packer: _Packer
) -> str:
    if local_storage is not None:
        dump = _as_json(local_storage)
        packer.add(DUMP, len(dump), io.BytesIO(dump))
    if parts:
        packer.add_list(parts)
    apart = {part.name for part in parts}
    for path in login_files(profile):
        name = path.relative_to(profile).as_posix()
        if name not in apart:
            with path.open("rb") as file:
                packer.add(name, os.fstat(file.fileno()).st_size, file)
    return packer.finish()


def _as_json(local_storage: dict[str, str]) -> bytes:
    # Lone surrogates are legal in localStorage and not in UTF-8; ASCII escapes carry them.
    return json.dumps(local_storage, sort_keys=True, ensure_ascii=True).encode("ascii")


def unpack(
    source: Readable, open_part: OpenPart, destination: Path, limit_bytes: int = LARGEST
) -> dict[str, str] | None:
    """Replace the login in the profile `destination` by the one in `source`; return its dump.

    The profile changes only when the whole login has been read, verified and written to the disk.
    Raises BlobError.
    """
    with Staging(destination) as staging:
        allowance = Allowance(limit_bytes)
        try:
            content = _extract(source, staging.folder, allowance)
            for part in _checked_parts(content.parts, allowance):
                _write(staging.folder / part.name, _verified(part, open_part(part)))
        except _NOT_OURS as error:
            raise BlobError(BlobReason.DAMAGED, "The blob is not an archive of ours.") from error
        if missing := missing_part(staging.folder):
            raise BlobError(BlobReason.DAMAGED, f"The blob is not a whole login: {missing}.")
        staging.place()
    return content.dump


@dataclass
class _Content:
    """What an archive holds beside the files of a login."""

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
    """Yield the files of an archive; raise BlobError for any that cannot be part of a login.

    Only regular files with a login's own names are taken, and we write them ourselves: tarfile's
    extraction filters are missing in Debian 12's Python.
    """
    for entry in tar:
        if not allowance.takes(entry.size):
            raise _too_large()
        file = tar.extractfile(entry) if entry.isreg() else None
        if file is None or not (is_login_file(entry.name) or entry.name in (DUMP, PART_LIST)):
            raise _not_ours()
        yield entry.name, file


def _checked_parts(parts: Iterable[Part], allowance: Allowance) -> Iterator[Part]:
    for part in parts:
        if not allowance.takes(part.size):
            raise _too_large()
        if not is_login_file(part.name):
            raise _not_ours()
        yield part


def _verified(part: Part, source: Readable) -> Iterator[bytes]:
    """Yield a part's content; raise BlobError if its size or hash is not the listed one."""
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
    """Read to the end: only the last frame proves that no frame is missing."""
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
