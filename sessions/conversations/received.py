"""Received messages as their owners see them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sessions.common.errors import MessageNotFoundError
from sessions.conversations.changes import PRESENT
from sessions.conversations.indexes import create_indexes, create_response_indexes
from sessions.conversations.model import COLLECTION, ReceivedMessage

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database


class ReceivedMessages:
    """Look received messages up."""

    def __init__(self, database: Database) -> None:
        self._received: Collection = database[COLLECTION]
        self._sent: Collection = database["messages"]

    async def prepare(self, keep_for: timedelta) -> None:
        """Create the indexes; messages are removed `keep_for` after they were recorded."""
        await create_indexes(self._received, keep_for)
        await create_response_indexes(self._sent)

    async def find(self, owner: str | None, message_id: str) -> ReceivedMessage:
        """Return the owner's message, or any owner's for None; raise MessageNotFoundError."""
        of_owner: dict[str, Any] = {} if owner is None else {"owner": {"$eq": owner}}
        found = await self._received.find_one({"_id": {"$eq": message_id}, **of_owner, **PRESENT})
        if found is None:
            raise MessageNotFoundError(message_id)
        return ReceivedMessage.model_validate(found)
