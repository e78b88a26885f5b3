"""API keys: random, shown once, kept as a hash."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pymongo.errors import DuplicateKeyError

if TYPE_CHECKING:
    from sessions.mongo import Collection, Database

FIRST_OWNER = "admin"
"""The owner of what the first key makes."""
_FIRST = "initial"


@dataclass(frozen=True)
class Caller:
    """Who a request comes from: the owner whose connections it may see."""

    owner: str


class ApiKeyStore:
    """Know API keys by their SHA-256; a key is random, so a slow hash would add nothing."""

    def __init__(self, database: Database) -> None:
        self._collection: Collection = database["apiKeys"]

    async def prepare(self) -> None:
        """Create the indexes; safe to repeat and to race."""
        await self._collection.create_index("digest", unique=True)

    async def ensure_first(self, chosen: str | None, now: datetime) -> str | None:
        """Make the first key where there is none, and return it to be shown this once.

        With `chosen` (INITIAL_API_KEY) that key is the first one, and None is returned. A chosen
        key that changed since replaces the one before.
        """
        if chosen is not None:
            await self._collection.replace_one({"_id": _FIRST}, _document(chosen, now), upsert=True)
            return None
        key = f"cgw_{secrets.token_urlsafe(32)}"
        try:
            await self._collection.insert_one({"_id": _FIRST, **_document(key, now)})
        except DuplicateKeyError:
            return None
        return key

    async def caller_of(self, key: str) -> Caller | None:
        """Return who the key stands for, or None when it is not known."""
        document = await self._collection.find_one({"digest": _digest(key)})
        return None if document is None else Caller(document["owner"])


def _document(key: str, now: datetime) -> dict[str, object]:
    return {"digest": _digest(key), "owner": FIRST_OWNER, "createdAt": now}


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
