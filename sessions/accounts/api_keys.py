"""API keys: random, shown once, kept as a hash, good for what they were granted."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Any

from pydantic import Field
from pymongo.errors import DuplicateKeyError

from sessions.common.callers import ALL_SCOPES, FIRST_OWNER, Caller, Role, Scope
from sessions.common.errors import DomainError
from sessions.common.ids import new_id
from sessions.storage.record import Record

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database

_FIRST = "initial"
_WORKS = {"digest": {"$exists": True}}
"""What is true of every key but a first one that was revoked."""
_EXPIRES = {"$gt": ["$expiresAt", None]}
_ALIVE = {
    **_WORKS,
    "$expr": {"$or": [{"$not": [_EXPIRES]}, {"$gt": ["$expiresAt", "$$NOW"]}]},
}
"""The filter for keys that can be used now, by the clock of MongoDB's server."""
_WITH_WHAT_IT_NEEDS: list[dict[str, Any]] = [
    {
        "$lookup": {
            "from": "users",
            "localField": "owner",
            "foreignField": "_id",
            "pipeline": [{"$project": {"_id": True}}],
            "as": "owners",
        }
    },
    {
        "$lookup": {
            "from": "apiKeys",
            "localField": "makers",
            "foreignField": "_id",
            "pipeline": [{"$match": _ALIVE}, {"$project": {"_id": True}}],
            "as": "makersAlive",
        }
    },
]
"""Adds a key's owner and the keys that have made it, as far as they are there and work."""
_SHOWN_FOR = timedelta(days=30)
"""How long a key that has expired is still listed."""


class ApiKeyNotFoundError(DomainError):
    """The owner has no key with that id."""

    code = "api_key_not_found"


class ApiKey(Record):
    """What is kept of a key: all but the key."""

    id: str = Field(alias="_id")
    owner: str
    name: str = "The first key"
    role: Role = Role.ADMIN
    """`admin` lets it use everybody's connections; keys of earlier versions have their maker's."""
    scopes: frozenset[Scope] = ALL_SCOPES
    connections: frozenset[str] | None = None
    """Our own ids of the only connections that it may use; None: all of its owner's."""
    allowed_ips: tuple[str, ...] = ()
    """The networks from which it may be used; none means from everywhere."""
    expires_at: datetime | None = None
    makers: tuple[str, ...] = ()
    """The keys that made it: the one that did so last. It works for as long as they do."""
    created_at: datetime

    @property
    def caller(self) -> Caller:
        """Who uses this key."""
        return Caller(
            self.owner,
            self.role,
            self.scopes,
            key_id=self.id,
            connections=self.connections,
            networks=tuple(map(ip_network, self.allowed_ips)),
            expires_at=self.expires_at,
            makers=self.makers,
        )


@dataclass(frozen=True)
class Grant:
    """What a new key may do; see `ApiKey`."""

    owner: str
    name: str
    scopes: frozenset[Scope] = ALL_SCOPES
    all_owners: bool = False
    connections: frozenset[str] | None = None
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    expires_at: datetime | None = None
    makers: tuple[str, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """Return what is stored of it."""
        return {
            "owner": self.owner,
            "name": self.name,
            "role": Role.ADMIN if self.all_owners else Role.USER,
            "scopes": sorted(self.scopes),
            "connections": None if self.connections is None else sorted(self.connections),
            "allowedIps": [str(each) for each in self.networks],
            "expiresAt": self.expires_at,
            "makers": list(self.makers),
        }


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
        await self._collection.create_index("makers")
        await self._collection.create_index(
            "expiresAt", expireAfterSeconds=int(_SHOWN_FOR.total_seconds())
        )

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

    async def create(self, grant: Grant, now: datetime) -> tuple[ApiKey, str]:
        """Make a key; return it with the key itself, which is not kept."""
        key = new_key()
        document = {
            "_id": new_id(),
            **grant.to_document(),
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

    async def find(self, owner: str, key_id: str) -> ApiKey:
        """Return an owner's key; raise ApiKeyNotFoundError."""
        query = {"_id": {"$eq": key_id}, "owner": {"$eq": owner}, **_WORKS}
        document = await self._collection.find_one(query)
        if document is None:
            raise _not_found(key_id)
        return ApiKey.model_validate(document)

    async def count(self, owner: str) -> int:
        """Count an owner's keys that have not expired."""
        return await self._collection.count_documents({"owner": {"$eq": owner}, **_ALIVE})

    async def revoke(self, owner: str, key_id: str, now: datetime) -> None:
        """Let a key and those that it made stop working at once; raise ApiKeyNotFoundError."""
        query = {"_id": {"$eq": key_id}, "owner": {"$eq": owner}, **_WORKS}
        if key_id == _FIRST:
            # Without a trace of it the next start would make it anew.
            done = (await self._collection.update_one(query, _set_aside(now))).matched_count
        else:
            done = (await self._collection.delete_one(query)).deleted_count
        if not done:
            raise _not_found(key_id)
        await self._collection.delete_many({"makers": {"$eq": key_id}})

    async def revoke_all(self, owner: str, now: datetime) -> None:
        """Let all keys of an owner, and those that they made, stop working."""
        for key in await self.of_owner(owner):
            # One that another has made is gone with it already.
            with suppress(ApiKeyNotFoundError):
                await self.revoke(owner, key.id, now)

    async def caller_of(self, key: str) -> Caller | None:
        """Return who the key stands for, or None when it does not work (any more).

        It works no longer than its owner is there, nor than each key that has made it.
        """
        known = {"digest": _digest(key), "$expr": _ALIVE["$expr"]}
        async for found in self._collection.aggregate([{"$match": known}, *_WITH_WHAT_IT_NEEDS]):
            caller = ApiKey.model_validate(found).caller
            owned = caller.owner == FIRST_OWNER or found["owners"]
            # One of those may be revoked at this moment.
            if owned and len(found["makersAlive"]) == len(caller.makers):
                return caller
        return None


def _not_found(key_id: str) -> ApiKeyNotFoundError:
    return ApiKeyNotFoundError(f"There is no API key {key_id!r}.")


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
