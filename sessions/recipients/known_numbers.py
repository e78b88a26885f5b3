"""Which numbers are on WhatsApp, and as which account: asking for many gets a number banned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pymongo import ReturnDocument

from sessions.storage.mongo import forget_after

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database

COLLECTION = "knownNumbers"
_KNOWN_FOR = timedelta(days=1)
_NO_FOR = timedelta(minutes=10)


@dataclass(frozen=True)
class KnownNumber:
    """What is known of a number now; all None when that is nothing.

    `chat_id` is the id that WhatsApp answered: another spelling of a number has the same one.
    `doubted_until` is set after a first "no", until it is time to ask once more.
    """

    exists: bool | None = None
    chat_id: str | None = None
    doubted_until: datetime | None = None


class KnownNumbers:
    """What WhatsApp answered to each owner: that a number is there, for a day; that not, `no_for`.

    An answer is told to the owner who asked only: anybody else would learn from it whom that one
    writes to, and one owner's broken line would deny a number to everybody.
    """

    def __init__(self, database: Database, no_for: timedelta = _NO_FOR) -> None:
        self._collection: Collection = database[COLLECTION]
        self._no_for = no_for

    async def prepare(self) -> None:
        """Create the index that forgets answers."""
        await forget_after(self._collection, "checkedAt", max(_KNOWN_FOR, self._no_for))

    def of(self, owner: str) -> NumbersOfOwner:
        """Return what one owner knows."""
        return NumbersOfOwner(self._collection, owner, self._no_for)


class NumbersOfOwner:
    """The numbers that one owner has asked WhatsApp about; all times are MongoDB's server's.

    What earlier versions remembered for all owners together has a plain number as its id. It is
    never found here and expires within a day.
    """

    def __init__(self, collection: Collection, owner: str, no_for: timedelta) -> None:
        self._collection = collection
        self._owner = owner
        self._no_for = no_for

    async def find(self, number: str) -> KnownNumber:
        """Return what is known of a number, given as a chat id."""
        document: dict[str, Any] | None = await self._collection.find_one(
            {"_id": {"$eq": self._id(number)}},
            projection={
                "exists": True,
                "chatId": True,
                "doubtedUntil": True,
                "recent": {"$lt": [_age(), _milliseconds(self._no_for)]},
                "doubted": {"$gt": ["$doubtedUntil", "$$NOW"]},
            },
        )
        if document is None:
            return KnownNumber()
        if document.get("exists") is False and document["recent"]:
            return KnownNumber(exists=False)
        # Without its id it was remembered by an earlier version, which did not keep that.
        if document.get("exists") and (chat_id := document.get("chatId")):
            return KnownNumber(exists=True, chat_id=chat_id)
        return KnownNumber(doubted_until=document["doubtedUntil"] if document["doubted"] else None)

    async def remember(self, number: str, chat_id: str | None) -> None:
        """Remember the id that WhatsApp answered, or None when the number is not there.

        With an id every doubt of before is over.
        """
        changes: dict[str, Any] = {
            "checkedAt": "$$NOW",
            "exists": chat_id is not None,
            "chatId": {"$literal": chat_id} if chat_id else "$$REMOVE",
        }
        if chat_id is not None:
            changes["doubtedUntil"] = "$$REMOVE"
        await self._collection.update_one(
            {"_id": {"$eq": self._id(number)}}, [{"$set": changes}], upsert=True
        )

    async def forget_denied(self, numbers: Sequence[str]) -> None:
        """Have WhatsApp asked anew about those of these numbers that it has denied."""
        denied = {"_id": {"$in": [self._id(each) for each in numbers]}, "exists": False}
        await self._collection.delete_many(denied)

    async def forget(self, number: str) -> None:
        """Forget what WhatsApp answered about a number."""
        await self._collection.delete_one({"_id": {"$eq": self._id(number)}})

    async def forget_all(self) -> None:
        """Forget every number that this owner has asked about."""
        await self._collection.delete_many({"_id.owner": {"$eq": self._owner}})

    async def fallback(self, number: str, ask_again_after: timedelta) -> datetime | None:
        """Note that WhatsApp says "no"; return when to ask again, or None when that is enough.

        Two times "no", some time apart, are enough, and are remembered.
        """
        doubted = {"$ifNull": ["$doubtedUntil", False]}
        again = {"$add": ["$$NOW", _milliseconds(ask_again_after)]}
        over = {"$and": [doubted, {"$lte": ["$doubtedUntil", "$$NOW"]}]}
        changes = {
            "checkedAt": "$$NOW",
            "chatId": "$$REMOVE",
            "exists": {"$cond": [over, False, "$$REMOVE"]},
            "doubtedUntil": {"$cond": [doubted, "$doubtedUntil", again]},
        }
        document: dict[str, Any] = await self._collection.find_one_and_update(
            {"_id": {"$eq": self._id(number)}},
            [{"$set": changes}],
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return None if document.get("exists") is False else document["doubtedUntil"]

    def _id(self, number: str) -> dict[str, str]:
        # MongoDB compares embedded documents field by field, in this order.
        return {"owner": self._owner, "number": number}


def _age() -> dict[str, Any]:
    return {"$subtract": ["$$NOW", "$checkedAt"]}


def _milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
