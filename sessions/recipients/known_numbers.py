"""Cache which numbers are on WhatsApp, since asking about many gets a number banned."""

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
    """What is known of a number now; all None if nothing is known.

    `chat_id` is the id that WhatsApp answered; all spellings of a number have the same one.
    `ask_again_at` is set after a first "no" and is when to ask once more.
    """

    exists: bool | None = None
    chat_id: str | None = None
    ask_again_at: datetime | None = None


class KnownNumbers:
    """WhatsApp's answers for each owner: a "yes" is kept for a day, a "no" for `no_for`.

    Owners do not share answers. Otherwise they would learn whom others write to, and a wrong
    answer to one owner would deny a number to all.
    """

    def __init__(self, database: Database, no_for: timedelta = _NO_FOR) -> None:
        self._collection: Collection = database[COLLECTION]
        self._no_for = no_for

    async def prepare(self) -> None:
        """Create the index that removes old answers."""
        await forget_after(self._collection, "checkedAt", max(_KNOWN_FOR, self._no_for))

    def of(self, owner: str) -> NumbersOfOwner:
        """Return the numbers that one owner has asked about."""
        return NumbersOfOwner(self._collection, owner, self._no_for)


class NumbersOfOwner:
    """The numbers that one owner has asked WhatsApp about; all times are MongoDB's.

    Earlier versions stored answers for all owners together, under the number itself. These are not
    found here and expire within a day.
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
        # A record without a chat id was stored by an earlier version.
        if document.get("exists") and (chat_id := document.get("chatId")):
            return KnownNumber(exists=True, chat_id=chat_id)
        return KnownNumber(ask_again_at=document["doubtedUntil"] if document["doubted"] else None)

    async def remember(self, number: str, chat_id: str | None) -> None:
        """Store the id that WhatsApp answered, or None if the number is not on WhatsApp.

        An id ends the wait after an earlier "no".
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
        """Forget which of these numbers WhatsApp has denied, so that it is asked again."""
        denied = {"_id": {"$in": [self._id(each) for each in numbers]}, "exists": False}
        await self._collection.delete_many(denied)

    async def forget(self, number: str) -> None:
        """Forget what WhatsApp answered about a number."""
        await self._collection.delete_one({"_id": {"$eq": self._id(number)}})

    async def forget_all(self) -> None:
        """Forget every number that this owner has asked about."""
        await self._collection.delete_many({"_id.owner": {"$eq": self._owner}})

    async def deny(self, number: str, ask_again_after: timedelta) -> datetime | None:
        """Record that WhatsApp says "no"; return when to ask again, or None if that is final.

        A second "no" after that time is final and is stored.
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
