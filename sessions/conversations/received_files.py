"""The files of received messages: which are still to be fetched, and what became of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from pymongo import ReturnDocument

from sessions.common.errors import DomainError
from sessions.conversations.changes import PRESENT
from sessions.conversations.events import received_event
from sessions.conversations.model import COLLECTION, MediaState, ReceivedMessage
from sessions.events.log import EventLog, EventType
from sessions.outgoing_events import pending

if TYPE_CHECKING:
    from sessions.connections.leases import Lease
    from sessions.storage import mongo
    from sessions.storage.mongo import Database

AGAIN = (MediaState.EXPIRED, MediaState.FAILED, MediaState.TOO_LARGE)
"""The states after which a file can be asked for again."""


class NoFileToFetchError(DomainError):
    """The message has no file, or its file is here or being fetched."""

    code = "no_file_to_fetch"

    def __init__(self, message_id: str, state: MediaState | None) -> None:
        what = f"its file is {state}" if state else "it has no file"
        super().__init__(f"Nothing is to be fetched for message {message_id}: {what}.")
        self.members = {"state": str(state)} if state else {}


class ReceivedFiles:
    """Record what became of the files of received messages; writes are fenced by the lease."""

    def __init__(self, database: Database, events: EventLog) -> None:
        self._received: mongo.Collection = database[COLLECTION]
        self._events = events

    async def pending(
        self, lease: Lease, limit: int, but: Collection[str] = ()
    ) -> list[ReceivedMessage]:
        """Return the newest messages whose file is still to be fetched, except some."""
        which = {
            "connection": lease.connection,
            "media.state": MediaState.PENDING,
            "_id": {"$nin": [*but]},
            **PRESENT,
        }
        found = self._received.find(which, sort=[("_id", -1)], limit=limit)
        return [ReceivedMessage.model_validate(each) async for each in found]

    async def stored(self, lease: Lease, message: ReceivedMessage, media_id: str) -> bool:
        """Record that a file is stored; tell whether the message still wants it."""
        changes = {"media.mediaId": {"$literal": media_id}}
        return await self._end(lease, message, MediaState.STORED, changes)

    async def ended(self, lease: Lease, message: ReceivedMessage, state: MediaState) -> None:
        """Record that a file is not fetched."""
        await self._end(lease, message, state, {})

    async def ask_again(self, message: ReceivedMessage) -> ReceivedMessage:
        """Have a file fetched that could not be fetched before; raise NoFileToFetchError."""
        again = {"_id": message.id, "media.state": {"$in": list(AGAIN)}, **PRESENT}
        document = await self._received.find_one_and_update(
            again,
            {"$set": {"media.state": MediaState.PENDING}},
            return_document=ReturnDocument.AFTER,
        )
        if document is None:
            raise NoFileToFetchError(message.id, message.media and message.media.state)
        return ReceivedMessage.model_validate(document)

    async def _end(
        self, lease: Lease, message: ReceivedMessage, state: MediaState, changes: dict[str, Any]
    ) -> bool:
        """Record how a file ended, and tell of it; tell whether the message still wanted it."""
        waits = {
            "_id": message.id,
            "media.state": MediaState.PENDING,
            "generation": {"$lte": lease.generation},
            **PRESENT,
        }
        ended = {"media.state": state, **changes}
        told = pending.adds(EventType.MESSAGE_MEDIA, {"state": state})
        document: dict[str, Any] | None = await self._received.find_one_and_update(
            waits, [{"$set": ended | told}], return_document=ReturnDocument.AFTER
        )
        if document is None:
            return False
        changed = ReceivedMessage.model_validate(document)
        self._events.publish(received_event(EventType.MESSAGE_MEDIA, changed))
        return True
