"""Idempotency keys: a repeated request gets the same message ids, so it stores nothing twice."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pymongo.errors import DuplicateKeyError

from sessions.common.errors import DomainError
from sessions.common.ids import new_id
from sessions.common.retention import KEPT_FOR
from sessions.messages.sealed_texts import TextSealer, TextUnreadableError

if TYPE_CHECKING:
    from sessions.connections.model import Connection
    from sessions.storage.mongo import Collection, Database

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
        self._texts = texts

    async def prepare(self) -> None:
        """Create the indexes for expiring old keys and for erasing recipients and connections."""
        await self._collection.create_index("messageIds")
        await self._collection.create_index("connection")
        await self._collection.create_index(
            "createdAt", expireAfterSeconds=int(KEPT_FOR.total_seconds())
        )

    async def knows(self, connection: Connection, key: str | None) -> bool:
        """Tell whether a key was used before."""
        if key is None:
            return False
        known = {"_id": _key_id(connection, key)}
        return await self._collection.find_one(known, {"_id": True}) is not None

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
        key_id, digest = _key_id(connection, key), hashlib.sha256(body).hexdigest()
        document = {
            "_id": key_id,
            "digest": self._texts.seal_digest(key_id, digest),
            "connection": connection.id,
            "messageIds": fresh,
            "createdAt": now,
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


def _key_id(connection: Connection, key: str) -> str:
    return hashlib.sha256(f"{connection.owner}\x00{key}".encode()).hexdigest()
