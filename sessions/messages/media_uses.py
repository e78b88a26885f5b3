"""Which files messages use."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from sessions.messages.states import NOT_SENT

if TYPE_CHECKING:
    from sessions.storage import mongo
    from sessions.storage.mongo import Database

_ID = "media.mediaId"
_NAMED = (_ID, "media.original", "fetch.original.mediaId")
"""Where messages name their file, the one it was made from, and the one it is to be made from."""


class MediaUses:
    """Look up the files of messages."""

    def __init__(self, database: Database) -> None:
        self._messages: mongo.Collection = database["messages"]

    async def needed(self, ids: Collection[str]) -> set[str]:
        """Return which of these files a message needs that is still to be sent."""
        waits = {"status": {"$in": list(NOT_SENT)}}
        return await self._named({"$in": [*ids]}, waits) & set(ids)

    async def of_alone(self, messages: Collection[str]) -> set[str]:
        """Return the files that these messages have and no others."""
        files = await self._named({"$type": "string"}, {"_id": {"$in": [*messages]}})
        others = {"_id": {"$nin": [*messages]}}
        return files - await self._named({"$in": sorted(files)}, others)

    async def _named(self, which: dict[str, Any], messages: dict[str, Any]) -> set[str]:
        """Return these files, as far as these messages name them."""
        found: set[str] = set()
        for field in _NAMED:
            found |= set(await self._messages.distinct(field, {field: which, **messages}))
        return found
