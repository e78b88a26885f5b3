"""Expire messages that were not sent before their `expiresAt`, and publish each once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.common.ids import new_id
from sessions.events.log import EventLog
from sessions.messages.events import status_event
from sessions.messages.queries import in_order
from sessions.messages.states import Happening, becomes, may

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database

_AT_ONCE = 1000
_WAITS_TOO_LONG: dict[str, Any] = {
    **may(Happening.EXPIRED),
    # The partial indexes of messages that can expire need this condition to be used.
    "expiresAt": {"$type": "date"},
    "$expr": {"$lte": ["$expiresAt", "$$NOW"]},
}


class Expiry:
    """Mark messages as expired; a message that is claimed at the same moment stays claimed."""

    def __init__(self, database: Database, events: EventLog) -> None:
        self._messages: Collection = database["messages"]
        self._events = events

    async def end_overdue(self, connection: str | None = None) -> None:
        """Expire overdue messages of one connection, or of all, which covers those not running."""
        of_one = {} if connection is None else {"connection": connection}
        cursor = self._messages.find(
            {**of_one, **_WAITS_TOO_LONG}, projection={"_id": True}, limit=_AT_ONCE
        )
        while found := [document["_id"] async for document in cursor]:
            await self._end(found)
            cursor = cursor.clone()

    async def _end(self, found: list[str]) -> None:
        # The mark finds the messages that this call expired: others run at the same time.
        mark = {"expiredIn": new_id()}
        named = {"_id": {"$in": found}}
        await self._messages.update_many(
            {**named, **_WAITS_TOO_LONG}, becomes(Happening.EXPIRED, mark)
        )
        expired = await in_order(self._messages, {**named, **mark})
        self._events.publish(*(status_event(each) for each in expired))
