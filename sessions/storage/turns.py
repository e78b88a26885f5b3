"""Let one process at a time do a piece of work: a lease on a document, by MongoDB's clock."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection

_FREE: dict[str, Any] = {"$lte": [{"$ifNull": ["$turn.until", None]}, "$$NOW"]}
"""The expression for documents that nobody holds, or whose holder has died."""


class Turns:
    """Take, renew and give back the documents of a collection for one process.

    The holder has to renew its turn before `ttl` is over; then another process may take it. The
    work itself must bear that two do it for a moment. A holder that is started again under its
    name has its turns at once.
    """

    def __init__(self, collection: Collection, holder: str, ttl: timedelta) -> None:
        self._collection = collection
        self._holder = holder
        self._ttl = ttl

    @property
    def can_be_taken(self) -> dict[str, Any]:
        """The expression for documents that nobody else holds."""
        return {"$or": [_FREE, {"$eq": ["$turn.holder", {"$literal": self._holder}]}]}

    async def make(self, document_id: str) -> None:
        """Create the document if there is none."""
        await self._collection.update_one(
            {"_id": document_id}, {"$setOnInsert": {"turn": None}}, upsert=True
        )

    async def take(self, document_id: str) -> bool:
        """Take a turn, or renew it; tell whether it is ours now."""
        amount = self._ttl // timedelta(milliseconds=1)
        until = {"$dateAdd": {"startDate": "$$NOW", "unit": "millisecond", "amount": amount}}
        turn = {"holder": {"$literal": self._holder}, "until": until}
        taken = await self._collection.update_one(
            {"_id": document_id, "$expr": self.can_be_taken}, [{"$set": {"turn": turn}}]
        )
        return taken.matched_count > 0

    async def give_back(self, document_id: str) -> None:
        """Let others take the turn at once."""
        ours = {"_id": document_id, "turn.holder": self._holder}
        await self._collection.update_one(ours, {"$unset": {"turn": True}})
