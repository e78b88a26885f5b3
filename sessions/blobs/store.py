"""Save sessions to MongoDB and restore them: encrypted, in one piece, and by their owner only."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from loguru import logger

from sessions.blobs.archive import LARGEST, pack, unpack
from sessions.blobs.eraser import BlobEraser
from sessions.blobs.errors import BlobError
from sessions.blobs.files import BlobFiles
from sessions.blobs.header import Header, Identity
from sessions.blobs.records import KEEP, Blob, BlobKind, BlobRecords, History
from sessions.blobs.sealing import rewrap, seal, unseal
from sessions.blobs.threads import Sink, Source, Stop, to_the_end
from sessions.errors import DomainError

if TYPE_CHECKING:
    from sessions.blobs.keys import KeyRing
    from sessions.leases import Lease
    from sessions.mongo import Database


class BlobStore:
    """The saved sessions of all connections; the newest few of each are kept.

    A cancelled call ends only when nothing of it runs any more.
    """

    def __init__(
        self, database: Database, keys: KeyRing, keep: int = KEEP, largest: int = LARGEST
    ) -> None:
        self._keys = keys
        self._largest = largest
        self._records = BlobRecords(database, keep)
        self._files = BlobFiles(database)
        self._eraser = BlobEraser(database)

    async def save(
        self,
        lease: Lease,
        profile: Path,
        kind: BlobKind,
        local_storage: dict[str, str] | None,
        saved_at: datetime,
    ) -> Blob | None:
        """Save a profile that nothing writes to; return None when the newest blob equals it.

        Raises LeaseLostError or NotSavedError, and nothing is saved then.
        """
        before = await self._records.history(lease)
        identity = Identity(lease.connection, lease.generation, before.serial + 1)
        with tempfile.TemporaryFile() as file:  # has no name: a kill leaves nothing behind
            stop = Stop()
            sealing = asyncio.to_thread(
                self._seal, identity, profile, local_storage, cast("BinaryIO", file), stop
            )
            sealed = await to_the_end(sealing, stop)
            if before.newest and before.newest.content_hash == sealed.content_hash:
                return None
            blob = sealed.as_blob(before, kind, saved_at)
            await self._files.put(blob, sealed.header, cast("BinaryIO", file))
        await to_the_end(self._publish(lease, before, blob))
        return blob

    async def blobs_of(self, connection: str) -> list[Blob]:
        """Return the saved sessions of a connection, newest first."""
        return await self._records.blobs_of(connection)

    async def restore(self, connection: str, blob: Blob, profile: Path) -> dict[str, str] | None:
        """Put a saved login into a profile whose browser is closed; return its localStorage dump.

        Raises BlobError when anything does not verify; the profile is as it was then.
        """
        header = await self._files.header(blob)
        with tempfile.TemporaryFile() as file:
            await self._files.get(blob, cast("BinaryIO", file))
            stop = Stop()
            opening = asyncio.to_thread(
                self._open, header, blob.identity(connection), cast("BinaryIO", file), profile, stop
            )
            return await to_the_end(opening, stop)

    async def discard(self, connection: str) -> None:
        """Remove all saved sessions of a connection, as after a logout."""
        await self._eraser.discard(connection)

    async def sweep(self, older_than: timedelta) -> int:
        """Remove what no record names and is older; return how many uploads that were.

        `older_than` must exceed COMMIT_WITHIN while anything saves.
        """
        candidates = await self._files.older_than(older_than)
        named = await self._records.named()
        abandoned = [blob_id for blob_id in candidates if blob_id not in named]
        for blob_id in abandoned:
            await self._files.remove(blob_id)
        return len(abandoned)

    async def rewrap_all(self) -> int:
        """Wrap the key of every blob under the first key; return how many needed it.

        Raises BlobError at the end when some could not be; the others are done then.
        """
        done, failed = 0, None
        async for blob_id, document in self._files.headers_not_under(self._keys.first.id):
            try:
                old = Header.read(document)
                new = rewrap(self._keys, old)
            except BlobError as error:
                logger.error("Blob {} keeps its key: {}", blob_id, error)
                failed = error
            else:
                done += await self._files.replace_header(blob_id, old, new)
        if failed is not None:
            raise failed
        return done

    async def _publish(self, lease: Lease, before: History, blob: Blob) -> None:
        """Point to what was uploaded and remove what fell out, or remove what was uploaded.

        When MongoDB does not say whether the pointer moved, the upload stays: the sweep removes it
        if no record names it.
        """
        try:
            fell_out = await self._records.push(lease, before, blob)
        except DomainError:
            await self._files.try_to_remove(blob.id)
            raise
        for blob_id in fell_out:
            await self._files.try_to_remove(blob_id)

    def _seal(
        self,
        identity: Identity,
        profile: Path,
        local_storage: dict[str, str] | None,
        file: BinaryIO,
        stop: Stop,
    ) -> _Sealed:
        sink = Sink(stop, file)
        header, sealer = seal(self._keys, identity, sink)
        content_hash = pack(profile, local_storage, sealer, self._largest)
        sealer.finish()
        file.flush()
        return _Sealed(header, content_hash, sink.sha256, sink.size)

    def _open(
        self, header: Header, expected: Identity, file: BinaryIO, profile: Path, stop: Stop
    ) -> dict[str, str] | None:
        file.seek(0)
        content = unseal(self._keys, header, expected, Source(stop, file))
        return unpack(content, profile, self._largest)


@dataclass(frozen=True)
class _Sealed:
    """What came out of packing and encrypting a profile."""

    header: Header
    content_hash: str
    sha256: str
    size: int

    def as_blob(self, before: History, kind: BlobKind, saved_at: datetime) -> Blob:
        return Blob(
            id=before.new_id(),
            serial=self.header.serial,
            kind=kind,
            sha256=self.sha256,
            content_hash=self.content_hash,
            size=self.size,
            saved_at=saved_at,
            generation=self.header.generation,
        )
