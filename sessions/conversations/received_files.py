"""The files of received messages: which are still to be fetched, and what became of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from pymongo import ReturnDocument

from sessions.common.errors import DomainError
from sessions.conversations.changes import PRESENT
from sessions.conversations.model import COLLECTION, MediaState, ReceivedMessage

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

    def __init__(self, database: Database) -> None:
        self._received: mongo.Collection = database[COLLECTION]

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
        changes = {"media.state": MediaState.STORED, "media.mediaId": media_id}
        return await self._change(lease, message, changes)

    async def ended(self, lease: Lease, message: ReceivedMessage, state: MediaState) -> None:
        """Record that a file is not fetched."""
        await self._change(lease, message, {"media.state": state})

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

    async def _change(
        self, lease: Lease, message: ReceivedMessage, changes: dict[str, Any]
    ) -> bool:
        waits = {
            "_id": message.id,
            "media.state": MediaState.PENDING,
            "generation": {"$lte": lease.generation},
            **PRESENT,
        }
        return (await self._received.update_one(waits, {"$set": changes})).matched_count == 1
