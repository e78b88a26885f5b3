"""API keys: random, shown once, kept as a hash, good for the scopes they were given."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from contextlib import suppress
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
_WORKS = {"digest": {"$exists": True}}
"""What is true of every key but a first one that was revoked."""


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

    async def has_first(self) -> bool:
        """Tell whether there is a first key, or was one that is revoked."""
        return await self._collection.find_one({"_id": _FIRST}, {"_id": True}) is not None

    async def make_first(self, key: str, now: datetime) -> None:
        """Let this be the first key where there is none, nor was one that is revoked."""
        first = {"_id": _FIRST, "owner": FIRST_OWNER, "createdAt": now, "digest": _digest(key)}
        with suppress(DuplicateKeyError):
            await self._collection.insert_one(first)

    async def is_first(self, key: str) -> bool:
        """Tell whether this is the first key, and it works."""
        caller = await self.caller_of(key)
        return caller is not None and caller.key_id == _FIRST

    async def choose_first(self, key: str, now: datetime) -> None:
        """Let this be the first key (INITIAL_API_KEY), also in the place of another one.

        Nothing changes where it was revoked as such, or is another key already.
        """
        digest = _digest(key)
        first = {"owner": FIRST_OWNER, "createdAt": now, "digest": digest}
        with suppress(DuplicateKeyError):
            await self._collection.update_one(
                {"_id": _FIRST, "revoked": {"$ne": digest}},
                {"$set": first, "$unset": {"revokedAt": True}},
                upsert=True,
            )

    async def create(
        self, caller: Caller, owner: str, name: str, scopes: Iterable[Scope], now: datetime
    ) -> tuple[ApiKey, str]:
        """Make a key for an owner; return it with the key itself, which is not kept."""
        key = new_key()
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
        query = {"owner": {"$eq": owner}, **_WORKS}
        cursor = self._collection.find(query, sort=[("createdAt", 1)])
        return [ApiKey.model_validate(document) async for document in cursor]

    async def count(self, owner: str) -> int:
        """Count an owner's keys."""
        return await self._collection.count_documents({"owner": {"$eq": owner}, **_WORKS})

    async def revoke(self, owner: str, key_id: str, now: datetime) -> None:
        """Let a key stop working at once; raise ApiKeyNotFoundError."""
        query = {"_id": {"$eq": key_id}, "owner": {"$eq": owner}, **_WORKS}
        if key_id == _FIRST:
            # Without a trace of it the next start would make it anew.
            done = (await self._collection.update_one(query, _set_aside(now))).matched_count
        else:
            done = (await self._collection.delete_one(query)).deleted_count
        if not done:
            raise ApiKeyNotFoundError(f"There is no API key {key_id!r}.")

    async def revoke_all(self, owner: str) -> None:
        """Let all keys of an owner stop working."""
        await self._collection.delete_many({"owner": {"$eq": owner}})

    async def caller_of(self, key: str) -> Caller | None:
        """Return who the key stands for, or None when it is not known."""
        document: dict[str, Any] | None = await self._collection.find_one({"digest": _digest(key)})
        return None if document is None else ApiKey.model_validate(document).caller


def _set_aside(now: datetime) -> list[dict[str, Any]]:
    """Return the change that keeps a key's digest only among those that were revoked."""
    before = {"$ifNull": ["$revoked", []]}
    revoked = {"revokedAt": now, "revoked": {"$concatArrays": [before, ["$digest"]]}}
    return [{"$set": revoked}, {"$unset": "digest"}]


def new_key() -> str:
    """Return a random API key, which nobody knows yet."""
    return f"cgw_{secrets.token_urlsafe(32)}"


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", errors="replace")).hexdigest()
