"""Setup tokens: whoever has one may register as the first administrator."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database


class SetupTokenStore:
    """Store setup tokens by their SHA-256, so that each API process accepts those of the others.

    Tokens are random, so a slow hash would add nothing. Each place, a host and the path of its
    token file, has one token.
    """

    def __init__(self, database: Database) -> None:
        self._collection: Collection = database["setupTokens"]

    async def keep(self, place: str, token: str, now: datetime) -> None:
        """Store the token of a place; its previous token stops working."""
        await self._collection.update_one(
            {"_id": place}, {"$set": {"digest": _digest(token), "createdAt": now}}, upsert=True
        )

    async def knows(self, token: str) -> bool:
        """Tell whether this token is valid."""
        query = {"digest": _digest(token)}
        return await self._collection.find_one(query, {"_id": True}) is not None

    async def forget_all(self) -> None:
        """Remove all tokens: none works any more."""
        await self._collection.delete_many({})


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", errors="replace")).hexdigest()
