"""Remove saved sessions; this needs no key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blobs.files import BlobFiles
from sessions.blobs.records import BlobRecords
from sessions.blobs.threads import to_the_end

if TYPE_CHECKING:
    from sessions.storage.mongo import Database


class BlobEraser:
    """Removes what is saved of connections that are being deleted."""

    def __init__(self, database: Database) -> None:
        self._records = BlobRecords(database)
        self._files = BlobFiles(database)

    async def discard(self, connection: str) -> None:
        """Remove all saved sessions of a connection."""
        await self._records.forget_removed(connection)
        await to_the_end(self._files.remove_of(connection))
