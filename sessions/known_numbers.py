"""Which numbers are on WhatsApp, as told lately: asking for many gets a number banned."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sessions.mongo import Collection, Database

_KNOWN_FOR = timedelta(days=1)
_UNKNOWN_FOR = timedelta(minutes=10)
"""Whoever has no account may make one, and is told so again soon."""


class KnownNumbers:
    """Remembers answers, the good ones for a day and the others for minutes."""

    def __init__(self, database: Database) -> None:
        self._collection: Collection = database["knownNumbers"]

    async def prepare(self) -> None:
        """Create the index that forgets answers."""
        seconds = int(_KNOWN_FOR.total_seconds())
        await self._collection.create_index("checkedAt", expireAfterSeconds=seconds)

    async def verdict(self, chat_id: str) -> bool | None:
        """Tell whether the number is on WhatsApp, or None when that is not known now."""
        age = {"$subtract": ["$$NOW", "$checkedAt"]}
        fresh = {"$lt": [age, _UNKNOWN_FOR // timedelta(milliseconds=1)]}
        document: dict[str, Any] | None = await self._collection.find_one(
            {"_id": {"$eq": chat_id}, "$or": [{"exists": {"$ne": False}}, {"$expr": fresh}]}
        )
        return None if document is None else bool(document.get("exists", True))

    async def remember(self, chat_id: str, *, exists: bool) -> None:
        """Remember what WhatsApp answered."""
        changes = {"checkedAt": "$$NOW", "exists": exists}
        await self._collection.update_one(
            {"_id": {"$eq": chat_id}}, [{"$set": changes}], upsert=True
        )
