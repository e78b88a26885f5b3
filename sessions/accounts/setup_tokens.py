"""The set-up tokens: who holds one may become the first administrator."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database


class SetupTokenStore:
    """Know the set-up tokens by their SHA-256, so that any API process takes the one of another.

    A token is random, so a slow hash would add nothing. There is one for each place that has a
    token file: a host and a path on it.
    """

    def __init__(self, database: Database) -> None:
        self._collection: Collection = database["setupTokens"]

    async def keep(self, place: str, token: str, now: datetime) -> None:
        """Store the token of a place; the one that was there before stops working."""
        await self._collection.update_one(
            {"_id": place}, {"$set": {"digest": _digest(token), "createdAt": now}}, upsert=True
        )

    async def knows(self, token: str) -> bool:
        """Tell whether this is one of the tokens."""
        query = {"digest": _digest(token)}
        return await self._collection.find_one(query, {"_id": True}) is not None

    async def forget_all(self) -> None:
        """Let every token stop working."""
        await self._collection.delete_many({})


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", errors="replace")).hexdigest()
