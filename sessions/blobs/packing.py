"""Pack a login: tar and zstd, and each part by itself."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import zstandard

from sessions.blobs.errors import IncompleteProfileError
from sessions.blobs.limits import LARGEST, Allowance, profile_too_large
from sessions.blobs.login import lacking, login_files
from sessions.blobs.parts import Part, write_list

if TYPE_CHECKING:
    from sessions.blobs.frames import Writable

DUMP = "local_storage.json"
PART_LIST = "parts.json"
_LEVEL = 3
_PIECE = 1024 * 1024


def pack(
    profile: Path,
    local_storage: dict[str, str] | None,
    parts: Sequence[Part],
    out: Writable,
    limit_bytes: int = LARGEST,
) -> str:
    """Write the login and the dump to `out`; return the SHA-256 of names and contents.

    Of the files that are parts only the list is written. Raises IncompleteProfileError and
    ProfileTooLargeError. Nothing may write to the profile meanwhile.
    """
    try:
        if missing := lacking(profile):
            raise IncompleteProfileError(f"The profile is not saved: {missing}.")
        compressor = zstandard.ZstdCompressor(level=_LEVEL)
        with compressor.stream_writer(cast("IO[bytes]", out), closefd=False) as compressed:
            packer = _Packer(compressed, Allowance(limit_bytes))
            return _pack(profile, local_storage, parts, packer)
    except FileNotFoundError as error:
        raise IncompleteProfileError("A file vanished while it was packed.") from error


def pack_part(path: Path, part: Part, out: Writable) -> None:
    """Write the file of a part to `out`; raise IncompleteProfileError when it has changed."""
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
    """Writes one archive and hashes what it holds; equal content gives an equal hash."""

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
        """Add the list of parts; in the hash they count by their content, wherever it is stored."""
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
