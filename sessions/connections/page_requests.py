"""What callers ask of a connection's page at once: to show typing, to mark read, to list groups.

A request waits in MongoDB for the worker that runs the connection, which is rung. It is answered
soon or not at all, and its record is removed when the caller has the answer.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import Field
from pymongo import ASCENDING

from sessions.common.ids import new_id
from sessions.storage.record import Record

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database

COLLECTION = "pageRequests"
ANSWERED_WITHIN = timedelta(seconds=20)
"""How long a caller waits for the answer; older requests are not done."""
_KEPT_FOR = timedelta(minutes=10)


class Errand(StrEnum):
    """What is asked."""

    TYPING = "typing"
    READ = "read"
    GROUPS = "groups"


class PageRequest(Record):
    """One request, and its answer once there is one: `answer` or `error`."""

    id: str = Field(alias="_id")
    connection: str
    errand: Errand
    chat_id: str | None = None
    seconds: int | None = None
    pending: bool = True
    asked_at: datetime
    answer: Any = None
    error: str | None = None


class PageRequests:
    """Store requests and their answers."""

    def __init__(self, database: Database) -> None:
        self._collection: Collection = database[COLLECTION]

    async def prepare(self) -> None:
        """Create the indexes; safe to repeat and to race."""
        await self._collection.create_index(
            [("connection", ASCENDING), ("_id", ASCENDING)],
            partialFilterExpression={"pending": True},
        )
        await self._collection.create_index("chatId")
        await self._collection.create_index(
            "askedAt", expireAfterSeconds=int(_KEPT_FOR.total_seconds())
        )

    async def ask(
        self,
        connection: str,
        errand: Errand,
        chat_id: str | None = None,
        seconds: int | None = None,
    ) -> str:
        """Ask for something; return the id of the request."""
        request = new_id()
        asked = {
            "connection": connection,
            "errand": errand,
            "chatId": {"$literal": chat_id},
            "seconds": seconds,
            "pending": True,
            "askedAt": "$$NOW",
        }
        await self._collection.update_one({"_id": request}, [{"$set": asked}], upsert=True)
        return request

    async def find(self, request: str) -> PageRequest | None:
        """Return a request with its answer."""
        return _read(await self._collection.find_one({"_id": request}))

    async def withdraw(self, request: str) -> None:
        """Remove a request and its answer."""
        await self._collection.delete_one({"_id": request})

    async def next_pending(self, connection: str) -> PageRequest | None:
        """Return the oldest request that nobody has answered and that is not too old."""
        milliseconds = ANSWERED_WITHIN // timedelta(milliseconds=1)
        fresh = {"$lt": [{"$subtract": ["$$NOW", "$askedAt"]}, milliseconds]}
        pending = {"connection": connection, "pending": True, "$expr": fresh}
        return _read(await self._collection.find_one(pending, sort=[("_id", ASCENDING)]))

    async def answer(
        self, request: PageRequest, answer: Any = None, error: str | None = None
    ) -> None:
        """Answer a request, unless it was withdrawn."""
        changes = {"pending": False, "answer": answer, "error": error}
        await self._collection.update_one({"_id": request.id}, {"$set": changes})


def _read(document: dict[str, Any] | None) -> PageRequest | None:
    return None if document is None else PageRequest.model_validate(document)
