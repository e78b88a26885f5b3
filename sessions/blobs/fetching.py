"""Fetch the encrypted files of a saved session, to be opened one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from sessions.blobs.errors import BlobError, BlobReason
from sessions.blobs.sealing import unseal
from sessions.blobs.streams import Source

if TYPE_CHECKING:
    from sessions.blobs.files import BlobFiles
    from sessions.blobs.frames import Opener
    from sessions.blobs.header import Header, Identity
    from sessions.blobs.keys import KeyRing
    from sessions.blobs.records import Blob
    from sessions.blobs.threads import Stop


@dataclass(frozen=True)
class _Extent:
    """Where in the temporary file an encrypted file stands."""

    header: Header
    start: int
    size: int


class Fetched:
    """The encrypted files of one saved session, one after the other in a temporary file."""

    def __init__(self, keys: KeyRing, file: BinaryIO, extents: dict[str, _Extent]) -> None:
        self._keys = keys
        self._file = file
        self._extents = extents

    def open(self, file_id: str, expected: Identity, stop: Stop) -> Opener:
        """Return what a file's content is read from; raise BlobError, then or while it is read."""
        extent = self._extents.get(file_id)
        if extent is None:
            raise BlobError(BlobReason.MISSING, "The blob names a part that its record does not.")
        source = Source(stop, self._file, extent.start, extent.size)
        return unseal(self._keys, extent.header, expected, source)


async def fetch(files: BlobFiles, keys: KeyRing, blob: Blob, file: BinaryIO) -> Fetched:
    """Fetch a blob and its parts into a file; raise BlobError."""
    extents = {}
    for file_id, header in (await files.headers(blob.files)).items():
        start = file.tell()
        await files.get(file_id, file, blob.fingerprint if file_id == blob.id else None)
        extents[file_id] = _Extent(header, start, file.tell() - start)
    file.flush()
    return Fetched(keys, file, extents)
