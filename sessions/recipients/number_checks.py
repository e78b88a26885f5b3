"""Requests to check whether a number is on WhatsApp, and their answers by a connection's page."""

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
"""How long a caller waits for the answer; older questions are not asked."""
_KEPT_FOR = timedelta(hours=25)
"""Longer than the longest window of the pace, in which checks count."""


class NumberCheck(Record):
    """One question, and its answer once there is one: `exists`, `error` or `retry_at`.

    `reason` says what does not allow a check now: the pace, or a pause after WhatsApp's refusals.
    """

    id: str = Field(alias="_id")
    connection: str
    chat_id: str
    pending: bool = True
    exists: bool | None = None
    account: str | None = None
    """The id that WhatsApp answered for `chat_id`, which is the number as asked."""
    error: str | None = None
    retry_at: datetime | None = None
    reason: str | None = None


class NumberCheckRequests:
    """Store questions, their answers, and when WhatsApp was asked."""

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
        """Remove a question, unless WhatsApp was asked already."""
        untouched = {"_id": check, "pending": True, "pacedAt": {"$exists": False}}
        await self._collection.delete_one(untouched)

    async def asked(self) -> set[str]:
        """Return the connections that have unanswered questions."""
        # This condition matches all; it lets MongoDB use the index of pending questions.
        pending = {"connection": {"$gte": ""}, **_awaited()}
        each = {"$group": {"_id": "$connection"}}
        cursor = self._collection.aggregate([{"$match": pending}, each])
        return {found["_id"] async for found in cursor}

    async def next_pending(self, connection: str) -> NumberCheck | None:
        """Return the oldest unanswered question that a caller still waits for."""
        oldest = [("_id", ASCENDING)]
        pending = {"connection": connection, **_awaited()}
        return _read(await self._collection.find_one(pending, sort=oldest))

    async def count(self, check: NumberCheck) -> None:
        """Count a question for the pace; WhatsApp is asked right after."""
        await self._collection.update_one({"_id": check.id}, [{"$set": {"pacedAt": "$$NOW"}}])

    async def answer(self, check: NumberCheck, **answer: bool | str | datetime) -> bool:
        """Answer a question with fields of a NumberCheck; return False if it was erased."""
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
