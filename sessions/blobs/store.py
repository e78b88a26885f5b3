"""Save sessions to MongoDB and restore them: encrypted, in one piece, and by their owner only."""

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
from sessions.blobs.records import KEEP, Blob, BlobKind, BlobRecords, History
from sessions.blobs.transfer import Login, Saved, Saving, fetch
from sessions.common.errors import DomainError
from sessions.common.threads import Stop, in_thread, to_the_end
from sessions.encryption.errors import BlobError

if TYPE_CHECKING:
    from sessions.blobs.dedup import Part
    from sessions.blobs.encryption import Readable
    from sessions.connections.leases import Lease
    from sessions.encryption.keys import KeyRing
    from sessions.storage.mongo import Database

_AT_A_TIME = 3


class BlobStore:
    """The saved sessions of all connections; the newest few of each are kept.

    Large files that stay as they are from one to the next are stored once, as parts that they
    share. A cancelled call ends only when nothing of it runs any more.
    """

    def __init__(
        self, database: Database, keys: KeyRing, keep: int = KEEP, largest: int = LARGEST
    ) -> None:
        self._keys = keys
        self._largest = largest
        self._turns = asyncio.Semaphore(_AT_A_TIME)
        self._records = BlobRecords(database, keep)
        self._files = BlobFiles(database)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until few enough are saved at a time: together they are no faster.

        Taken before a login is copied, so that it is fresh and COMMIT_WITHIN counts from there.
        """
        async with self._turns:
            yield

    async def save(
        self,
        lease: Lease,
        profile: Path,
        kind: BlobKind,
        local_storage: dict[str, str] | None,
        saved_at: datetime,
    ) -> Saved | None:
        """Save a profile that nothing writes to; return None when the newest blob equals it.

        Raises LeaseLostError or NotSavedError, and nothing is saved then.
        """
        before = await self._records.history(lease)
        identity = Identity(lease.connection, lease.generation, before.serial + 1)
        saving = Saving(self._files, self._keys, identity, before, self._largest)
        saved = await saving.upload(Login(profile, kind, local_storage, saved_at))
        if saved is not None:
            await to_the_end(self._publish(lease, before, saved.blob, saving.uploaded))
        return saved

    async def blobs_of(self, connection: str) -> list[Blob]:
        """Return the saved sessions of a connection, newest first."""
        return await self._records.blobs_of(connection)

    async def restore(self, connection: str, blob: Blob, profile: Path) -> dict[str, str] | None:
        """Put a saved login into a profile whose browser is closed; return its localStorage dump.

        Raises BlobError when anything does not verify; the profile is as it was then.
        """
        with tempfile.TemporaryFile() as file:  # has no name: a kill leaves nothing behind
            fetched = await fetch(self._files, self._keys, blob, cast("BinaryIO", file))

            def work(stop: Stop) -> dict[str, str] | None:
                def open_part(part: Part) -> Readable:
                    return fetched.open(part.id, part.identity(connection), stop)

                source = fetched.open(blob.id, blob.identity(connection), stop)
                return unpack(source, open_part, profile, self._largest)

            return await in_thread(work)

    async def discard(self, lease: Lease) -> None:
        """Remove all saved sessions of a connection, as its owner after a logout.

        Raises LeaseLostError, and nothing is removed then. What a later owner saves stays even if
        this one is held up between its steps.
        """
        await self._records.forget(lease)
        await to_the_end(self._files.remove_of(lease.connection, lease.generation))

    async def sweep(self, older_than: timedelta) -> int:
        """Remove what no record names and is older; return how many uploads that were.

        `older_than` must exceed COMMIT_WITHIN while anything saves.
        """
        candidates = await self._files.older_than(older_than)
        abandoned = candidates - await self._records.named()
        await self._files.remove(abandoned)
        return len(abandoned)

    async def rewrap_all(self) -> int:
        """Wrap all keys of blobs and parts under the first key; return how many blobs needed it.

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
                moved = await self._files.replace_header(blob_id, old, new)
                done += moved and not new.part
        if failed is not None:
            raise failed
        return done

    async def _publish(
        self, lease: Lease, before: History, blob: Blob, uploaded: Collection[str]
    ) -> None:
        """Point to what was uploaded and remove what fell out, or remove what was uploaded.

        When MongoDB does not say whether the pointer moved, the upload stays: the sweep removes it
        if no record names it.
        """
        try:
            fell_out = await self._records.push(lease, before, blob)
        except DomainError:
            await self._files.try_to_remove(uploaded)
            raise
        await self._files.try_to_remove(fell_out)


class BlobEraser:
    """Removes what is saved of connections that are being deleted."""

    def __init__(self, database: Database) -> None:
        self._records = BlobRecords(database)
        self._files = BlobFiles(database)

    async def discard(self, connection: str) -> None:
        """Remove all saved sessions of a connection."""
        await self._records.forget_removed(connection)
        await to_the_end(self._files.remove_of(connection))
