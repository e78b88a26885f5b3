"""Save and restore the login of one connection, as its owner does."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from sessions.blobs import Blob, BlobKind, BlobStore
from sessions.common.clock import utc_now
from sessions.encryption.keys import Key, KeyRing
from tests.blob_profiles import LOGIN, contents, login, write_profile
from tests.blob_profiles import tables as tables_of

if TYPE_CHECKING:
    from sessions.connections.leases import Lease
    from sessions.storage.mongo import Database

DUMP = {"WANoiseInfo": LOGIN.decode()}
KEYS = KeyRing([Key("one", b"1" * 32)])


class Saver:
    """The owner of one connection: its lease, its profile and the store of its blobs."""

    def __init__(self, database: Database, lease: Lease, folder: Path) -> None:
        self.database = database
        self.id = lease.connection
        self.lease = lease
        self.profile = folder / "profile"
        self.elsewhere = folder / "elsewhere"
        self.blobs = BlobStore(database, KEYS)
        self.files = database["sessionBlobs.files"]
        self.chunks = database["sessionBlobs.chunks"]

    def write(self, text: bytes, ballast: bytes = b"", tables: Iterable[bytes] = ()) -> None:
        """Give the profile another login."""
        shutil.rmtree(self.profile, ignore_errors=True)
        write_profile(self.profile, {**login(text, ballast), **tables_of(tables)})

    async def save(self, text: bytes | None = None, kind: BlobKind = BlobKind.HOT) -> Blob | None:
        """Save the profile, with this login in it."""
        if text is not None:
            self.write(text)
        saved = await self.blobs.save(self.lease, self.profile, kind, DUMP, utc_now())
        return None if saved is None else saved.blob

    async def saved(self, text: bytes = LOGIN) -> Blob:
        """Save the profile, which must be new."""
        blob = await self.save(text)
        assert blob is not None
        return blob

    async def restored(self, blob: Blob) -> dict[str, bytes]:
        """Restore a blob elsewhere; return what came."""
        assert await self.blobs.restore(self.id, blob, self.elsewhere) == DUMP
        return contents(self.elsewhere)

    async def stored(self) -> set[str]:
        """Return the ids of all that is in GridFS, whole or not."""
        ids = [*await self.files.distinct("_id"), *await self.chunks.distinct("files_id")]
        return {str(each) for each in ids}

    async def named(self) -> set[str]:
        """Return the ids that the record names."""
        return set().union(*(blob.files for blob in await self.blobs.blobs_of(self.id)))
