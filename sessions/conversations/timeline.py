"""The messages of one chat in both directions, newest first, page by page."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pymongo import DESCENDING

from sessions.conversations.sides import (
    RECEIVED,
    SENT,
    SIDES,
    Entry,
    Place,
    Side,
    create_indexes,
    time_of,
)
from sessions.messages.content import ACTIONS

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database


_EVER = {"$gt": datetime.min.replace(tzinfo=UTC)}
_FILLED_AT_ONCE = 500
_PLACED = {
    "conversation": {"$ifNull": ["$chatId", "$to"]},
    "conversationAt": {"$ifNull": ["$pacedAt", {"$max": ["$queuedAt", "$dueAt"]}]},
}
"""Where a message of an earlier version stands, which does not say so itself."""


class Timeline:
    """Read conversations; each page reads one stretch of an index on each side."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sent: Collection = database[SENT.collection]
        self._received: Collection = database[RECEIVED.collection]

    async def prepare(self) -> None:
        """Create the indexes; safe to repeat and to race."""
        await create_indexes(self._database)

    async def place_old(self) -> None:
        """Give sent messages of earlier versions their places in conversations."""
        for connection in await self._sent.distinct("connection"):
            # Reactions, edits and revocations stand in no conversation.
            unplaced = {
                "connection": connection,
                SENT.at: None,
                "kind": {"$nin": sorted(ACTIONS)},
            }
            fields, index = {"_id": True}, SENT.by_time
            cursor = self._sent.find(unplaced, fields, limit=_FILLED_AT_ONCE, hint=index)
            while ids := [each["_id"] async for each in cursor]:
                await self._sent.update_many({"_id": {"$in": ids}}, [{"$set": _PLACED}])
                cursor = cursor.clone()

    async def chat_of(self, connection: str, chat_id: str) -> str:
        """Return the chat in which messages of this WhatsApp id are shown.

        A person may be named by a LID whose number is known, or by another spelling of a number.
        """
        received = {"connection": connection, "chatId": {"$eq": chat_id}}
        sent = {"connection": connection, "to": {"$eq": chat_id}, "pacedAt": _EVER}
        fields = {"conversation": True}
        found = await self._received.find_one(received, fields, sort=[("at", DESCENDING)])
        found = found or await self._sent.find_one(sent, fields, sort=[("pacedAt", DESCENDING)])
        return str(found["conversation"]) if found and found.get("conversation") else chat_id

    async def page(
        self, connection: str, chat: str, before: Place | None, limit: int
    ) -> tuple[list[Entry], Place | None]:
        """Return messages, newest first, and the place of the last one if there are more."""
        halves = await asyncio.gather(
            *(self._half(side, connection, chat, before, limit + 1) for side in SIDES)
        )
        found = sorted((each for half in halves for each in half), key=_order, reverse=True)
        page = found[:limit]
        return page, Place(*_order(page[-1])) if len(found) > limit else None

    async def _half(
        self, side: Side, connection: str, chat: str, before: Place | None, limit: int
    ) -> list[Entry]:
        query: dict[str, Any] = {"connection": connection, "conversation": {"$eq": chat}}
        if before is not None:
            query[side.at] = {"$lte": before.at}
            # Several messages may have the same time.
            query["$nor"] = [{side.at: before.at, "_id": {"$gte": before.name}}]
        order = side.by_chat
        cursor = self._database[side.collection].find(query, sort=order, limit=limit, hint=order)
        return [side.model.model_validate(document) async for document in cursor]


def _order(entry: Entry) -> tuple[datetime, str]:
    return time_of(entry), entry.id
