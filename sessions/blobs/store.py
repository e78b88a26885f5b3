"""Save logins to MongoDB and restore them: encrypted, atomically, and only as the lease's owner."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from loguru import logger

from sessions.blobs.archive import unpack
from sessions.blobs.encryption import Header, Identity, rewrap
from sessions.blobs.gridfs import BlobFiles
from sessions.blobs.login_files import LARGEST
from sessions.blobs.records import Blob, BlobKind, BlobRecords, History
from sessions.blobs.transfer import Login, Saved, Saving, fetch
from sessions.common.errors import DomainError
from sessions.common.threads import Stop, in_thread, to_the_end
from sessions.encryption.errors import BlobError

if TYPE_CHECKING:
    from sessions.blobs.dedup import Part
    from sessions.connections.leases import Lease
    from sessions.encryption.frames import Readable
    from sessions.encryption.keys import KeyRing
    from sessions.storage.mongo import Database

_SLOTS = 3


class BlobStore:
    """The saved logins of all connections; the newest few of each connection are kept.

    Large files that do not change are stored once, as parts that several blobs share. A cancelled
    call returns only when all of its work has stopped.
    """

    def __init__(self, database: Database, keys: KeyRing, largest: int = LARGEST) -> None:
        self._keys = keys
        self._largest = largest
        self._slots = asyncio.Semaphore(_SLOTS)
        self._records = BlobRecords(database)
        self._files = BlobFiles(database)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for one of the few slots for saves: more saves at a time are not faster.

        Take a slot before copying the login, so that the copy is fresh when it is saved.
        """
        async with self._slots:
            yield

    async def save(
        self,
        lease: Lease,
        profile: Path,
        kind: BlobKind,
        local_storage: dict[str, str] | None,
        saved_at: datetime,
    ) -> Saved | None:
        """Save a profile that nothing writes to; return None if the newest blob is the same.

        Raises LeaseLostError or NotSavedError if nothing was saved.
        """
        before = await self._records.history(lease)
        identity = Identity(lease.connection, lease.generation, before.serial + 1)
        saving = Saving(self._files, self._keys, identity, before, self._largest)
        saved = await saving.upload(Login(profile, kind, local_storage, saved_at))
        if saved is not None:
            await to_the_end(self._publish(lease, before, saved.blob, saving.uploaded))
        return saved

    async def blobs_of(self, connection: str) -> list[Blob]:
        """Return the saved logins of a connection, newest first."""
        return await self._records.blobs_of(connection)

    async def restore(self, connection: str, blob: Blob, profile: Path) -> dict[str, str] | None:
        """Put a saved login into a profile whose browser is closed; return its localStorage dump.

        Raises BlobError if anything does not verify; the profile is then unchanged.
        """
        with tempfile.TemporaryFile() as file:  # without a name: a killed process leaves no file
            fetched = await fetch(self._files, self._keys, blob, cast("BinaryIO", file))

            def work(stop: Stop) -> dict[str, str] | None:
                def open_part(part: Part) -> Readable:
                    return fetched.open(part.id, part.identity(connection), stop)

                source = fetched.open(blob.id, blob.identity(connection), stop)
                return unpack(source, open_part, profile, self._largest)

            return await in_thread(work)

    async def discard(self, lease: Lease) -> None:
        """Remove all saved logins of a connection, as its owner after a logout.

        Raises LeaseLostError if nothing was removed. Never removes what a later owner has saved,
        even if this call is slow.
        """
        await self._records.forget(lease)
        await to_the_end(self._files.remove_of(lease.connection, lease.generation))

    async def sweep(self, older_than: timedelta) -> int:
        """Remove files that are older and that no record names; return how many there were.

        `older_than` must exceed COMMIT_WITHIN: no record names the files of a running save yet.
        """
        candidates = await self._files.older_than(older_than)
        abandoned = candidates - await self._records.named()
        await self._files.remove(abandoned)
        return len(abandoned)

    async def rewrap_all(self) -> int:
        """Wrap the keys of all blobs and parts under the first key; return how many blobs changed.

        Goes on after a blob that fails, and raises its BlobError at the end.
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
                moved = await self._files.replace_header(blob_id, old, new)
                done += moved and not new.part
        if failed is not None:
            raise failed
        return done

    async def _publish(
        self, lease: Lease, before: History, blob: Blob, uploaded: Collection[str]
    ) -> None:
        """Put the blob on the record, then remove files that are no longer named.

        If the record refuses the blob, the uploaded files are removed. If MongoDB does not answer,
        they stay: the sweep removes them if no record names them.
        """
        try:
            unnamed = await self._records.push(lease, before, blob)
        except DomainError:
            await self._files.try_to_remove(uploaded)
            raise
        await self._files.try_to_remove(unnamed)


class BlobEraser:
    """Remove the saved logins of connections that are being deleted; needs no encryption key."""

    def __init__(self, database: Database) -> None:
        self._records = BlobRecords(database)
        self._files = BlobFiles(database)

    async def discard(self, connection: str) -> None:
        """Remove all saved logins of a connection."""
        await self._records.forget_removed(connection)
        await to_the_end(self._files.remove_of(connection))
