"""How far people have read chats: what was received behind the last message read is unread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pymongo.errors import DuplicateKeyError

from sessions.connections.model import Connection
from sessions.conversations.sides import RECEIVED, Place

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database

COLLECTION = "readMarks"


class ReadMarks:
    """Remember the last received message that was read in each chat."""

    def __init__(self, database: Database) -> None:
        self._marks: Collection = database[COLLECTION]
        self._received: Collection = database[RECEIVED.collection]

    async def prepare(self) -> None:
        """Create the indexes by which marks are found; safe to repeat and to race."""
        await self._marks.create_index([("connection", 1), ("chat", 1)], unique=True)
        await self._marks.create_index([("chat", 1)])

    async def mark(self, connection: Connection, chat: str) -> None:
        """Note that all messages that were received in a chat until now were read."""
        newest = await self._received.find_one(
            {"connection": connection.id, "conversation": {"$eq": chat}},
            {RECEIVED.at: True},
            sort=RECEIVED.by_chat,
        )
        if newest is None:
            return
        at, last = newest[RECEIVED.at], newest["_id"]
        place = {"connection": connection.id, "chat": {"$eq": chat}}
        earlier = {"$or": [{"at": {"$lt": at}}, {"at": at, "last": {"$lt": last}}]}
        changed = await self._marks.update_one(
            {**place, **earlier}, {"$set": {"at": at, "last": last}}
        )
        if not changed.matched_count:
            named = {"owner": connection.owner, "connection": connection.id, "chat": chat}
            await self._add({**named, "at": at, "last": last})

    async def _add(self, mark: dict[str, object]) -> None:
        try:
            await self._marks.insert_one(mark)
        except DuplicateKeyError:
            return  # the mark that is there is not older

    async def of(self, connection: str, chats: Sequence[str]) -> dict[str, Place]:
        """Return the last message read in these chats; one that was never read is left out."""
        which = {"connection": connection, "chat": {"$in": [*chats]}}
        return {
            each["chat"]: Place(each["at"], each["last"]) async for each in self._marks.find(which)
        }
