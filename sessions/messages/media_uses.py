"""Which files messages use."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from sessions.messages.states import NOT_SENT

if TYPE_CHECKING:
    from sessions.storage import mongo
    from sessions.storage.mongo import Database

_ID = "media.mediaId"


class MediaUses:
    """Look up the files of messages."""

    def __init__(self, database: Database) -> None:
        self._messages: mongo.Collection = database["messages"]

    async def needed(self, ids: Collection[str]) -> set[str]:
        """Return which of these files a message needs that is still to be sent."""
        waits = {_ID: {"$in": [*ids]}, "status": {"$in": list(NOT_SENT)}}
        return set(await self._messages.distinct(_ID, waits))

    async def of_alone(self, messages: Collection[str]) -> set[str]:
        """Return the files that these messages have and no others."""
        files = await self._messages.distinct(_ID, {"_id": {"$in": [*messages]}})
        others = {_ID: {"$in": files}, "_id": {"$nin": [*messages]}}
        return set(files) - set(await self._messages.distinct(_ID, others))
