"""API keys: random, shown once, kept as a hash, good for the scopes they were given."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import Field
from pymongo.errors import DuplicateKeyError

from sessions.callers import ALL_SCOPES, FIRST_OWNER, Caller, Role, Scope
from sessions.connections import Record
from sessions.errors import DomainError
from sessions.ids import new_id

if TYPE_CHECKING:
    from sessions.mongo import Collection, Database

_FIRST = "initial"


class ApiKeyNotFoundError(DomainError):
    """The owner has no key with that id."""

    code = "api_key_not_found"


class ApiKey(Record):
    """What is kept of a key: all but the key."""

    id: str = Field(alias="_id")
    owner: str
    name: str = "The first key"
    role: Role = Role.ADMIN
    scopes: frozenset[Scope] = ALL_SCOPES
    created_at: datetime

    @property
    def caller(self) -> Caller:
        """Who uses this key."""
        return Caller(self.owner, self.role, self.scopes, key_id=self.id)


class ApiKeyStore:
    """Know API keys by their SHA-256; a key is random, so a slow hash would add nothing.

    A key is looked up by its digest: what the database compares tells nothing of the key.
    """

    def __init__(self, database: Database) -> None:
        self._collection: Collection = database["apiKeys"]

    async def prepare(self) -> None:
        """Create the indexes; safe to repeat and to race."""
        await self._collection.create_index("digest", unique=True)
        await self._collection.create_index([("owner", 1), ("_id", 1)])

    async def ensure_first(self, chosen: str | None, now: datetime) -> str | None:
        """Make the first key where there is none, and return it to be shown this once.

        With `chosen` (INITIAL_API_KEY) that key is the first one, and None is returned. A chosen
        key that changed since replaces the one before.
        """
        first = {"owner": FIRST_OWNER, "createdAt": now}
        if chosen is not None:
            document = {**first, "digest": _digest(chosen)}
            await self._collection.replace_one({"_id": _FIRST}, document, upsert=True)
            return None
        key = _new_key()
        try:
            await self._collection.insert_one({"_id": _FIRST, **first, "digest": _digest(key)})
        except DuplicateKeyError:
            return None
        return key

    async def create(
        self, caller: Caller, owner: str, name: str, scopes: Iterable[Scope], now: datetime
    ) -> tuple[ApiKey, str]:
        """Make a key for an owner; return it with the key itself, which is not kept."""
        key = _new_key()
        document = {
            "_id": new_id(),
            "owner": owner,
            "name": name,
            "role": caller.role if owner == caller.owner else Role.USER,
            "scopes": sorted(scopes),
            "createdAt": now,
            "digest": _digest(key),
        }
        await self._collection.insert_one(document)
        return ApiKey.model_validate(document), key

    async def of_owner(self, owner: str) -> list[ApiKey]:
        """Return an owner's keys, oldest first."""
        cursor = self._collection.find({"owner": {"$eq": owner}}, sort=[("createdAt", 1)])
        return [ApiKey.model_validate(document) async for document in cursor]

    async def revoke(self, owner: str, key_id: str) -> None:
        """Let a key stop working at once; raise ApiKeyNotFoundError."""
        result = await self._collection.delete_one(
            {"_id": {"$eq": key_id}, "owner": {"$eq": owner}}
        )
        if result.deleted_count == 0:
            raise ApiKeyNotFoundError(f"There is no API key {key_id!r}.")

    async def revoke_all(self, owner: str) -> None:
        """Let all keys of an owner stop working."""
        await self._collection.delete_many({"owner": {"$eq": owner}})

    async def caller_of(self, key: str) -> Caller | None:
        """Return who the key stands for, or None when it is not known."""
        document: dict[str, Any] | None = await self._collection.find_one({"digest": _digest(key)})
        return None if document is None else ApiKey.model_validate(document).caller


def _new_key() -> str:
    return f"cgw_{secrets.token_urlsafe(32)}"


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", errors="replace")).hexdigest()
