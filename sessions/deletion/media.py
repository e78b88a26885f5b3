"""Remove the files of messages that are erased, unless others use them, too."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from sessions.conversations.model import COLLECTION as RECEIVED
from sessions.media.janitor import MediaEraser
from sessions.messages.media_uses import MediaUses

if TYPE_CHECKING:
    from sessions.storage import mongo
    from sessions.storage.mongo import Database


class SentFiles:
    """The files of messages that were to be sent."""

    def __init__(self, database: Database) -> None:
        self._received: mongo.Collection = database[RECEIVED]
        self._uses = MediaUses(database)
        self._media = MediaEraser(database)

    async def remove(self, messages: Collection[str]) -> None:
        """Remove the files that only these messages have; do this before the messages go.

        After a crash, the messages still name the files that are left.
        """
        files = await self._uses.of_alone(messages)
        # Somebody's file that was sent on stays with the message that brought it.
        brought = {"media.mediaId": {"$in": sorted(files)}}
        files -= set(await self._received.distinct("media.mediaId", brought) if files else ())
        await self._media.remove(files)
