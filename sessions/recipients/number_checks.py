"""Questions whether a number is on WhatsApp, from those who ask to the page that can tell."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import Field
from pymongo import ASCENDING, DESCENDING

from sessions.common.ids import new_id
from sessions.storage.record import Record

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database

COLLECTION = "numberChecks"
ANSWERED_WITHIN = timedelta(seconds=20)
"""For how long anybody waits for an answer; an older question is not asked any more."""
_KEPT_FOR = timedelta(hours=25)
"""Longer than the longest window of the pace, for which they count."""


class NumberCheck(Record):
    """One question, and its answer once there is one: a verdict, an error or a time to come back.

    `reason` says why the pace, or a pause that WhatsApp's refusals have brought, does not allow it.
    """

    id: str = Field(alias="_id")
    connection: str
    chat_id: str
    pending: bool = True
    exists: bool | None = None
    account: str | None = None
    """The id that WhatsApp answered for `chat_id`, the number as it was asked for."""
    error: str | None = None
    retry_at: datetime | None = None
    reason: str | None = None


class NumberCheckRequests:
    """Keeps questions until they are answered, and when each was put to WhatsApp."""

    def __init__(self, database: Database) -> None:
        self._collection: Collection = database[COLLECTION]

    async def prepare(self) -> None:
        """Create the indexes; safe to repeat and to race."""
        connection = ("connection", ASCENDING)
        await self._collection.create_index(
            [connection, ("_id", ASCENDING)], partialFilterExpression={"pending": True}
        )
        await self._collection.create_index([connection, ("pacedAt", DESCENDING)])
        await self._collection.create_index(
            "askedAt", expireAfterSeconds=int(_KEPT_FOR.total_seconds())
        )

    async def ask(self, connection: str, chat_id: str) -> str:
        """Ask whether a number is on WhatsApp; return the id of the question."""
        check = new_id()
        question = {"connection": connection, "chatId": {"$literal": chat_id}, "pending": True}
        await self._collection.update_one(
            {"_id": check}, [{"$set": {**question, "askedAt": "$$NOW"}}], upsert=True
        )
        return check

    async def find(self, check: str) -> NumberCheck | None:
        """Return a question with its answer."""
        return _read(await self._collection.find_one({"_id": check}))

    async def withdraw(self, check: str) -> None:
        """Take a question back, if nobody has put it to WhatsApp yet."""
        untouched = {"_id": check, "pending": True, "pacedAt": {"$exists": False}}
        await self._collection.delete_one(untouched)

    async def asked(self) -> set[str]:
        """Return the connections whose page was asked something lately that is not answered."""
        # Named, however little that says: the index of what is pending begins with it.
        pending = {"connection": {"$gte": ""}, **_awaited()}
        each = {"$group": {"_id": "$connection"}}
        cursor = self._collection.aggregate([{"$match": pending}, each])
        return {found["_id"] async for found in cursor}

    async def next_pending(self, connection: str) -> NumberCheck | None:
        """Return the oldest question that somebody still waits for."""
        oldest = [("_id", ASCENDING)]
        pending = {"connection": connection, **_awaited()}
        return _read(await self._collection.find_one(pending, sort=oldest))

    async def count(self, check: NumberCheck) -> None:
        """Count a question for the pace: it is put to WhatsApp now."""
        await self._collection.update_one({"_id": check.id}, [{"$set": {"pacedAt": "$$NOW"}}])

    async def answer(self, check: NumberCheck, **answer: bool | str | datetime) -> bool:
        """Answer a question with fields of a NumberCheck; return False where it was erased."""
        answered = check.model_copy(update={**answer, "pending": False})
        changes = answered.model_dump(by_alias=True, exclude={"id"}, exclude_none=True)
        result = await self._collection.update_one({"_id": check.id}, {"$set": changes})
        return bool(result.matched_count)


def _awaited() -> dict[str, Any]:
    span = ANSWERED_WITHIN // timedelta(milliseconds=1)
    fresh = {"$lt": [{"$subtract": ["$$NOW", "$askedAt"]}, span]}
    return {"pending": True, "$expr": fresh}


def _read(document: dict[str, Any] | None) -> NumberCheck | None:
    return None if document is None else NumberCheck.model_validate(document)
