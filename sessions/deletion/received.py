"""Erase a person from received messages, and from what people did to messages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sessions.conversations.changes import PRESENT
from sessions.conversations.model import COLLECTION
from sessions.media.janitor import MediaEraser
from sessions.outgoing_events import pending
from sessions.recipients.address import account_of, number_of

if TYPE_CHECKING:
    from sessions.storage import mongo
    from sessions.storage.mongo import Database

_AT_ONCE = 1000
_RESPONSES = ("reactions", "votes")
_TOMBSTONE = {
    "_id": "$_id",
    "connection": "$connection",
    "key": "$key",
    "recordedAt": "$recordedAt",
    "erased": True,
}
"""What is kept of an erased message. It names nobody, and a sweep does not record it again."""


class ReceivedErasure:
    """Erase what one person has written to an owner (an empty filter: to all owners)."""

    def __init__(self, database: Database) -> None:
        self._received: mongo.Collection = database[COLLECTION]
        self._sent: mongo.Collection = database["messages"]
        self._media = MediaEraser(database)

    async def present(self, messages: Collection[str]) -> set[str]:
        """Return which of these are received messages that are not erased."""
        found = self._received.find({"_id": {"$in": [*messages]}, **PRESENT}, {"_id": True})
        return {str(each["_id"]) async for each in found}

    async def pairs(
        self, of_owner: Mapping[str, Any], ids: AbstractSet[str]
    ) -> AsyncIterator[tuple[str, str]]:
        """Yield the ids of this person with the number that WhatsApp knows for them.

        Who writes in a group that is erased is not the group: the members' own chats stay.
        """
        people = {each for each in ids if not each.endswith("@g.us")}
        written = {**of_owner, **_by(people), "fromNumber": {"$type": "string"}, **PRESENT}
        pair = {"_id": {"from": "$from", "number": "$fromNumber"}}
        async for each in self._received.aggregate([{"$match": written}, {"$group": pair}]):
            found = each["_id"]
            yield found["from"], account_of(found["number"])

    async def erase(
        self, of_owner: Mapping[str, Any], ids: AbstractSet[str], before: datetime
    ) -> int:
        """Erase messages that were recorded by then, with their files, and responses; count."""
        which = {**of_owner, **_by(ids), "recordedAt": {"$lte": before}, **PRESENT}
        count = 0
        while found := [each async for each in self._received.find(which, limit=_AT_ONCE)]:
            files = [(each.get("media") or {}).get("mediaId") for each in found]
            # The files go first: after a crash, the messages still name those that are left.
            await self._media.remove([each for each in files if each is not None])
            these = {"_id": {"$in": [each["_id"] for each in found]}}
            erased = await self._received.update_many(these, [{"$replaceWith": _TOMBSTONE}])
            count += erased.modified_count
        await self._erase_responses(of_owner, ids)
        return count

    async def _erase_responses(self, of_owner: Mapping[str, Any], ids: AbstractSet[str]) -> None:
        """Take the person's reactions and votes from the messages of others, and of ourselves."""
        them = {"from": {"$in": sorted(ids)}}
        told = {pending.FIELD: {"response.from": {"$in": sorted(ids)}}}
        for collection in (self._received, self._sent):
            for field in _RESPONSES:
                which = {**of_owner, f"{field}.from": {"$in": sorted(ids)}}
                await collection.update_many(which, {"$pull": {field: them, **told}})


def _by(ids: AbstractSet[str]) -> dict[str, Any]:
    """Return the filter for messages from a person, or in the chat with one."""
    numbers = [number for each in sorted(ids) if (number := number_of(each))]
    named = {"$in": sorted(ids)}
    return {"$or": [{"chatId": named}, {"from": named}, {"fromNumber": {"$in": numbers}}]}
