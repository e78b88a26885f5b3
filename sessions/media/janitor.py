"""Remove files that are over, and what interrupted uploads have left; needs no keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import TYPE_CHECKING

from sessions.common.ids import first_id
from sessions.media.gridfs import MediaFiles
from sessions.storage.mongo import server_time

if TYPE_CHECKING:
    from sessions.storage.mongo import Database

_UPLOAD_WITHIN = timedelta(days=1)
"""Chunks that are older belong to no running upload."""
_LOOK_AGAIN = timedelta(days=1)

StillNeeded = Callable[[Collection[str]], Awaitable[AbstractSet[str]]]
"""Return which of these files a message needs that is still to be sent."""


class MediaJanitor:
    """Remove expired files, unless a message still needs them, and orphaned chunks."""

    def __init__(self, database: Database, needed: StillNeeded) -> None:
        self._database = database
        self._files = MediaFiles(database)
        self._needed = needed

    async def retire(self, connections: Collection[str]) -> None:
        """Remove what these connections have received, but for what a message still needs.

        That is removed once its message has ended.
        """
        now = await server_time(self._database)
        await self._files.expire({"metadata.connection": {"$in": [*connections]}}, now)
        await self.tidy()

    async def tidy(self) -> None:
        """Remove everything that is over now; raise STORE_DOWN errors."""
        now = await server_time(self._database)
        while ids := await self._files.expired(now):
            needed = await self._needed(ids)
            await self._files.keep_until(needed, now + _LOOK_AGAIN)
            await self._files.remove_expired([each for each in ids if each not in needed], now)
        while ids := await self._files.orphans(first_id(now - _UPLOAD_WITHIN)):
            await self._files.remove(ids)


class MediaEraser:
    """Remove the files of messages or of an owner."""

    def __init__(self, database: Database) -> None:
        self._files = MediaFiles(database)

    async def remove(self, ids: Collection[str]) -> None:
        """Remove these files."""
        await self._files.remove(ids)

    async def of_owner(self, owner: str) -> None:
        """Remove all files of an owner."""
        await self._files.remove_where({"metadata.owner": {"$eq": owner}})
