"""API keys: random, shown once, stored as a hash, with what each was granted."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Any

from pydantic import Field
from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from sessions.common.callers import ALL_SCOPES, FIRST_OWNER, Caller, Role, Scope
from sessions.common.errors import DomainError
from sessions.common.ids import new_id
from sessions.storage.mongo import STORE_DOWN
from sessions.storage.record import Record

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database

_FIRST = "initial"
_WORKS = {"digest": {"$exists": True}}
"""The filter for all keys, without a first key that was revoked."""
_EXPIRES = {"$gt": ["$expiresAt", None]}
_ALIVE = {
    **_WORKS,
    "$expr": {"$or": [{"$not": [_EXPIRES]}, {"$gt": ["$expiresAt", "$$NOW"]}]},
}
"""The filter for keys that work now, by MongoDB's clock."""
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
"""Joins a key with its owner, if that user exists, and with the keys by which it was created."""
_SHOWN_FOR = timedelta(days=30)
"""How long an expired key is still listed."""


class ApiKeyNotFoundError(DomainError):
    """The owner has no key with that id."""

    code = "api_key_not_found"


class ApiKey(Record):
    """What is stored of a key: everything but the key itself."""

    id: str = Field(alias="_id")
    owner: str
    name: str = "The first key"
    role: Role = Role.ADMIN
    """`admin` lets it use all owners' connections; keys of old versions have their maker's role."""
    scopes: frozenset[Scope] = ALL_SCOPES
    connections: frozenset[str] | None = None
    """The internal ids of the connections that it may use; None: all of its owner's."""
    allowed_ips: tuple[str, ...] = ()
    """The networks from which it may be used; empty: everywhere."""
    expires_at: datetime | None = None
    makers: tuple[str, ...] = ()
    """The keys by which it was created, its direct creator last; it works only while they do."""
    created_at: datetime
    last_used_at: datetime | None = None
    """When it last came with a request; up to a few minutes behind, see `write_uses`."""

    @property
    def caller(self) -> Caller:
        """The caller that this key stands for."""
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
        """Return the grant as it is stored."""
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
    """Store API keys by their SHA-256; keys are random, so a slow hash would add nothing.

    Keys are looked up by digest, so that the time of a lookup says nothing about a key.
    """

    def __init__(self, database: Database) -> None:
        self._collection: Collection = database["apiKeys"]
        self._uses: dict[str, datetime] = {}
        """When keys, by their digests, were last used since `write_uses`."""

    async def prepare(self) -> None:
        """Create the indexes; several processes may do this at once."""
        await self._collection.create_index("digest", unique=True)
        await self._collection.create_index([("owner", 1), ("_id", 1)])
        await self._collection.create_index("makers")
        await self._collection.create_index(
            "expiresAt", expireAfterSeconds=int(_SHOWN_FOR.total_seconds())
        )

    async def has_first(self) -> bool:
        """Tell whether there is a first key, also if it was revoked."""
        return await self._collection.find_one({"_id": _FIRST}, {"_id": True}) is not None

    async def make_first(self, key: str, now: datetime) -> None:
        """Make this the first key, unless there is one already, even a revoked one."""
        first = {"_id": _FIRST, "owner": FIRST_OWNER, "createdAt": now, "digest": _digest(key)}
        with suppress(DuplicateKeyError):
            await self._collection.insert_one(first)

    async def is_first(self, key: str) -> bool:
        """Tell whether this is the first key and works."""
        caller = await self.caller_of(key)
        return caller is not None and caller.key_id == _FIRST

    async def choose_first(self, key: str, now: datetime) -> None:
        """Make this the first key (INITIAL_API_KEY), and replace another first key.

        Does nothing if this key was revoked as the first key, or is already another key.
        """
        digest = _digest(key)
        first = {"owner": FIRST_OWNER, "createdAt": now, "digest": digest}
        same = {"$eq": ["$digest", digest]}
        used = {"lastUsedAt": {"$cond": [same, "$lastUsedAt", "$$REMOVE"]}}
        with suppress(DuplicateKeyError):
            await self._collection.update_one(
                {"_id": _FIRST, "revoked": {"$ne": digest}},
                [{"$set": used}, {"$set": first}, {"$unset": "revokedAt"}],
                upsert=True,
            )

    async def create(self, grant: Grant, now: datetime) -> tuple[ApiKey, str]:
        """Create a key; return its record, and the key itself, which is not stored."""
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
        """Revoke a key and all keys that it created; raise ApiKeyNotFoundError."""
        query = {"_id": {"$eq": key_id}, "owner": {"$eq": owner}, **_WORKS}
        if key_id == _FIRST:
            # Its record stays, or the next start would create it again.
            done = (await self._collection.update_one(query, _revoked(now))).matched_count
        else:
            done = (await self._collection.delete_one(query)).deleted_count
        if not done:
            raise _not_found(key_id)
        await self._collection.delete_many({"makers": {"$eq": key_id}})

    async def revoke_all(self, owner: str, now: datetime) -> None:
        """Revoke all keys of an owner and all keys that they created."""
        for key in await self.of_owner(owner):
            # It may be gone already, together with the key that created it.
            with suppress(ApiKeyNotFoundError):
                await self.revoke(owner, key.id, now)

    async def caller_of(self, key: str) -> Caller | None:
        """Return the caller that a key stands for; None if the key does not work.

        A key works only while its owner exists and all keys by which it was created work.
        """
        digest = _digest(key)
        known = {"digest": digest, "$expr": _ALIVE["$expr"]}
        stages = [{"$match": known}, *_WITH_WHAT_IT_NEEDS, {"$set": {"now": "$$NOW"}}]
        async for found in self._collection.aggregate(stages):
            caller = ApiKey.model_validate(found).caller
            owned = caller.owner == FIRST_OWNER or found["owners"]
            # A key that created it may just have been revoked.
            if owned and len(found["makersAlive"]) == len(caller.makers):
                self._uses[digest] = found["now"]
                return caller
        return None

    async def write_uses(self) -> None:
        """Store when keys were last used; raise STORE_DOWN errors, and then try again next time.

        `caller_of` only notes it: a request does not wait for a write, and does not fail with it.
        """
        uses, self._uses = self._uses, {}
        if not uses:
            return
        writes = [
            UpdateOne({"digest": digest}, {"$max": {"lastUsedAt": used}})
            for digest, used in uses.items()
        ]
        try:
            await self._collection.bulk_write(writes, ordered=False)
        except STORE_DOWN:
            self._uses = uses | self._uses
            raise


def _not_found(key_id: str) -> ApiKeyNotFoundError:
    return ApiKeyNotFoundError(f"There is no API key {key_id!r}.")


def _revoked(now: datetime) -> list[dict[str, Any]]:
    """Return the update that moves the first key's digest to the list of revoked ones."""
    before = {"$ifNull": ["$revoked", []]}
    revoked = {"revokedAt": now, "revoked": {"$concatArrays": [before, ["$digest"]]}}
    return [{"$set": revoked}, {"$unset": "digest"}]


def new_key() -> str:
    """Return a new random API key."""
    return f"cgw_{secrets.token_urlsafe(32)}"


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", errors="replace")).hexdigest()
