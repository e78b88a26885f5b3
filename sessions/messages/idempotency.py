"""Idempotency keys: a repeated request gets the same message ids, so it stores nothing twice."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pymongo.errors import DuplicateKeyError, OperationFailure

from sessions.common.errors import DomainError
from sessions.common.ids import new_id
from sessions.common.retention import KEPT_FOR
from sessions.messages.sealed_texts import TextSealer, TextUnreadableError

if TYPE_CHECKING:
    from sessions.connections.model import Connection
    from sessions.storage.mongo import Collection, Database

_AT_ONCE = 200
_LOOK_AGAIN = timedelta(hours=1)
_EXPIRING = "createdAt_1"
_KEPT_MS = KEPT_FOR // timedelta(milliseconds=1)
ERASED = "erased"
"""Replaces the digest of a request whose messages were erased; no request has this digest."""


class KeyReusedError(DomainError):
    """The key was used before with another body, or for a connection that was deleted."""

    code = "idempotency_key_reused"


@dataclass(frozen=True)
class Ticket:
    """The ids for the messages of a request; `replayed` if the key was used before."""

    message_ids: list[str]
    replayed: bool


class IdempotencyStore:
    """Give out message ids, the same ones for the same key.

    The unique `_id` decides between concurrent requests. Message ids are fixed here, before any
    message is stored, and each id is stored once. So repeating a request that was cut off halfway
    stores only the messages that are missing.
    """

    def __init__(self, database: Database, texts: TextSealer) -> None:
        self._collection: Collection = database["idempotencyKeys"]
        self._messages: Collection = database["messages"]
        self._texts = texts

    async def prepare(self) -> None:
        """Create the indexes for forgetting old keys and for erasing recipients and connections.

        Earlier versions let MongoDB remove a key 48 hours after it was used first, even while its
        message waited; such an index is dropped.
        """
        await self._collection.create_index("messageIds")
        await self._collection.create_index("connection")
        await self._collection.create_index("lookAt")
        if _EXPIRING in await self._collection.index_information():
            with suppress(OperationFailure):  # another process may just have dropped it
                await self._collection.drop_index(_EXPIRING)
        await self._collection.update_many(
            {"lookAt": {"$exists": False}},
            [{"$set": {"lookAt": {"$add": ["$createdAt", _KEPT_MS]}}}],
        )

    async def forget_old(self, now: datetime) -> None:
        """Remove the keys whose messages have all ended `KEPT_FOR` ago or earlier, or are gone."""
        while keys := [
            key
            async for key in self._collection.find(
                {"lookAt": {"$lte": now}}, {"messageIds": True, "lookAt": True}, limit=_AT_ONCE
            )
        ]:
            for key in keys:
                until = await self._needed_until(key["messageIds"], now)
                same = {"_id": key["_id"], "lookAt": key["lookAt"]}
                if until <= now:
                    await self._collection.delete_one(same)
                else:
                    await self._collection.update_one(same, {"$set": {"lookAt": until}})

    async def _needed_until(self, messages: Sequence[str], now: datetime) -> datetime:
        """Return until when a key is needed, or when to look again while a message has not ended.

        A message that was removed has ended long ago.
        """
        young = {"_id": {"$in": list(messages)}, "endedAt": {"$not": {"$lte": now - KEPT_FOR}}}
        found = self._messages.find(young, {"endedAt": True})
        ends = [each.get("endedAt") async for each in found]
        return max((end + KEPT_FOR if end else now + _LOOK_AGAIN for end in ends), default=now)

    async def knows(self, owner: str, key: str | None) -> bool:
        """Tell whether an owner has used a key before."""
        if key is None:
            return False
        known = {"_id": _key_id(owner, key)}
        return await self._collection.find_one(known, {"_id": True}) is not None

    async def messages_of(self, owner: str, key: str) -> list[str]:
        """Return the ids of the messages of an owner's key; none for a key that is not known."""
        known = await self._collection.find_one({"_id": _key_id(owner, key)}, {"messageIds": True})
        return [] if known is None else list(known["messageIds"])

    async def ticket(
        self, connection: Connection, key: str | None, body: bytes, count: int, now: datetime
    ) -> Ticket:
        """Return the ids for a request; raise KeyReusedError if the key is another request's.

        That is a request with another body, or for a connection that was deleted since, even if
        a new connection has the same id. Raises TextKeyMissingError if the stored digest cannot
        be decrypted to compare it.
        """
        fresh = [new_id() for _ in range(count)]
        if key is None:
            return Ticket(fresh, replayed=False)
        key_id, digest = _key_id(connection.owner, key), hashlib.sha256(body).hexdigest()
        document = {
            "_id": key_id,
            "digest": self._texts.seal_digest(key_id, digest),
            "connection": connection.id,
            "messageIds": fresh,
            "createdAt": now,
            "lookAt": now + KEPT_FOR,
        }
        try:
            await self._collection.insert_one(document)
        except DuplicateKeyError:
            return await self._earlier(key_id, digest, connection.id)
        return Ticket(fresh, replayed=False)

    async def _earlier(self, key_id: str, digest: str, connection: str) -> Ticket:
        known = await self._collection.find_one({"_id": key_id})
        if known is not None and known["digest"] == ERASED:
            raise KeyReusedError("What came before with this Idempotency-Key was erased.")
        if known is None or not self._is_of(known, digest):
            raise KeyReusedError("This Idempotency-Key came before with another body.")
        # Keys stored by earlier versions have no connection.
        if known.get("connection", connection) != connection:
            raise KeyReusedError(
                "This Idempotency-Key came before for a connection that was deleted since."
            )
        return Ticket(list(known["messageIds"]), replayed=True)

    def _is_of(self, known: Mapping[str, Any], digest: str) -> bool:
        """Tell whether a stored key belongs to the request with this digest."""
        try:
            return self._texts.open_digest(known["_id"], known["digest"]) == digest
        except TextUnreadableError:
            return False


def _key_id(owner: str, key: str) -> str:
    return hashlib.sha256(f"{owner}\x00{key}".encode()).hexdigest()
