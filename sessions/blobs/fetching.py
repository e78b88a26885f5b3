"""Fetch the encrypted files of a saved session, to be opened one by one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO

from sessions.blobs.sealing import unseal
from sessions.blobs.streams import Source
from sessions.blobs.threads import a_few_at_a_time
from sessions.encryption.errors import BlobError, BlobReason

if TYPE_CHECKING:
    from sessions.blobs.files import BlobFiles, StoredFile
    from sessions.blobs.frames import Opener
    from sessions.blobs.header import Identity
    from sessions.blobs.records import Blob
    from sessions.blobs.threads import Stop
    from sessions.encryption.keys import KeyRing


_AT_ONCE = 3


class Fetched:
    """The encrypted files of one saved session, one after the other in a temporary file."""

    def __init__(self, keys: KeyRing, file: BinaryIO, stored: Sequence[StoredFile]) -> None:
        self._keys = keys
        self._file = file
        self._files = {each.id: each for each in stored}
        ends = accumulate(each.size for each in stored)
        self._starts = dict(zip(self._files, (0, *ends), strict=False))

    async def fetch(self, files: BlobFiles, blob: Blob) -> None:
        """Fetch all; raise BlobError."""

        async def get(file_id: str) -> None:
            expected = blob.fingerprint if file_id == blob.id else None
            await files.get(file_id, expected, self._file, self._starts[file_id])

        await a_few_at_a_time(get, self._files, _AT_ONCE)

    def open(self, file_id: str, expected: Identity, stop: Stop) -> Opener:
        """Return what a file's content is read from; raise BlobError, then or while it is read."""
        stored = self._files.get(file_id)
        if stored is None:
            raise BlobError(BlobReason.MISSING, "The blob names a part that its record does not.")
        source = Source(stop, self._file, self._starts[file_id], stored.size)
        return unseal(self._keys, stored.header, expected, source)


async def fetch(files: BlobFiles, keys: KeyRing, blob: Blob, file: BinaryIO) -> Fetched:
    """Fetch a blob and its parts into a file; raise BlobError."""
    fetched = Fetched(keys, file, await files.all_of(blob.files))
    await fetched.fetch(files, blob)
    return fetched
